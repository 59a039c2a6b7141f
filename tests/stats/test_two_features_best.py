import numpy as np
import pytest
from scipy.optimize import minimize

from absorb.stats.two_features import expand, single_loss, textbook_boundary, two_feature_loss
from absorb.stats.two_features_best import (
    antipodal_boundary,
    best_two_features,
    damped_step,
    hessian,
    newton,
)

P_P, R_R = np.geomspace(0.02, 1.0, 9), np.geomspace(0.1, 10, 9)
MAP = best_two_features(P_P[:, None], R_R)


def summed(theta, p, r):
    return two_feature_loss(theta[..., :2], theta[..., 2:], p, r).summed


def test_the_stated_loss_is_that_of_the_stated_weights():
    found = two_feature_loss(MAP.w, MAP.b, P_P[:, None], R_R)
    assert found.summed == pytest.approx(MAP.summed, rel=1e-9)
    assert found.mean == pytest.approx(MAP.mean, rel=1e-9)
    assert MAP.w.shape == MAP.b.shape == (9, 9, 2) and MAP.family.shape == (9, 9)


def test_no_weights_drawn_at_random_lose_less():
    rng = np.random.default_rng(0)
    theta = rng.uniform([-1.5, -1.5, -0.6, -0.6], [1.5, 1.5, 0.6, 0.6], (400, 1, 1, 4))
    assert (summed(theta, P_P[:, None], R_R) >= MAP.summed).all()
    near = np.concatenate([MAP.w, MAP.b], axis=-1) + 0.01 * rng.standard_normal((400, 9, 9, 4))
    assert (summed(near, P_P[:, None], R_R) >= MAP.summed).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("p", "r"), [(0.05, 1.0), (0.3, 0.35), (0.37, 0.3), (0.65, 1.0), (0.8, 0.95), (1.0, 1.0)]
)
def test_no_descent_from_random_starts_ends_lower(p, r):
    starts = np.random.default_rng(1).uniform(-1.2, 1.2, (12, 4)) * [1, 1, 0.4, 0.4]
    ends = [minimize(summed, s, args=(p, r), method="BFGS").fun for s in starts]
    best = best_two_features(p, r).summed
    assert min(ends) >= best - 1e-9 and min(ends) == pytest.approx(best, rel=1e-4)


def test_gradients_vanish_at_every_minimum():
    theta = np.concatenate([MAP.w, MAP.b], axis=-1)
    p, r = np.broadcast_arrays(P_P[:, None], R_R)
    slope = np.abs(expand(theta, p, r).gradient_NT).max(axis=-1)
    assert (slope <= 1e-5 * MAP.summed).all()


def test_swapping_the_importances_swaps_the_features():
    assert MAP.summed == pytest.approx(R_R * MAP.summed[:, ::-1])
    swapped = {"first only": "second only", "second only": "first only"}
    unequal = np.flatnonzero(R_R != 1)
    expected = [[swapped.get(f, f) for f in row] for row in MAP.family[:, ::-1][:, unequal]]
    assert MAP.family[:, unequal].tolist() == expected


@pytest.mark.parametrize("p", [0.001, 0.01, 0.1, 0.2, 0.3])
def test_equal_and_sparse_features_are_antipodal(p):
    found = best_two_features(p, 1.0)
    assert found.family == "antipodal"
    assert found.w[0] == pytest.approx(-found.w[1], abs=1e-4)
    assert found.b[0] == pytest.approx(found.b[1], abs=1e-4)
    assert (
        found.summed < two_feature_loss([1, -1], [0, 0], p, 1.0).summed < single_loss(p, 1).summed
    )


def test_the_sparser_the_features_the_closer_to_the_unit_digon():
    found = best_two_features(1e-4, 1.0)
    assert found.w == pytest.approx([1, -1], abs=1e-3)
    assert found.b == pytest.approx([0, 0], abs=1e-4)
    assert found.summed == pytest.approx(1e-8 / 3, rel=1e-3)


def test_one_feature_alone_is_best_where_features_are_dense_and_unequal():
    first = best_two_features(0.5, 0.1)
    assert first.family == "first only" and first.summed == single_loss(0.5, 0.1).summed
    assert first.w.tolist() == [1, 0] and first.b.tolist() == [0, 0.25]
    second = best_two_features(0.5, 10.0)
    assert second.family == "second only" and second.w.tolist() == [0, 1]


def test_features_are_never_best_side_by_side():
    assert set(MAP.family.ravel()) == {"first only", "second only", "antipodal"}


def test_the_sign_of_the_hidden_dimension_is_fixed():
    assert (MAP.w[..., 0] >= 0).all()


def test_trained_weights_leave_the_textbook_boundary_behind():
    r = np.array([0.1, 0.3, 0.8, 1.0, 1.25, 10.0])
    found = antipodal_boundary(r)
    assert (found > textbook_boundary(r) + 0.01).all()
    assert found[[2, 0]] == pytest.approx(found[[4, 5]], abs=1e-6)
    clear = best_two_features(found - 0.01, r).family, best_two_features(found + 0.01, r).family
    assert (clear[0] == "antipodal").all() and (clear[1][r != 1] != "antipodal").all()


def test_equal_features_share_the_dimension_at_every_sparsity():
    p = np.array([4 / 7, 0.7, 0.8, 0.9, 1.0])
    found = best_two_features(p, 1.0)
    assert (found.family == "antipodal").all()
    assert (found.summed < single_loss(p, 1.0).summed * (1 - 5e-4)).all()


def test_the_hessian_is_that_of_the_loss_and_newton_leaves_a_saddle():
    p, r = np.array([0.2]), np.array([1.0])
    theta = np.array([[0.9, -0.8, 0.1, 0.15]])
    second = hessian(theta, expand(theta, p, r), p, r)[0]
    step = 1e-4 * np.eye(4)
    for i in range(4):
        ends = [summed(theta[0] + s * step[i], 0.2, 1.0) for s in (-1, 0, 1)]
        assert second[i, i] == pytest.approx((ends[0] - 2 * ends[1] + ends[2]) / 1e-8, abs=1e-4)
    saddle = np.array([[1.0, -1e-3, 0.0, 0.1]])
    out = newton(saddle, p, r, lambda at, now: hessian(at, now, p, r), 30)
    assert summed(out, p, r)[0] < 0.6 * single_loss(0.2, 1.0).summed


def test_steps_go_downhill_even_where_the_curvature_is_negative():
    rng = np.random.default_rng(0)
    half_NTT, gradient_NT = rng.standard_normal((200, 4, 4)), rng.standard_normal((200, 4))
    curvature_NTT = half_NTT + np.swapaxes(half_NTT, 1, 2)
    step_NT = damped_step(curvature_NTT, gradient_NT, np.full((200, 1), 1e-9))
    assert ((step_NT * gradient_NT).sum(axis=1) > 0).all()
    positive_NTT = half_NTT @ np.swapaxes(half_NTT, 1, 2) + np.eye(4)
    plain_NT = np.linalg.solve(positive_NTT, gradient_NT[..., None])[..., 0]
    step_NT = damped_step(positive_NTT, gradient_NT, np.full((200, 1), 1e-12))
    assert step_NT == pytest.approx(plain_NT, rel=1e-6, abs=1e-9)
