import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from absorb.stats.geometry import DROPPED
from absorb.stats.two_features import (
    expand,
    family,
    single_loss,
    textbook_boundary,
    two_feature_loss,
)

MIDDLE_G = (np.arange(1000) + 0.5) / 1000
X_GG, Y_GG = np.meshgrid(MIDDLE_G, MIDDLE_G, indexing="ij")
WEIGHT, BIAS = st.floats(-1.5, 1.5), st.floats(-0.8, 0.8)


def network_loss(w, b, p, r):
    """The summed loss of the network itself, by the midpoint rule over what may be active."""
    none, alone = np.zeros(1), MIDDLE_G
    cases = (
        (p * p, X_GG, Y_GG),
        (p * (1 - p), alone, 0 * alone),
        (p * (1 - p), 0 * alone, alone),
        ((1 - p) ** 2, none, none),
    )
    total = 0.0
    for chance, x1, x2 in cases:
        h = w[0] * x1 + w[1] * x2
        y1, y2 = np.maximum(w[0] * h + b[0], 0), np.maximum(w[1] * h + b[1], 0)
        total += chance * np.mean((x1 - y1) ** 2 + r * (x2 - y2) ** 2)
    return total


@settings(max_examples=60)
@given(st.tuples(WEIGHT, WEIGHT), st.tuples(BIAS, BIAS), st.floats(0, 1), st.floats(0.1, 10))
@example((1.0, -1.0), (0.0, 0.0), 1.0, 1.0)
@example((1.0, 0.0), (-0.5, 0.5), 0.5, 1.0)
@example((0.0, 0.0), (0.3, -0.3), 0.5, 1.0)
@example((1.0, -1e-160), (-0.3, 0.2), 0.5, 1.0)
@example((1e-4, 1.0), (-1e-9, -0.9), 0.9, 2.0)
def test_the_exact_loss_is_that_of_the_network(w, b, p, r):
    found = two_feature_loss(w, b, p, r)
    assert found.summed == pytest.approx(network_loss(w, b, p, r), rel=2e-6, abs=2e-6)
    assert found.mean == pytest.approx(found.summed / 2)


def test_losses_of_many_weights_come_at_once():
    w_G2, b_G2 = np.random.default_rng(0).normal(size=(2, 3, 2))
    p_G, r_G = np.array([0.1, 0.4, 0.9]), np.array([0.5, 1.0, 3.0])
    found = two_feature_loss(w_G2, b_G2, p_G, r_G).summed
    one_by_one = [two_feature_loss(*a).summed for a in zip(w_G2, b_G2, p_G, r_G, strict=True)]
    assert found == pytest.approx(one_by_one)
    assert two_feature_loss(w_G2[0], b_G2[0], p_G[:, None], r_G).summed.shape == (3, 3)


def test_swapping_the_features_swaps_their_importance():
    w, b = np.array([1.1, -0.4]), np.array([-0.1, 0.2])
    one = two_feature_loss(w, b, 0.4, 0.5).summed
    assert one == pytest.approx(0.5 * two_feature_loss(w[::-1], b[::-1], 0.4, 2.0).summed)


@settings(max_examples=30)
@given(st.tuples(WEIGHT, WEIGHT), st.tuples(BIAS, BIAS), st.floats(0.1, 1))
def test_the_gradient_is_that_of_the_loss(w, b, p):
    theta, r, step = np.array([*w, *b]), 0.7, 1e-5
    here = np.abs(theta[2:]).min()
    if here < 1e-4:  # at bias 0 the silent case has a kink in its slope
        return
    up, down = (
        [two_feature_loss(m[:2], m[2:], p, r).summed for m in theta + sign * step * np.eye(4)]
        for sign in (1, -1)
    )
    numeric = (np.array(up) - np.array(down)) / (2 * step)
    found = expand(theta, np.array(p), np.array(r))
    assert found.gradient_NT == pytest.approx(numeric, abs=1e-4)


@pytest.mark.parametrize(("p", "r"), [(0.05, 0.3), (0.5, 1.0), (0.9, 4.0)])
def test_one_feature_alone_leaves_the_variance_of_the_lesser_one(p, r):
    w, b = ([1.0, 0.0], [0.0, p / 2]) if r <= 1 else ([0.0, 1.0], [p / 2, 0.0])
    assert single_loss(p, r).summed == pytest.approx(two_feature_loss(w, b, p, r).summed)
    assert single_loss(p, r).mean == pytest.approx(two_feature_loss(w, b, p, r).mean)

    def loss(constant):
        return two_feature_loss([1.0, 0.0], [0.0, constant], p, r).summed

    assert minimize_scalar(loss, bounds=(0, 1)).x == pytest.approx(p / 2, abs=1e-5)


def antipodal_unit(p, r):
    return two_feature_loss([1.0, -1.0], [0.0, 0.0], p, r).summed


@pytest.mark.parametrize("r", [0.1, 0.5, 1.0, 2.0, 10.0])
def test_the_textbook_boundary_is_where_unit_digon_and_single_with_bias_lose_the_same(r):
    p = textbook_boundary(r)
    assert antipodal_unit(p, r) == pytest.approx(single_loss(p, r).summed)
    assert antipodal_unit(0.99 * p, r) < single_loss(0.99 * p, r).summed


def test_at_equal_importance_the_textbook_boundary_is_four_sevenths():
    assert textbook_boundary(1.0) == pytest.approx(4 / 7)
    assert antipodal_unit(0.3, 1.0) == pytest.approx(0.3**2 / 3)


def test_four_sevenths_comes_from_the_singles_bias_alone():
    """With no bias on either side the unit digon loses p²/3, the single feature p/3: never more."""
    for p in (0.6, 0.9, 0.999):
        without = two_feature_loss([1.0, 0.0], [0.0, 0.0], p, 1.0).summed
        assert without == pytest.approx(p / 3) and antipodal_unit(p, 1.0) < without
        assert antipodal_unit(p, 1.0) > single_loss(p, 1.0).summed


def test_the_boundary_does_not_care_which_feature_comes_first():
    r = np.array([0.2, 0.7, 3.0])
    assert textbook_boundary(r) == pytest.approx(textbook_boundary(1 / r))


@pytest.mark.parametrize(
    ("w", "expected"),
    [
        ([1.0, 0.0], "first only"),
        ([0.05, -1.0], "second only"),
        ([-0.9, 1.1], "antipodal"),
        ([-0.7, -0.7], "both alike"),
        ([0.05, -0.05], "neither"),
        ([1.3, 1.29 * DROPPED], "first only"),
        ([1.3, 1.31 * DROPPED], "both alike"),
    ],
)
def test_families_by_sign_and_size(w, expected):
    assert family(w) == expected
    assert family(-np.array(w)) == expected


def test_families_of_many_weights_come_at_once():
    found = family(np.array([[[1.0, -1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 1.0]]]))
    assert found.tolist() == [["antipodal", "first only"], ["second only", "both alike"]]
