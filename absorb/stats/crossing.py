"""Where a falling curve of paired differences crosses zero, and where else it could.

The point is read off the monotone (isotonic) mean curve. The interval is the set of places where a
paired t test does not reject "the mean difference is zero here", as in Fieller's argument. Unlike
a jackknife of the crossing it needs no smoothness and stays honest where the curve is flat or ends.
"""

import numpy as np

from absorb.stats.intervals import INF, Interval, t_quantile, trouble, undefined

POINTS_PER_SEGMENT = 128


def isotonic_blocks(y_SG: np.ndarray, increasing: bool) -> np.ndarray:
    """Each seed's curve averaged within the blocks of the isotonic fit of the mean curve.

    Shape kept, (seeds, grid). The mean over seeds of the result *is* the isotonic fit of the mean,
    while the scatter between seeds, and their pairing, is kept for the interval.
    """
    from scipy.optimize import isotonic_regression

    edges = isotonic_regression(y_SG.mean(axis=0), increasing=increasing).blocks
    pooled_SB = np.add.reduceat(y_SG, edges[:-1], axis=1) / np.diff(edges)
    return np.repeat(pooled_SB, np.diff(edges), axis=1)


def zero_of_falling(d_G: np.ndarray, x_G: np.ndarray) -> float:
    """Where a falling piecewise linear curve is 0; the middle if it is flat there."""
    first, last = int(np.argmax(d_G <= 0)), len(d_G) - 1 - int(np.argmax(d_G[::-1] >= 0))
    if last >= first:
        return float(x_G[first] + x_G[last]) / 2
    share = d_G[last] / (d_G[last] - d_G[first])
    return float(x_G[last] + share * (x_G[first] - x_G[last]))


def not_rejected(d_SG: np.ndarray, x_G: np.ndarray, x_F: np.ndarray, level: float) -> np.ndarray:
    """Those of the places `x_F` where a paired t test does not reject a mean difference of 0."""
    right_F = np.clip(np.searchsorted(x_G, x_F), 1, len(x_G) - 1)
    w_F = (x_F - x_G[right_F - 1]) / (x_G[right_F] - x_G[right_F - 1])
    d_SF = d_SG[:, right_F - 1] * (1 - w_F) + d_SG[:, right_F] * w_F
    n = d_SG.shape[0]
    half_F = t_quantile(n, level) * d_SF.std(axis=0, ddof=1) / np.sqrt(n)
    rounding = 1e-12 * np.abs(d_SG).max()
    return x_F[np.abs(d_SF.mean(axis=0)) <= half_F + rounding]


def crossing(d_SG: np.ndarray, x_G: np.ndarray, level: float = 0.95) -> Interval:
    """Where the mean over seeds of `d_SG`, which must fall along the grid, crosses zero.

    `x_G` is the increasing coordinate in which the curve is interpolated linearly. A crossing
    beyond either end of the grid is censored: the value is that end, the interval open beyond it.
    An end is infinite as soon as the test does not reject the last grid point on that side.
    """
    n = d_SG.shape[0]
    if why := trouble(*d_SG.T):
        return undefined(n, why)
    mean_G = d_SG.mean(axis=0)
    censored = "below" if mean_G[0] < 0 else "above" if mean_G[-1] > 0 else ""
    value = {"below": x_G[0], "above": x_G[-1]}.get(censored)
    value = zero_of_falling(mean_G, x_G) if value is None else float(value)
    why = f"the crossing lies {censored} the grid" if censored else ""
    if n < 2:
        return Interval(value, -INF, INF, n, False, censored, why or "one seed gives no interval")
    steps = np.arange(POINTS_PER_SEGMENT) / POINTS_PER_SEGMENT
    inside_F = (x_G[:-1, None] + np.diff(x_G)[:, None] * steps).ravel()
    x_F = np.concatenate([inside_F, [x_G[-1], value]])
    possible = np.append(not_rejected(d_SG, x_G, x_F, level), value)
    low = -INF if possible.min() <= x_G[0] else float(possible.min())
    high = INF if possible.max() >= x_G[-1] else float(possible.max())
    bounded = bool(np.isfinite(low) and np.isfinite(high))
    if not bounded and not censored:
        why = "the interval reaches the end of the grid"
    return Interval(value, low, high, n, bounded, censored, why)
