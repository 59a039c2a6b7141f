"""The best weights for two features in one hidden dimension, at every (p, r) of a phase diagram."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from absorb.stats.two_features import Expansion, expand, family, single_loss

ROUGH_STEPS = 25  # of damped Gauss–Newton
FINE_STEPS = 8  # of damped Newton
NUDGE = 1e-7  # by which parameters move for second derivatives
BISECTIONS = 30
STARTS_ST = np.array(  # w₁, w₂, b₁, b₂
    [[1, -1, 0, 0], [1, -0.4, 0, 0.2], [-0.4, 1, 0.2, 0], [0.7, 0.7, 0, 0]], float
)


class TwoFeatureBest(NamedTuple):
    """The weights of least expected loss, w₁ ≥ 0: `w`, `b` (..., 2), all else (...).

    `mean` is the loss as runs report it, a mean over the two features, `summed` twice that.
    """

    w: np.ndarray
    b: np.ndarray
    mean: np.ndarray
    summed: np.ndarray
    family: np.ndarray


def best_two_features(active: np.ndarray, importance: np.ndarray) -> TwoFeatureBest:
    """The minimum over all weights and biases; `active` and `importance` broadcast to (...).

    Descends from a few starts per point and keeps the best, unless `single_loss`, which is a
    minimum in closed form, is as low up to rounding.
    """
    p, r = np.broadcast_arrays(np.asarray(active, float), np.asarray(importance, float))
    theta_PT, summed_P = lowest(p.ravel(), r.ravel())
    theta_PT, summed_P = prefer_single(theta_PT, summed_P, p.ravel(), r.ravel())
    theta = theta_PT.reshape(*p.shape, 4)
    w = theta[..., :2] * np.where(theta[..., :1] < 0, -1.0, 1.0)
    summed = summed_P.reshape(p.shape)
    return TwoFeatureBest(w, theta[..., 2:], summed / 2, summed, family(w))


def antipodal_boundary(importance: np.ndarray) -> np.ndarray:
    """The p below which the best weights are antipodal, by bisection; shape of `importance`."""
    r = np.asarray(importance, float)
    low, high = np.zeros(r.shape), np.ones(r.shape)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        antipodal = best_two_features(middle, r).family == "antipodal"
        low, high = np.where(antipodal, middle, low), np.where(antipodal, high, middle)
    return (low + high) / 2


def lowest(p_P: np.ndarray, r_P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best parameters that the descents reach at every point, and their summed loss."""
    starts = len(STARTS_ST)
    theta_NT = descend(
        np.repeat(STARTS_ST, len(p_P), axis=0), np.tile(p_P, starts), np.tile(r_P, starts)
    )
    theta_SPT = theta_NT.reshape(starts, len(p_P), 4)
    loss_SP = expand(theta_SPT, p_P + np.zeros((starts, 1)), r_P + np.zeros((starts, 1))).loss_N
    best_P, point_P = loss_SP.argmin(axis=0), np.arange(len(p_P))
    return theta_SPT[best_P, point_P], loss_SP[best_P, point_P]


def prefer_single(
    theta_PT: np.ndarray, summed_P: np.ndarray, p_P: np.ndarray, r_P: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One feature alone wherever nothing found is better by more than a descent's last digits."""
    single_P = single_loss(p_P, r_P).summed
    one, none = np.ones_like(p_P), np.zeros_like(p_P)
    first_PT = np.stack([one, none, none, p_P / 2], axis=-1)
    second_PT = np.stack([none, one, p_P / 2, none], axis=-1)
    single_PT = np.where((r_P <= 1)[:, None], first_PT, second_PT)
    wins_P = summed_P > single_P * (1 - 1e-9)
    return np.where(wins_P[:, None], single_PT, theta_PT), np.where(wins_P, single_P, summed_P)


def descend(theta_NT: np.ndarray, p_N: np.ndarray, r_N: np.ndarray) -> np.ndarray:
    """Where the loss comes to rest downhill of these parameters: cheap steps, then exact ones."""
    near_NT = newton(theta_NT, p_N, r_N, lambda _, now: now.curvature_NTT, ROUGH_STEPS)
    return newton(near_NT, p_N, r_N, lambda at, now: hessian(at, now, p_N, r_N), FINE_STEPS)


def newton(
    theta_NT: np.ndarray, p_N: np.ndarray, r_N: np.ndarray, curvature: Callable, steps: int
) -> np.ndarray:
    """Damped Newton steps (Levenberg–Marquardt), each taken only if it lowers the loss."""
    now, damping_N1 = expand(theta_NT, p_N, r_N), np.full((len(theta_NT), 1), 1e-2)
    for _ in range(steps):
        step_NT = damped_step(curvature(theta_NT, now), now.gradient_NT, damping_N1)
        then = expand(theta_NT - step_NT, p_N, r_N)
        better_N = then.loss_N < now.loss_N
        theta_NT = choose(better_N, theta_NT - step_NT, theta_NT)
        now = Expansion(*(choose(better_N, a, b) for a, b in zip(then, now, strict=True)))
        damping_N1 = np.clip(damping_N1 * choose(better_N, 0.2, np.full((1, 1), 4.0)), 1e-9, 1e6)
    return theta_NT


def damped_step(
    curvature_NTT: np.ndarray, gradient_NT: np.ndarray, damping_N1: np.ndarray
) -> np.ndarray:
    """The Newton step with the curvature's absolute eigenvalues, so that saddles repel."""
    value_NT, vector_NTT = np.linalg.eigh(curvature_NTT)
    size_NT = np.abs(value_NT)
    size_NT = size_NT + damping_N1 * size_NT.sum(axis=1, keepdims=True) + 1e-12
    along_NT = np.einsum("nij,ni->nj", vector_NTT, gradient_NT) / size_NT
    return np.einsum("nij,nj->ni", vector_NTT, along_NT)


def hessian(theta_NT: np.ndarray, now: Expansion, p_N: np.ndarray, r_N: np.ndarray) -> np.ndarray:
    """The second derivatives, as differences of the exact gradient; shape (N, 4, 4)."""
    moved_TNT = theta_NT + NUDGE * np.eye(4)[:, None, :]
    moved = expand(moved_TNT, np.broadcast_to(p_N, (4, *p_N.shape)), np.tile(r_N, (4, 1)))
    slope_NTT = np.moveaxis(moved.gradient_NT - now.gradient_NT, 0, 1) / NUDGE
    return (slope_NTT + np.swapaxes(slope_NTT, 1, 2)) / 2


def choose(which_N: np.ndarray, a: np.ndarray | float, b: np.ndarray) -> np.ndarray:
    """Entries of `a` where `which_N`, else of `b`, along the first axis."""
    return np.where(which_N.reshape(-1, *[1] * (b.ndim - 1)), a, b)
