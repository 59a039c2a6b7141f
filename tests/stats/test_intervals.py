import numpy as np
import pytest
from scipy import stats

from absorb.stats.intervals import (
    binomial,
    difference_t,
    fieller_ratio,
    jackknife_t,
    leave_one_out,
    mean_t,
    share_t,
)

X_S = np.array([1.0, 2.0, 4.0, 7.0, 11.0])
Y_S = np.array([9.0, 11.0, 10.0, 12.0, 13.0])


def test_mean_interval_is_scipys():
    found = mean_t(X_S)
    low, high = stats.ttest_1samp(X_S, 0).confidence_interval(0.95)
    assert found[:4] == pytest.approx((5.0, low, high, 5))


def test_difference_cancels_what_the_seeds_share():
    shared_S = np.array([0.0, 100.0, -50.0, 3.0, 1e4])
    assert difference_t(X_S + shared_S, Y_S + shared_S)[:3] == pytest.approx(
        difference_t(X_S, Y_S)[:3]
    )


def test_fieller_ends_are_the_ratios_that_the_paired_t_test_just_rejects():
    found = fieller_ratio(X_S, Y_S)
    assert found.bounded and found.low < found.value < found.high
    for end in (found.low, found.high):
        assert stats.ttest_1samp(X_S - end * Y_S, 0).pvalue == pytest.approx(0.05)


def test_fieller_with_an_exact_denominator_is_the_t_interval():
    assert fieller_ratio(X_S, np.full(5, 2.0))[:3] == pytest.approx(mean_t(X_S / 2)[:3])


def test_fieller_scales_and_flips_with_its_parts():
    found = fieller_ratio(X_S, Y_S)
    assert fieller_ratio(-3 * X_S, Y_S)[:3] == pytest.approx(
        (-3 * found.value, -3 * found.high, -3 * found.low)
    )


def test_fieller_is_unbounded_where_the_denominator_may_be_zero():
    den_S = np.array([-1.0, 2.0, 0.5, -0.5, 1.0])
    assert not mean_t(den_S).excludes(0)
    found = fieller_ratio(X_S, den_S)
    assert not found.bounded and found.low == -np.inf and found.high == np.inf
    assert "denominator" in found.why
    assert np.isnan(fieller_ratio(X_S, np.array([-1.0, 1.0, 0, 0, 0])).value)


def test_fieller_is_bounded_exactly_when_the_denominators_t_interval_excludes_zero():
    rng = np.random.default_rng(1)
    for _ in range(200):
        num_S, den_S = rng.normal(1, 1, (2, 5))
        assert fieller_ratio(num_S, den_S).bounded == mean_t(den_S).excludes(0)


def test_a_seed_that_is_not_finite_is_reported_and_not_dropped():
    bad_S = X_S.copy()
    bad_S[2] = np.nan
    for found in (mean_t(bad_S), fieller_ratio(bad_S, Y_S), fieller_ratio(Y_S, bad_S)):
        assert np.isnan(found.value) and not found.bounded and "1 of 5" in found.why


def test_one_seed_gives_a_value_and_no_interval():
    for found in (mean_t(X_S[:1]), fieller_ratio(X_S[:1], Y_S[:1])):
        assert np.isfinite(found.value) and not found.bounded and found.n == 1
    assert np.isnan(mean_t(X_S[:0]).value)


def test_jackknife_of_the_mean_is_the_t_interval():
    assert jackknife_t(np.mean, X_S)[:4] == pytest.approx(mean_t(X_S)[:4])


def test_jackknife_takes_the_bias_of_a_squared_mean_out():
    found = jackknife_t(lambda x_S: x_S.mean() ** 2, X_S)
    unbiased = X_S.mean() ** 2 - X_S.var(ddof=1) / 5
    assert (found.low + found.high) / 2 == pytest.approx(unbiased)
    assert found.value == pytest.approx(25.0)


def test_jackknife_leaves_the_same_seed_out_of_every_array():
    both_SQ = leave_one_out(lambda x_S, y_S: np.array([x_S.sum(), y_S.sum()]), X_S, 2 * X_S)
    assert both_SQ == pytest.approx(np.stack([25 - X_S, 2 * (25 - X_S)], axis=1))


def test_jackknife_says_where_the_statistic_is_undefined_without_a_seed():
    found = jackknife_t(lambda x_S: np.log(x_S.max()) if len(x_S) > 4 else np.nan, X_S)
    assert found.value == pytest.approx(np.log(11)) and not found.bounded and "5 of 5" in found.why
    assert np.isnan(jackknife_t(lambda x_S: np.nan, X_S).value)


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_a_jackknife_without_scatter_is_open(value):
    found = jackknife_t(lambda x_S: float(x_S.mean()), np.full(7, value))
    assert found.value == pytest.approx(value) and not found.bounded
    assert found.why == "no scatter between seeds" and not found.excludes(0.5)


def test_shares_have_the_t_interval_where_they_scatter_and_an_exact_one_where_not():
    x_S = np.array([0.2, 0.5, 0.3])
    assert share_t(x_S) == mean_t(x_S)
    for hits in (0, 6):
        assert share_t(np.full(6, hits / 6))[:4] == pytest.approx(binomial(hits, 6)[:4])
    unseen = 0.025 ** (1 / 6)
    assert share_t(np.full(6, 0.1))[:3] == pytest.approx((0.1, 0.1 * unseen, 1 - 0.9 * unseen))
    assert not share_t(np.ones(1)).bounded and np.isnan(share_t(np.array([])).value)


def test_binomial_is_exact_at_the_edges():
    assert binomial(0, 20)[:3] == pytest.approx((0.0, 0.0, 1 - 0.025 ** (1 / 20)))
    assert not binomial(0, 0).bounded
