"""Dose-equivalent absorption: how much forget data would have left K this ignorant?

The curve m_std(n) says what the held-out forget loss is when only n forget examples were there.
n_eq is where that curve meets the loss of the treated routed network, and
A_dose = 1 − n_eq/((1−p)N): 1 as if K had seen none of the unlabelled forget data, 0 as if all.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.crossing import crossing, isotonic_blocks, refined, smooth_monotone
from absorb.stats.intervals import INF, Interval, trouble, undefined


class DoseEquivalent(NamedTuple):
    """A_dose, without unit, and n_eq, in forget examples; both censored together."""

    a_dose: Interval
    n_eq: Interval


def dose_coordinate(n: np.ndarray, least: float) -> np.ndarray:
    """log(n/least) from the smallest positive dose up, linear below it so that 0 has a place.

    The two pieces meet with equal slope: n = 0 sits at −1, n = least at 0.
    """
    n = np.asarray(n, float)
    return np.where(n < least, n / least - 1, np.log(np.maximum(n, least) / least))


def dose_of_coordinate(x: float, least: float) -> float:
    """The number of examples at a coordinate; −∞ and ∞ stay open."""
    if not np.isfinite(x):
        return x
    return least * (1 + x) if x < 0 else least * float(np.exp(x))


def dose_equivalent(
    route_S: np.ndarray,
    std_SG: np.ndarray,
    n_G: np.ndarray,
    p: float,
    forget_count: float,
    level: float = 0.95,
) -> DoseEquivalent:
    """A_dose of one arm at one label fraction p, paired by seed with the std arm.

    `route_S` and `std_SG` are losses in one unit after the same treatment, `n_G` the increasing
    numbers of forget examples in the std arm, `forget_count` N. m_std is made monotone (falling in
    n) and interpolated in log n by a monotone cubic. The interval holds every n at which a paired
    t test does not reject m_route = m_std(n). Censored "above" where K does worse than with no
    forget data at all (A_dose is at least 1: suspect damage), "below" where it does better than the
    whole std arm. Between no forget data and the least dose trained only that bracket is known.
    """
    route_S, std_SG = np.asarray(route_S, float), np.asarray(std_SG, float)
    n_G = np.asarray(n_G, float)
    seeds = route_S.shape[0]
    if len(n_G) < 2 or n_G[0] < 0 or not (np.diff(n_G) > 0).all():
        raise AbsorbError(f"the std arm needs two or more increasing doses, not {n_G}")
    if p >= 1:
        return both_undefined(seeds, "no unlabelled forget data at label fraction 1")
    if why := trouble(route_S, *std_SG.T):
        return both_undefined(seeds, why)
    curve_SG = isotonic_blocks(std_SG, increasing=False)
    if curve_SG[:, 0].mean() == curve_SG[:, -1].mean():
        return both_undefined(seeds, "the std arm's loss does not fall with more forget data")
    least = float(n_G[n_G > 0][0])
    x_G = dose_coordinate(n_G, least)
    x_F = refined(x_G)
    curve_SF = smooth_monotone(curve_SG, x_G, x_F)
    place = crossing(curve_SF - route_S[:, None], x_F, level, points=1)
    n_eq = as_dose(place, least, float(n_G[0]), float(n_G[-1]))
    return DoseEquivalent(as_a_dose(n_eq, (1 - p) * forget_count), n_eq)


def as_dose(place: Interval, least: float, first: float, last: float) -> Interval:
    """The crossing in numbers of examples; `first` and `last` are the ends of the std arm.

    No dose is below 0, so that end closes by itself, unless the loss is worse than with no forget
    data. Below the least dose trained nothing but the bracket is known, so all of it is given.
    """
    value, low, high = (dose_of_coordinate(x, least) for x in place[:3])
    why = place.why
    if place.censored:
        side = "above" if place.censored == "below" else "below"
        why = f"the loss is {side} the whole std curve"
    elif first == 0 and value < least:
        why = f"below the least dose trained, {least:g}: only that bracket is known"
        low, high = 0.0, max(high, least)
    if low == -INF and not (first == 0 and place.censored == "below"):
        low, why = 0.0, why if place.censored else "not told from no forget data at all"
    bounded = bool(np.isfinite(low) and np.isfinite(high))
    return Interval(min(value, last), low, high, place.n, bounded, place.censored, why)


def as_a_dose(n_eq: Interval, unlabelled: float) -> Interval:
    """1 − n_eq/((1−p)N), which turns the ends round; rounded so that equal doses read 0."""
    value, high, low = (round(1 - n / unlabelled, 9) for n in n_eq[:3])
    censored = {"below": "above", "above": "below"}.get(n_eq.censored, "")
    return Interval(value, low, high, n_eq.n, n_eq.bounded, censored, n_eq.why)


def both_undefined(n: int, why: str) -> DoseEquivalent:
    """Neither A_dose nor n_eq exists, for this reason."""
    return DoseEquivalent(undefined(n, why), undefined(n, why))
