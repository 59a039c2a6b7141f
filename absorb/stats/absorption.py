"""Ablation absorption, the kept share, and whether the ablated network is damaged or ignorant.

All losses are held-out, in their own unit (nats or mean squared error), one number per seed, taken
after the same treatment. K is what is kept after the region R is ablated.
"""

from typing import Any, NamedTuple

import numpy as np

from absorb.stats.intervals import (
    Interval,
    difference_t,
    fieller_ratio,
    mean_t,
    t_quantile,
    trouble,
    unclosed,
    undefined,
)


class Absorption(NamedTuple):
    """A coefficient without unit, with the raw difference in the loss's own unit beside it."""

    ratio: Interval
    raw: Interval


class KeptShare(NamedTuple):
    """The share of the concept that K keeps.

    `worth` is what the concept is worth in the loss's own unit: never seen minus whole. `share_S`
    are the seeds' shares linearised about the mean: their mean is the ratio of the means, which
    averages of single ratios are not, and no seed's own worth has to be positive.
    """

    share: Interval
    worth: Interval
    share_S: np.ndarray


class Damage(NamedTuple):
    """The rise of the retain loss against an untouched network, in the loss's own unit.

    `damaged`: the mean rise is above `tolerance`. `cleared`: the whole interval lies below it. A
    point that is neither needs more seeds.
    """

    rise: Interval
    tolerance: float
    damaged: bool
    cleared: bool


def ablation_absorption(
    route_S: np.ndarray, hard_S: np.ndarray, full_S: np.ndarray, level: float = 0.95
) -> Absorption:
    """A_abl = (route − hard)/(full − hard): 0 as if R could not absorb, 1 as if all was labelled.

    Forget losses after ablation, paired by seed, Fieller's interval; unbounded where `full` and
    `hard` cannot be told apart, as when p → 1.
    """
    route_S, hard_S, full_S = (np.asarray(a, float) for a in (route_S, hard_S, full_S))
    ratio = fieller_ratio(route_S - hard_S, full_S - hard_S, level)
    return Absorption(ratio, difference_t(route_S, hard_S, level))


def kept_share(
    m_S: np.ndarray, never_S: np.ndarray, whole_S: np.ndarray, level: float = 0.95
) -> KeptShare:
    """(never − m)/(never − whole): 1 if K does as well as a whole network, 0 as one never taught.

    `never_S` is the loss of networks that never saw the concept, `whole_S` of untouched networks
    that saw all of it, both after the same treatment as `m_S`. Not clipped: below 0 K does worse
    than never taught, above 1 better than whole.
    """
    m_S, never_S, whole_S = (np.asarray(a, float) for a in (m_S, never_S, whole_S))
    kept_S, worth_S = never_S - m_S, never_S - whole_S
    worth = mean_t(worth_S, level)
    if not worth.low > 0:
        why = worth.why or "never taught and whole networks cannot be told apart"
        nothing = undefined(worth.n, why)
        return KeptShare(nothing, worth, np.full(m_S.shape, np.nan))
    share = fieller_ratio(kept_S, worth_S, level)
    share_S = share.value + (kept_S - share.value * worth_S) / worth.value
    return KeptShare(share, worth, share_S)


def damage(
    retain_S: np.ndarray, untouched_retain_S: np.ndarray, tolerance: float, level: float = 0.95
) -> Damage:
    """Whether the treatment broke K for everybody: retain loss against untouched networks."""
    rise = difference_t(retain_S, untouched_retain_S, level)
    return Damage(rise, tolerance, not rise.value <= tolerance, bool(rise.high <= tolerance))


def difference_at_equal_retain(
    forget_S: np.ndarray,
    other_forget_S: np.ndarray,
    retain_S: np.ndarray,
    other_retain_S: np.ndarray,
    level: float = 0.95,
) -> Interval:
    """The difference in forget loss between two arms if their retain losses were equal.

    Paired analysis of covariance: over seeds, the difference in forget loss is regressed on the
    difference in retain loss; this is the intercept, with t at n − 2 degrees of freedom. Where one
    arm's retain loss is the higher for every seed, equal retain loss was never seen: the value is
    extrapolated and its interval left open. Needs 4 seeds.
    """
    from scipy.stats import linregress

    d_forget_S = np.asarray(forget_S, float) - np.asarray(other_forget_S, float)
    d_retain_S = np.asarray(retain_S, float) - np.asarray(other_retain_S, float)
    n = d_forget_S.shape[0]
    if why := trouble(d_forget_S, d_retain_S):
        return undefined(n, why)
    if not d_retain_S.any():
        return mean_t(d_forget_S, level)._replace(why="retain losses are equal as they are")
    if n < 4 or np.ptp(d_retain_S) == 0:
        return undefined(n, "needs 4 seeds whose retain differences vary")
    fit: Any = linregress(d_retain_S, d_forget_S)
    if d_retain_S.min() > 0 or d_retain_S.max() < 0:
        return unclosed(fit.intercept, n, "extrapolated: no seed has equal retain loss")
    half = t_quantile(n - 1, level) * fit.intercept_stderr
    return Interval(fit.intercept, fit.intercept - half, fit.intercept + half, n)
