"""What diaries of runs say together: growth of a region's share, its causes, its form.

Courses have one entry per look, the first before training. The unit is the seed.
"""

import numpy as np

from absorb.stats.intervals import Interval, fieller_ratio, jackknife_t
from absorb.stats.representation import procrustes_similarity

FAINT = 0.05  # of the first residual: below, growth and what drives it are both rounding


def share(strength_E: np.ndarray, whole_E: np.ndarray) -> np.ndarray:
    """The region's part of what the network says of the concept; NaN where it says nothing."""
    strength_E, whole_E = np.asarray(strength_E, float), np.asarray(whole_E, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole_E == 0, np.nan, strength_E / whole_E)


def reinforcement(strength_E: np.ndarray, residual_E: np.ndarray) -> float:
    """Slope of ln(growth per look / residual) on ln(strength): how far strength makes strength.

    A product of D balanced factors under gradient descent has 2 - 2/D: 0 for one factor, 1, where
    the strongest takes all, for two. From the looks before the residual is faint and at which the
    strength is above 0 and grows; NaN with fewer than three such.
    """
    from scipy.stats import linregress

    s_E, r_E = np.asarray(strength_E, float), np.asarray(residual_E, float)
    before_E, after_E, left_E = s_E[:-1], s_E[1:], (r_E[:-1] + r_E[1:]) / 2
    use_E = (before_E > 0) & (after_E > before_E) & (left_E > FAINT * r_E[0])
    if use_E.sum() < 3:
        return float("nan")
    middle_E = np.log(before_E[use_E] * after_E[use_E]) / 2
    pace_E = np.log((after_E - before_E)[use_E] / left_E[use_E])
    if np.ptp(middle_E) == 0:
        return float("nan")
    return float(linregress(middle_E, pace_E).slope)  # type: ignore[union-attr]


def gain(weaker_SE: np.ndarray, stronger_SE: np.ndarray, look: int) -> Interval:
    """How much of a difference made in the region's share at a look is there at the end.

    G = (share at the end, stronger - weaker) / (the same at the look), of runs that differ in
    nothing before it: 0 where training forgets it, 1 where it stays, above 1 where it grows.
    """
    apart_SE = np.asarray(stronger_SE, float) - np.asarray(weaker_SE, float)
    return fieller_ratio(apart_SE[:, -1], apart_SE[:, look])


def probe_absorption(route_S: np.ndarray, hard_S: np.ndarray, full_S: np.ndarray) -> Interval:
    """A_probe: (hard - route) / (hard - full) of the information in the rest, a ratio of means."""
    route_S, hard_S, full_S = (np.asarray(x, float) for x in (route_S, hard_S, full_S))
    return fieller_ratio(hard_S - route_S, hard_S - full_S)


def credit_share(credit_SKG: np.ndarray) -> Interval:
    """The region's part of the credit that unlabelled data of the concept earned, over seeds.

    Axes as in a diary: kinds (labelled, unlabelled, others) by groups of parameters, of which the
    first is the region's.
    """
    credit_SKG = np.asarray(credit_SKG, float)
    return fieller_ratio(credit_SKG[:, 1, 0], credit_SKG[:, 1].sum(axis=-1))


def rotation(routed_SNU: np.ndarray, plain_SNU: np.ndarray) -> Interval:
    """Is routing another structure, or one of many equal ones?

    Procrustes distance of a routed and an unrouted network of different seeds over that of two
    unrouted ones: about 1 where routing only chooses among equivalents. Runs go two by two, so that
    no run is in two pairs; a ratio of means with the jackknife over pairs.
    """
    pairs = len(plain_SNU) // 2
    between_P, within_P = np.empty(pairs), np.empty(pairs)
    for pair in range(pairs):
        a, b = 2 * pair, 2 * pair + 1
        ways = ((routed_SNU[a], plain_SNU[b]), (routed_SNU[b], plain_SNU[a]))
        between_P[pair] = np.mean([1 - procrustes_similarity(x, y) for x, y in ways])
        within_P[pair] = 1 - procrustes_similarity(plain_SNU[a], plain_SNU[b])
    return jackknife_t(lambda x_P, y_P: float(x_P.mean() / y_P.mean()), between_P, within_P)
