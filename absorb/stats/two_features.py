"""Two features in one hidden dimension: the exact expected loss of any weights.

The model is y = ReLU(Wᵀ W x + b) with W = (w₁, w₂). Each feature is active with probability p, on
its own, and then uniform in [0, 1]; squared errors are weighed by the importances (1, r).

Output i is ReLU(v·(xᵢ, xⱼ, 1)) with v = (wᵢ², wᵢwⱼ, bᵢ). Where it is positive its squared error is
quadratic in v, so with M the moments E[(xᵢ, xⱼ, 1)(xᵢ, xⱼ, 1)ᵀ; output i > 0] the expected error is
vᵀMv − 2(Mv)₁ + p/3, its gradient in v is 2(Mv − M₁), and nothing else is left to integrate. M is
a piecewise polynomial, which two Gauss–Legendre nodes per piece integrate exactly.
"""

from typing import NamedTuple

import numpy as np

from absorb.stats.geometry import DROPPED
from absorb.stats.toy_exact import TINY, active_interval

FAMILIES = ("first only", "second only", "antipodal", "both alike", "neither")


class TwoFeatureLoss(NamedTuple):
    """An expected loss: `mean` over the two features, as runs report it, and `summed` over them."""

    mean: np.ndarray
    summed: np.ndarray


class Expansion(NamedTuple):
    """The summed loss at parameters (w₁, w₂, b₁, b₂), with gradient and Gauss–Newton matrix."""

    loss_N: np.ndarray
    gradient_NT: np.ndarray
    curvature_NTT: np.ndarray


def two_feature_loss(
    w: np.ndarray, b: np.ndarray, active: np.ndarray, importance: np.ndarray
) -> TwoFeatureLoss:
    """The exact expected loss; `w` and `b` have shape (..., 2), `active` and `importance` (...)."""
    w, b, active, importance = (np.asarray(a, float) for a in (w, b, active, importance))
    shape = np.broadcast_shapes(w.shape[:-1], b.shape[:-1], active.shape, importance.shape)
    w, b = np.broadcast_to(w, (*shape, 2)), np.broadcast_to(b, (*shape, 2))
    p, r = np.broadcast_to(active, shape), np.broadcast_to(importance, shape)
    summed = expand(np.concatenate([w, b], axis=-1), p, r).loss_N
    return TwoFeatureLoss(summed / 2, summed)


def single_loss(active: np.ndarray, importance: np.ndarray) -> TwoFeatureLoss:
    """The least loss with one feature alone, exact, and the other's output constant at p/2.

    Left over is the variance p/3 − p²/4 of the less important feature.
    """
    active, importance = np.asarray(active, float), np.asarray(importance, float)
    summed = np.minimum(importance, 1.0) * (active / 3 - active**2 / 4)
    return TwoFeatureLoss(summed / 2, summed)


def textbook_boundary(importance: np.ndarray) -> np.ndarray:
    """The p below which w = (1, −1), b = 0 beats one feature alone: 4s/(2(1 + r) + 3s).

    Here s = min(1, r). The first loses (1 + r)p²/6, only where both features are active; the
    second `single_loss`. Antipodal weights are held fixed at unit length without a bias, the single
    feature's rival is given its best bias p/2: hence 4/7 at r = 1, and 1 without that bias.
    """
    importance = np.asarray(importance, float)
    least = np.minimum(importance, 1.0)
    return 4 * least / (2 * (1 + importance) + 3 * least)


def family(w: np.ndarray) -> np.ndarray:
    """Which of `FAMILIES` the weights, shape (..., 2), belong to; shape (...).

    A weight counts as none if below `DROPPED`, or below `DROPPED` times the other.
    """
    w = np.asarray(w, float)
    kept = np.abs(w) >= DROPPED * np.maximum(np.abs(w).max(axis=-1, keepdims=True), 1.0)
    first, second, product = kept[..., 0], kept[..., 1], w[..., 0] * w[..., 1]
    cases = [first & ~second, second & ~first, first & (product < 0), first & second]
    return np.select(cases, FAMILIES[:4], FAMILIES[4])


def expand(theta_NT: np.ndarray, p_N: np.ndarray, r_N: np.ndarray) -> Expansion:
    """The summed loss at `theta_NT` = (w₁, w₂, b₁, b₂) to second order; N may be several axes."""
    v_NOV, jacobian_NOVT = outputs(theta_NT)
    moment_NOVV = moments(v_NOV, p_N[..., None])
    weight_NO = np.stack([np.ones_like(r_N), r_N], axis=-1)
    pull_NOV = np.einsum("...ij,...j->...i", moment_NOVV, v_NOV)
    error_NO = np.einsum("...i,...i->...", pull_NOV, v_NOV) - 2 * pull_NOV[..., 0]
    error_NO = error_NO + p_N[..., None] / 3
    slope_NOV = 2 * weight_NO[..., None] * (pull_NOV - moment_NOVV[..., 0])
    gradient_NT = np.einsum("...oia,...oi->...a", jacobian_NOVT, slope_NOV)
    pulled_NOVT = 2 * weight_NO[..., None, None] * (moment_NOVV @ jacobian_NOVT)
    curvature_NTT = np.einsum("...oia,...oib->...ab", jacobian_NOVT, pulled_NOVT)
    return Expansion((weight_NO * error_NO).sum(axis=-1), gradient_NT, curvature_NTT)


def outputs(theta_NT: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both outputs' coefficients v = (wᵢ², wᵢwⱼ, bᵢ) and their derivatives in the parameters."""
    w1, w2, b1, b2 = np.moveaxis(theta_NT, -1, 0)
    v_NOV = np.stack([w1 * w1, w1 * w2, b1, w2 * w2, w1 * w2, b2], axis=-1)
    jacobian_NOVT = np.zeros((*w1.shape, 2, 3, 4))
    jacobian_NOVT[..., 0, 0, 0], jacobian_NOVT[..., 1, 0, 1] = 2 * w1, 2 * w2
    jacobian_NOVT[..., :, 1, 0], jacobian_NOVT[..., :, 1, 1] = w2[..., None], w1[..., None]
    jacobian_NOVT[..., 0, 2, 2] = jacobian_NOVT[..., 1, 2, 3] = 1.0
    return v_NOV.reshape(*w1.shape, 2, 3), jacobian_NOVT


def moments(v_NV: np.ndarray, p_N: np.ndarray) -> np.ndarray:
    """E[(x, y, 1)(x, y, 1)ᵀ; v·(x, y, 1) > 0] over independent x and y, shape (N, 3, 3)."""
    p_N = p_N[..., None]
    none_N = np.zeros(v_NV.shape[:-1])
    x0, x1, x2 = powers(*active_interval(v_NV[..., 0], v_NV[..., 2]))
    y0, y1, y2 = powers(*active_interval(v_NV[..., 1], v_NV[..., 2]))
    one = np.stack([x2, none_N, x1, y2, y1, x0 + y0], axis=-1)  # one active: xx xy x yy y 1
    silent = np.where(v_NV[..., 2:] > 0, [0.0, 0, 0, 0, 0, 1], 0.0)
    known = p_N**2 * square_moments(v_NV) + p_N * (1 - p_N) * one + (1 - p_N) ** 2 * silent
    return known[..., [[0, 1, 2], [1, 3, 4], [2, 4, 5]]]


def square_moments(v_NV: np.ndarray) -> np.ndarray:
    """∫∫ (xx, xy, x, yy, y, 1) over the part of the unit square where v·(x, y, 1) > 0.

    The inner integral, over y, is a cubic in x between the places where the line v·(x, y, 1) = 0
    leaves the square, so that two nodes are exact on each of the three pieces.
    """
    a_N1, b_N1, c_N1 = np.moveaxis(v_NV[..., None], -2, 0)
    slope_N1 = np.where(np.abs(a_N1) < TINY, TINY, a_N1)
    leaves_NK = -np.concatenate([c_N1, c_N1 + b_N1], axis=-1) / slope_N1
    ends_NK = np.broadcast_to([0.0, 1.0], leaves_NK.shape)
    edge_NE = np.sort(np.concatenate([ends_NK, np.clip(leaves_NK, 0, 1)], axis=-1), axis=-1)
    middle_NP, half_NP = (edge_NE[..., 1:] + edge_NE[..., :-1]) / 2, np.diff(edge_NE) / 2
    node_NP = half_NP / np.sqrt(3)
    x_NQ = np.concatenate([middle_NP - node_NP, middle_NP + node_NP], axis=-1)
    y0, y1, y2 = powers(*active_interval(b_N1, a_N1 * x_NQ + c_N1))
    inner_QN = np.stack([x_NQ * x_NQ * y0, x_NQ * y1, x_NQ * y0, y2, y1, y0], axis=-1)
    return (np.concatenate([half_NP, half_NP], axis=-1)[..., None] * inner_QN).sum(axis=-2)


def powers(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """∫ 1, ∫ μ and ∫ μ² from `low` to `high`."""
    return high - low, (high**2 - low**2) / 2, (high**3 - low**3) / 3
