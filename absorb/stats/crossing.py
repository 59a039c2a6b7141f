"""Where a falling curve of paired differences crosses zero, and where else it could.

The point is read off the monotone (isotonic) mean curve. The interval is the set of places where a
paired t test does not reject "the mean difference is zero here", as in Fieller's argument. Unlike
a jackknife of the crossing it needs no smoothness and stays honest where the curve is flat or ends.
"""

import numpy as np

from absorb.stats.intervals import INF, Interval, t_quantile, trouble, undefined

POINTS_PER_SEGMENT = 64


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


def between(y_SG: np.ndarray, x_G: np.ndarray, x_F: np.ndarray) -> np.ndarray:
    """Each seed's curve at the places `x_F`, by linear interpolation; shape (seeds, places)."""
    right_F = np.clip(np.searchsorted(x_G, x_F), 1, len(x_G) - 1)
    w_F = (x_F - x_G[right_F - 1]) / (x_G[right_F] - x_G[right_F - 1])
    return y_SG[:, right_F - 1] * (1 - w_F) + y_SG[:, right_F] * w_F


def refined(x_G: np.ndarray, points: int = POINTS_PER_SEGMENT) -> np.ndarray:
    """The grid with every segment cut into `points` equal pieces."""
    inside_F = x_G[:-1, None] + np.diff(x_G)[:, None] * np.arange(points) / points
    return np.append(inside_F.ravel(), x_G[-1])


def smooth_monotone(y_SG: np.ndarray, x_G: np.ndarray, x_F: np.ndarray) -> np.ndarray:
    """Each seed's curve at `x_F`, whose mean is the monotone cubic (PCHIP) through the mean curve.

    A straight line between two doses lies above a loss law that levels off, and would read too many
    examples; the cubic bends with it. Each seed's deviation goes through the cubic's derivative, so
    that the scatter at `x_F` is that of the mean curve there.
    """
    from scipy.interpolate import PchipInterpolator

    mean_G = y_SG.mean(axis=0)
    step = 1e-6 * max(float(np.ptp(mean_G)), 1e-300)
    moved_GQ = mean_G[:, None] + step * np.eye(len(mean_G), len(mean_G) + 1, k=1)
    at_FQ = PchipInterpolator(x_G, moved_GQ)(x_F)
    slope_FG = (at_FQ[:, 1:] - at_FQ[:, :1]) / step
    return at_FQ[:, 0] + (y_SG - mean_G) @ slope_FG.T


def room(d_SG: np.ndarray, x_G: np.ndarray, x_F: np.ndarray, level: float) -> np.ndarray:
    """How far a paired t test at each place is from rejecting a mean of 0; negative if it does."""
    d_SF = between(d_SG, x_G, x_F)
    n = d_SG.shape[0]
    half_F = t_quantile(n, level) * d_SF.std(axis=0, ddof=1) / np.sqrt(n)
    rounding = 1e-12 * np.abs(d_SG).max()
    return half_F + rounding - np.abs(d_SF.mean(axis=0))


def outermost(room_F: np.ndarray, x_F: np.ndarray) -> tuple[float, float]:
    """The least and the greatest place with room left, to the point where it runs out."""
    inside = np.flatnonzero(room_F >= 0)
    ends = []
    for i, step in ((int(inside[0]), -1), (int(inside[-1]), 1)):
        j = i + step
        beyond = 0 <= j < len(x_F)
        share = room_F[i] / (room_F[i] - room_F[j]) if beyond else 0.0
        ends.append(float(x_F[i] + share * (x_F[j] - x_F[i])) if beyond else float(x_F[i]))
    return ends[0], ends[1]


def crossing(
    d_SG: np.ndarray, x_G: np.ndarray, level: float = 0.95, points: int = POINTS_PER_SEGMENT
) -> Interval:
    """Where the mean over seeds of `d_SG`, which must fall along the grid, crosses zero.

    `x_G` is the increasing coordinate in which the curve is interpolated linearly. A crossing
    beyond either end of the grid is censored: the value is that end, the interval open beyond it.
    An end is infinite as soon as the test does not reject the last grid point on that side. The
    test is made at `points` places per segment of the grid.
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
    x_F = np.sort(np.append(refined(x_G, points), value))
    room_F = room(d_SG, x_G, x_F, level)
    room_F = np.where(x_F == value, np.maximum(room_F, 0.0), room_F)  # the estimate is never out
    low, high = outermost(room_F, x_F)
    low, high = (-INF if low <= x_G[0] else low), (INF if high >= x_G[-1] else high)
    bounded = bool(np.isfinite(low) and np.isfinite(high))
    if not bounded and not censored:
        why = "the interval reaches the end of the grid"
    return Interval(value, low, high, n, bounded, censored, why)
