"""What mathematics says of toy models: polygons, chance pairings and maps between two models."""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError

TINY = 1e-300  # stands in for a slope of 0, so that the kink lies beyond [0, 1]


class Polygon(NamedTuple):
    """The best regular k-gon among `features` features: `error` is the mean summed error H."""

    features: int
    k: int
    length: float
    bias: float
    error: float


class Transfer(NamedTuple):
    """The best linear map from model A's hidden space to model B's, and what it carries.

    `map_NM` (hidden of B, hidden of A); `cosine_F` between each feature's image and its direction
    in B, 0 where either has no length; `r2` the share of B's second moment that the map explains.
    """

    map_NM: np.ndarray
    cosine_F: np.ndarray
    r2: float


def active_interval(slope: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where in [0, 1] slope·μ + bias > 0: the interval's ends, equal where that is nowhere."""
    slope = np.where(np.abs(slope) < TINY, TINY, slope)
    kink = np.clip(-bias / slope, 0.0, 1.0)
    return np.where(slope > 0, kink, 0.0), np.where(slope > 0, 1.0, kink)


def line_error(slope: np.ndarray, bias: np.ndarray, target: np.ndarray) -> np.ndarray:
    """∫₀¹ (ReLU(slope·μ + bias) − target·μ)² dμ, exactly: a quadratic on each side of the kink."""
    low, high = active_interval(slope, bias)

    def integral(tilt: np.ndarray, offset: np.ndarray, mu: np.ndarray) -> np.ndarray:
        return tilt**2 * mu**3 / 3 + tilt * offset * mu**2 + offset**2 * mu

    on = integral(slope - target, bias, high) - integral(slope - target, bias, low)
    off = target**2 * (1 - high**3 + low**3) / 3
    return on + off


def kgon_error(features: int, k: int, length: float, bias: float) -> float:
    """H: the mean summed error with one active feature, uniform in [0, 1], of `features`.

    k features lie on a regular polygon in two dimensions, with this length and bias; the others
    are dropped with the best constant output, 1/(2·features). Importance is equal.
    """
    if not 1 <= k <= features:
        raise AbsorbError(f"k is {k}; a polygon has between 1 and {features} of the features")
    slope_K = length**2 * np.cos(2 * np.pi * np.arange(k) / k)
    polygon = line_error(slope_K, np.full(k, bias), np.eye(k)[0]).sum()
    silent = k * max(bias, 0.0) ** 2  # the polygon's outputs while a dropped feature is active
    constant = 1 / (3 * features) - 1 / (4 * features**2)
    return float(k * polygon / features + (features - k) * (silent / features + constant))


def kgon_optimum(features: int, k: int) -> Polygon:
    """The length and bias at which the k-gon's error is least."""
    from scipy.optimize import brute, fmin

    def error(at: np.ndarray) -> float:
        return kgon_error(features, k, at[0], at[1])

    grid = (slice(0.5, 2.01, 0.1), slice(-1.5, 0.26, 0.125))
    start = np.asarray(brute(error, grid, finish=None))
    best = np.asarray(fmin(error, start, xtol=1e-9, ftol=1e-15, maxiter=2000, disp=False))
    return Polygon(features, k, float(best[0]), float(best[1]), error(best))


def pairing_rate(m: int) -> float:
    """The chance that two given features pair if 2m features form m pairs at random."""
    if m < 1:
        raise AbsorbError(f"m is {m}; pairs need at least one hidden dimension")
    return 1 / (2 * m - 1)


def transfer(w_MF: np.ndarray, v_NF: np.ndarray, c_FF: np.ndarray) -> Transfer:
    """The linear map A* = V C Wᵀ (W C Wᵀ)⁻¹ that best carries hidden states of W to those of V.

    `w_MF` and `v_NF` are two models of the same features, `c_FF` the features' second moment. Of
    several best maps (W C Wᵀ singular) the smallest.
    """
    w_MF, v_NF, c_FF = (np.asarray(a, float) for a in (w_MF, v_NF, c_FF))
    map_NM = v_NF @ c_FF @ w_MF.T @ np.linalg.pinv(w_MF @ c_FF @ w_MF.T, hermitian=True)
    image_NF = map_NM @ w_MF
    norm_F = np.linalg.norm(image_NF, axis=0) * np.linalg.norm(v_NF, axis=0)
    dot_F = (image_NF * v_NF).sum(axis=0)
    cosine_F = np.divide(dot_F, norm_F, out=np.zeros_like(norm_F), where=norm_F > 1e-12)
    missed_NF = v_NF - image_NF
    unexplained = np.trace(missed_NF @ c_FF @ missed_NF.T) / np.trace(v_NF @ c_FF @ v_NF.T)
    return Transfer(map_NM, cosine_F, float(1 - unexplained))


def loss_excess(loss: np.ndarray, best: np.ndarray) -> np.ndarray:
    """loss/best − 1, how far above the best attainable loss; NaN where `best` is not positive."""
    loss, best = np.broadcast_arrays(np.asarray(loss, float), np.asarray(best, float))
    return np.divide(loss, best, out=np.full(loss.shape, np.nan), where=best > 0) - 1
