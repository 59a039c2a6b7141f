"""Leakage: which share of the unlabelled forget data a routed network learned in K after all.

leakage = n_eq/((1−p)N) = 1 − A_dose (`dose_equivalent`): 1 as if all of it had been seen, as
`filter` must read, 0 as if none.
"""

from collections.abc import Sequence

import numpy as np

from absorb.stats.crossing import between, crossing, isotonic_blocks, refined, smooth_monotone
from absorb.stats.dose_equivalent import dose_coordinate, dose_equivalent, dose_of_coordinate
from absorb.stats.intervals import Interval, mean_t, undefined

TURNED = {"below": "above", "above": "below"}
OUTSIDE = "at some size the loss lies outside the std curve, or on a flat part of it"


def leakage_of(a_dose: Interval) -> Interval:
    """1 − A_dose, which turns the ends round; censored "above" where A_dose is "below"."""
    value, low, high, n, bounded, censored, why = a_dose
    return Interval(1 - value, 1 - high, 1 - low, n, bounded, TURNED.get(censored, ""), why)


def dose_share(
    route_S: np.ndarray, std_SG: np.ndarray, n_G: np.ndarray, forget_count: float
) -> Interval:
    """n_eq/N, the share of all forget data that a network does as well as; see `dose_equivalent`.

    Unlike leakage it exists with all labels too, where it must read about 0.
    """
    return leakage_of(dose_equivalent(route_S, std_SG, n_G, 0.0, forget_count).a_dose)


def seed_leakage(
    route_S: np.ndarray, std_SG: np.ndarray, n_G: np.ndarray, p: float, forget_count: float
) -> np.ndarray:
    """The seeds' leakages linearised about the leakage of the mean losses; shape (S,).

    A seed's distance between its own std curve and its own loss, at the dose where the mean curve
    meets the mean loss, is turned into a dose by the mean curve's slope there (delta method). Their
    mean is the leakage; their scatter is that of the route arm and of the std curve together. NaN
    where the loss lies outside the std curve or on a flat part of it.
    """
    route_S, std_SG, n_G = (np.asarray(a, float) for a in (route_S, std_SG, n_G))
    nothing_S = np.full(route_S.shape, np.nan)
    if p >= 1 or not np.isfinite(route_S).all() or not np.isfinite(std_SG).all():
        return nothing_S
    least = float(n_G[n_G > 0][0])
    x_G = dose_coordinate(n_G, least)
    x_F = refined(x_G)
    curve_SF = smooth_monotone(isotonic_blocks(std_SG, increasing=False), x_G, x_F)
    gap_SF = curve_SF - route_S[:, None]
    place = crossing(gap_SF, x_F, points=1)
    if place.censored or not np.isfinite(place.value):
        return nothing_S
    fall = -np.interp(place.value, x_F, np.gradient(curve_SF.mean(axis=0), x_F))
    if not fall > 0:
        return nothing_S
    away_S = between(gap_SF, x_F, np.array([place.value]))[:, 0] / fall
    dose = dose_of_coordinate(place.value, least)
    dose_S = dose + away_S * max(dose, least)  # dn/dx is n, and `least` on the linear piece
    return dose_S / ((1 - p) * forget_count)


def slope_on_log(
    leak_KS: np.ndarray | Sequence, size_K: np.ndarray, level: float = 0.95
) -> Interval:
    """How much leakage changes per factor of ten in size: least squares in log10, seed by seed.

    `leak_KS` has one row of linearised seeds per size. Below 0: it falls with size. The unit is the
    seed (t over the seeds' slopes); a level that a seed has at all sizes cancels.
    """
    leak_KS, x_K = np.asarray(leak_KS, float), np.log10(np.asarray(size_K, float))
    seeds = leak_KS.shape[1]
    if len(x_K) < 2 or np.ptp(x_K) == 0:
        return undefined(seeds, "needs two sizes or more")
    if not np.isfinite(leak_KS).all():
        return undefined(seeds, OUTSIDE)
    away_K = x_K - x_K.mean()
    return mean_t(away_K @ leak_KS / (away_K @ away_K), level)
