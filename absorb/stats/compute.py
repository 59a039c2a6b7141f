"""Compute-equivalents: how much of ordinary training a network's retain loss is worth."""

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.crossing import crossing, isotonic_blocks, refined, smooth_monotone
from absorb.stats.intervals import Interval, trouble, undefined


def training_kept(
    loss_S: np.ndarray, ordinary_SK: np.ndarray, steps_K: np.ndarray, level: float = 0.95
) -> Interval:
    """The share of ordinary training after which ordinary networks have this loss; 1: no cost.

    `loss_S` are losses of the network in question, `ordinary_SK` those of the same seeds' ordinary
    networks after `steps_K` steps, of which the last is the whole training. The mean curve is made
    monotone (falling) and interpolated in log steps by a monotone cubic; the interval holds every
    share at which a paired t test does not reject equal losses. Censored "below" where the loss is
    worse than after the least training tried, "above" where it is better than after all of it.
    """
    loss_S, ordinary_SK = np.asarray(loss_S, float), np.asarray(ordinary_SK, float)
    steps_K, seeds = np.asarray(steps_K, float), loss_S.shape[0]
    if len(steps_K) < 2 or steps_K[0] <= 0 or not (np.diff(steps_K) > 0).all():
        raise AbsorbError(f"ordinary training needs two or more increasing lengths, not {steps_K}")
    if why := trouble(loss_S, *ordinary_SK.T):
        return undefined(seeds, why)
    curve_SK = isotonic_blocks(ordinary_SK, increasing=False)
    if curve_SK[:, 0].mean() == curve_SK[:, -1].mean():
        return undefined(seeds, "ordinary networks do not get better with more training")
    x_K = np.log(steps_K / steps_K[-1])
    x_F = refined(x_K)
    gap_SF = smooth_monotone(curve_SK, x_K, x_F) - loss_S[:, None]
    place = crossing(gap_SF, x_F, level, points=1)
    value, low, high = np.exp(place[:3])
    return place._replace(value=float(value), low=float(low), high=float(high))
