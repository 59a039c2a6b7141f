import numpy as np
import pytest
from scipy import stats
from scipy.optimize import isotonic_regression

from absorb.stats.crossing import crossing, isotonic_blocks, smooth_monotone, zero_of_falling

X_G = np.array([0.0, 1.0, 2.0, 4.0])
FALLING_G = np.array([3.0, 1.0, -1.0, -2.0])


def seeds(mean_G, spread=0.3, n=6, seed=0):
    noise_SG = np.random.default_rng(seed).standard_normal((n, len(mean_G)))
    return mean_G + spread * (noise_SG - noise_SG.mean(axis=0))


def test_the_mean_of_the_pooled_curves_is_the_isotonic_fit_of_the_mean():
    y_SG = np.random.default_rng(0).standard_normal((5, 8))
    pooled_SG = isotonic_blocks(y_SG, increasing=False)
    expected_G = isotonic_regression(y_SG.mean(axis=0), increasing=False).x
    assert pooled_SG.mean(axis=0) == pytest.approx(expected_G)
    assert (np.diff(expected_G) == 0).any()


def test_pooling_leaves_curves_that_fall_on_average_untouched():
    d_SG = seeds(FALLING_G)
    assert (isotonic_blocks(d_SG, increasing=False) == d_SG).all()


def test_zero_is_interpolated_and_the_middle_of_a_flat_stretch():
    assert zero_of_falling(FALLING_G, X_G) == pytest.approx(1.5)
    assert zero_of_falling(np.array([1.0, 0.0, 0.0, -1.0]), X_G) == pytest.approx(1.5)
    assert zero_of_falling(np.array([0.0, -1.0, -2.0, -3.0]), X_G) == 0


def test_ends_are_where_the_paired_t_test_just_rejects():
    d_SG = seeds(FALLING_G)
    found = crossing(d_SG, X_G)
    assert found.bounded and found.low < found.value < found.high
    for end in (found.low, found.high):
        at_S = [np.interp(end, X_G, d_G) for d_G in d_SG]
        assert stats.ttest_1samp(at_S, 0).pvalue == pytest.approx(0.05, abs=0.002)


def test_without_scatter_the_interval_is_the_point():
    found = crossing(np.tile(FALLING_G, (4, 1)), X_G)
    assert found[:3] == pytest.approx((1.5, 1.5, 1.5))


def test_an_end_that_the_grid_does_not_reject_stays_open():
    found = crossing(seeds(FALLING_G, spread=6.0), X_G)
    assert found.high == np.inf and not found.bounded and not found.censored and found.why


@pytest.mark.parametrize(("shift", "side"), [(10.0, "above"), (-10.0, "below")])
def test_a_crossing_beyond_the_grid_is_censored_at_its_end(shift, side):
    found = crossing(seeds(FALLING_G + shift), X_G)
    assert found.censored == side and not found.bounded
    assert found.value == (4.0 if side == "above" else 0.0)
    assert (found.low, found.high) == ((4.0, np.inf) if side == "above" else (-np.inf, 0.0))


def test_one_seed_has_a_crossing_and_no_interval():
    found = crossing(FALLING_G[None], X_G)
    assert found.value == pytest.approx(1.5) and not found.bounded


def test_the_smooth_curve_is_monotone_keeps_the_knots_and_every_seeds_own_value():
    y_SG = seeds(np.array([4.0, 2.0, 2.0, 0.0]), spread=0.0)
    x_F = np.linspace(0, 4, 101)
    curve_SF = smooth_monotone(y_SG, X_G, x_F)
    assert (np.diff(curve_SF, axis=1) <= 1e-12).all()
    noisy_SG = seeds(FALLING_G)
    assert smooth_monotone(noisy_SG, X_G, X_G) == pytest.approx(noisy_SG, abs=1e-4)


def test_the_scatter_of_the_smooth_curve_is_that_of_its_mean():
    noisy_SG, x_F = seeds(FALLING_G, spread=1e-3), np.array([0.5, 1.7, 3.0])
    from scipy.interpolate import PchipInterpolator

    exact_SF = np.array([PchipInterpolator(X_G, y_G)(x_F) for y_G in noisy_SG])
    assert smooth_monotone(noisy_SG, X_G, x_F) == pytest.approx(exact_SF, abs=1e-5)
