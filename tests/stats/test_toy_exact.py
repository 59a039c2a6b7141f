from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial.legendre import leggauss
from scipy.optimize import minimize
from scipy.stats import binomtest, ortho_group

from absorb.errors import AbsorbError
from absorb.stats.geometry import partners
from absorb.stats.toy_exact import (
    kgon_error,
    kgon_optimum,
    line_error,
    loss_excess,
    pairing_rate,
    transfer,
)

TABLE = (  # features, on the polygon, length, bias, error
    (5, 4, 1.0, 0.0, 0.056667),
    (5, 5, 1.17046, -0.28230, 0.015826),
    (6, 6, 1.32050, -0.61807, 0.048192),
)
NODES = list(zip(*leggauss(8), strict=True))


def average(function, kinks):
    """The mean over [0, 1] of a smooth function with kinks, by quadrature between them."""
    ends = np.unique(np.clip([0.0, 1.0, *kinks], 0, 1))
    return sum(
        (b - a) / 2 * sum(w * function(a + (b - a) * (q + 1) / 2) for q, w in NODES)
        for a, b in pairwise(ends)
    )


def network_error(features, k, length, bias, constant=None):
    """Mean summed error of the network itself, one feature after another switched on."""
    angle_F = 2 * np.pi * np.arange(features) / k
    kept_F = np.arange(features) < k
    w_MF = length * np.array([np.cos(angle_F), np.sin(angle_F)]) * kept_F
    b_F = np.where(kept_F, bias, 1 / (2 * features) if constant is None else constant)
    slope_FF = w_MF.T @ w_MF
    safe_FF = np.where(slope_FF == 0, 1, slope_FF)

    def error(active, mu):
        x_F = mu * np.eye(features)[active]
        return ((np.maximum(slope_FF @ x_F + b_F, 0) - x_F) ** 2).sum()

    return np.mean(
        [average(lambda mu, i=i: error(i, mu), -b_F / safe_FF[i]) for i in range(features)]
    )


@given(
    st.integers(1, 7),
    st.integers(0, 3),
    st.floats(0.1, 2),
    st.floats(-1.5, 0.5),
)
def test_polygon_error_is_that_of_the_network(k, dropped, length, bias):
    expected = network_error(k + dropped, k, length, bias)
    assert kgon_error(k + dropped, k, length, bias) == pytest.approx(expected, abs=1e-9)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0, 1))
def test_line_error_is_the_integral_on_both_sides_of_the_kink(slope, bias, target):
    kink = [-bias / slope] if abs(slope) > 1e-9 else []
    expected = average(lambda mu: (max(slope * mu + bias, 0) - target * mu) ** 2, kink)
    found = line_error(np.array(slope), np.array(bias), np.array(target))
    assert found == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("features", "k", "length", "bias", "error"), TABLE)
def test_the_stated_polygons_have_the_stated_error(features, k, length, bias, error):
    assert network_error(features, k, length, bias) == pytest.approx(error, abs=1e-6)
    assert kgon_error(features, k, length, bias) == pytest.approx(error, abs=1e-6)


@pytest.mark.parametrize(("features", "k", "length", "bias", "error"), TABLE)
def test_the_stated_polygons_are_the_best(features, k, length, bias, error):
    found = kgon_optimum(features, k)
    assert (found.length, found.bias) == pytest.approx((length, bias), abs=1e-4)
    assert found.error == pytest.approx(error, abs=1e-6)
    for start in ([0.8, 0.1], [1.5, -0.9], [1.1, -0.2]):
        other = minimize(
            lambda at: network_error(features, k, *at), start, method="Nelder-Mead", tol=1e-9
        )
        assert other.x == pytest.approx([found.length, found.bias], abs=1e-5)
        assert other.fun == pytest.approx(found.error, abs=1e-12)


@pytest.mark.parametrize("features", [5, 6])
def test_of_all_polygons_five_hold_the_pentagon_and_six_the_hexagon(features):
    errors = {k: kgon_optimum(features, k).error for k in range(2, features + 1)}
    assert min(errors, key=errors.__getitem__) == features


def test_nothing_around_the_optimum_is_better():
    found = kgon_optimum(5, 5)
    turns = 2 * np.pi * np.arange(12) / 12
    for dl, db in zip(1e-4 * np.cos(turns), 1e-4 * np.sin(turns), strict=True):
        assert kgon_error(5, 5, found.length + dl, found.bias + db) > found.error


def test_the_constant_of_a_dropped_feature_is_the_best_constant():
    found = kgon_error(5, 4, 1.0, 0.0)
    assert found == pytest.approx(1 / 15 - 1 / 100)
    for constant in (0.0, 0.09, 0.11):
        assert network_error(5, 4, 1.0, 0.0, constant) > found + 5e-5


def test_a_polygon_needs_its_features():
    with pytest.raises(AbsorbError, match="k is 6"):
        kgon_error(5, 6, 1.0, 0.0)


def matchings(features):
    """Every way to pair the features up."""
    if not features:
        yield []
        return
    first, rest = features[0], features[1:]
    for other in rest:
        for pairs in matchings([f for f in rest if f != other]):
            yield [(first, other), *pairs]


@pytest.mark.parametrize(("m", "count"), [(1, 1), (2, 3), (3, 15)])
def test_chance_pairing_by_enumeration(m, count):
    found = list(matchings(list(range(2 * m))))
    assert len(found) == count
    for pair in [(0, 1), (0, 2 * m - 1)]:
        assert sum(pair in pairs for pairs in found) / count == pytest.approx(pairing_rate(m))


@pytest.mark.parametrize("m", [2, 3, 5])
def test_chance_pairing_by_simulation_of_digons(m):
    rng, hits = np.random.default_rng(0), 0
    digons_MF = np.hstack([np.eye(m), -np.eye(m)])
    for seed in range(2000):
        w_MF = ortho_group.rvs(m, random_state=seed) @ digons_MF[:, rng.permutation(2 * m)]
        hits += partners(w_MF)[0] == 1
    assert binomtest(int(hits), 2000, pairing_rate(m)).pvalue > 0.01


def test_pairing_needs_a_dimension():
    with pytest.raises(AbsorbError, match="m is 0"):
        pairing_rate(0)


def digons(pairs, seed):
    """m digons of these pairs of features in a random basis, shape (m, 2m)."""
    w_MF = np.zeros((len(pairs), 2 * len(pairs)))
    for row, (i, j) in enumerate(pairs):
        w_MF[row, i], w_MF[row, j] = 1, -1
    return ortho_group.rvs(len(pairs), random_state=seed) @ w_MF


@pytest.mark.parametrize("other", [[(0, 2), (1, 3)], [(2, 0), (1, 3)], [(0, 3), (1, 2)]])
def test_between_mismatched_pairs_half_is_carried(other):
    found = transfer(digons([(0, 1), (2, 3)], 0), digons(other, 1), np.eye(4))
    assert found.cosine_F == pytest.approx(1 / np.sqrt(2), abs=1e-12)
    assert found.r2 == pytest.approx(0.5, abs=1e-12)


def test_between_matching_pairs_everything_is_carried_by_the_turn_between_them():
    w_MF, v_MF = digons([(0, 1), (2, 3)], 0), digons([(2, 3), (0, 1)], 1)
    found = transfer(w_MF, v_MF, np.eye(4))
    assert found.cosine_F == pytest.approx(1) and found.r2 == pytest.approx(1)
    assert found.map_NM @ found.map_NM.T == pytest.approx(np.eye(2), abs=1e-12)


def test_transfer_is_least_squares_over_the_features():
    rng = np.random.default_rng(0)
    w_MF, v_NF, x_BF = (rng.standard_normal(s) for s in ((3, 6), (2, 6), (500, 6)))
    found = transfer(w_MF, v_NF, x_BF.T @ x_BF / 500)
    map_MN, *_ = np.linalg.lstsq(x_BF @ w_MF.T, x_BF @ v_NF.T, rcond=None)
    assert found.map_NM == pytest.approx(map_MN.T)
    target_BN = x_BF @ v_NF.T
    missed_BN = target_BN - x_BF @ w_MF.T @ map_MN
    assert found.r2 == pytest.approx(1 - (missed_BN**2).sum() / (target_BN**2).sum())
    image = found.map_NM @ w_MF[:, 4]
    expected = image @ v_NF[:, 4] / np.linalg.norm(image) / np.linalg.norm(v_NF[:, 4])
    assert found.cosine_F[4] == pytest.approx(expected)


def test_an_idle_dimension_and_a_dropped_feature_carry_nothing():
    w_MF, v_NF = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]), np.array([[1.0, -1.0, 0.5]])
    found = transfer(w_MF, v_NF, np.eye(3))
    assert found.map_NM == pytest.approx(np.array([[1.0, 0.0]]))
    assert found.cosine_F == pytest.approx([1, 1, 0])
    assert found.r2 == pytest.approx(2 / 2.25)


def test_loss_excess_is_relative_to_the_best():
    assert loss_excess(0.3, 0.2) == pytest.approx(0.5)
    assert loss_excess([0.2, 0.1], 0.1) == pytest.approx([1.0, 0.0])
    assert np.isnan(loss_excess(0.1, 0.0))
