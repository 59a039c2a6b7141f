"""Dose response: how the share that K keeps falls with the label fraction, against its null.

`share_SP` holds kept shares, one row per seed, one column per label fraction `p_P` (increasing). 1
means that K alone does as well as a whole network, 0 that it does no better than a network that
never saw the concept.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.crossing import crossing, isotonic_blocks
from absorb.stats.intervals import (
    INF,
    Interval,
    fieller_ratio,
    mean_t,
    trouble,
    undefined,
)
from absorb.stats.nulls import fit_rho, null_share


class Excess(NamedTuple):
    """The excess X(p) over the credit-sharing null, in nats, at each label fraction.

    `x` holds one interval per entry of `p_P`; `rho` is the learning-rate ratio fitted at p = 0
    through the same link between credit and loss.
    """

    p_P: tuple[float, ...]
    x: tuple[Interval, ...]
    rho: Interval
    link: str


class Decision(NamedTuple):
    """Whether absorption may be claimed at one label fraction, and what decided it."""

    claim: bool
    why: str


def p50(share_SP: np.ndarray, p_P: np.ndarray, level: float = 0.95) -> Interval:
    """The label fraction at which K keeps half of what it keeps without labels.

    Half of the isotonic mean share at the smallest p, found by linear interpolation in p; the
    interval comes from the paired test of share(p) − share(0)/2 = 0. Censored "above" where the
    share never falls to half on the grid; undefined where there was nothing to halve.
    """
    share_SP, p_P = np.asarray(share_SP, float), np.asarray(p_P, float)
    check_grid(p_P)
    if why := trouble(*share_SP.T):
        return undefined(share_SP.shape[0], why)
    fitted_SP = isotonic_blocks(share_SP, increasing=False)
    if fitted_SP[:, 0].mean() <= 0:
        return undefined(share_SP.shape[0], "K keeps nothing even without labels")
    return crossing(fitted_SP - fitted_SP[:, :1] / 2, p_P, level)


def excess_over_null(
    share_SP: np.ndarray, p_P: np.ndarray, level: float = 0.95, link: str = "linear"
) -> Excess:
    """X(p) = ln s_null(p) − ln s_obs(p): how much less K keeps than credit sharing leaves it.

    ρ is fitted at p = 0, which must be on the grid, from the mean share there. Logarithms are taken
    of means over seeds, never of single seeds, so a seed with a share at or below 0 counts like any
    other. exp(−X) = s_obs/s_null gets a paired Fieller interval with the null linearised in s(0),
    so that the error of ρ is in it. See `nulls.null_share` for `link`.
    """
    share_SP, p_P = np.asarray(share_SP, float), np.asarray(p_P, float)
    check_grid(p_P)
    if p_P[0] != 0:
        raise AbsorbError(f"the null is fitted at label fraction 0, but the least here is {p_P[0]}")
    at_0_S = share_SP[:, 0]
    x = [excess_at(share_SP[:, i], at_0_S, p, level, link) for i, p in enumerate(p_P)]
    return Excess(tuple(map(float, p_P)), tuple(x), fitted_rho(at_0_S, level, link), link)


def excess_at(
    share_S: np.ndarray, at_0_S: np.ndarray, p: float, level: float = 0.95, link: str = "linear"
) -> Interval:
    """X at one label fraction; see `excess_over_null`."""
    n = share_S.shape[0]
    if why := trouble(share_S, at_0_S):
        return undefined(n, why)
    if p == 0:
        return Interval(0.0, 0.0, 0.0, n, why="fitted here")
    if p == 1:
        return undefined(n, "the null share is 0 at label fraction 1")
    at_0 = mean_t(at_0_S, level)
    if at_0.value <= 0:
        return undefined(n, "K keeps nothing even without labels")
    if at_0.high >= 1 and n > 1:
        return cautious_excess(share_S, at_0_S, p, level, link)
    null = float(null_share(at_0.value, p, link))
    null_S = null + null_slope(at_0.value, p, link) * (at_0_S - at_0.value)
    return minus_log(fieller_ratio(share_S, null_S, level))


def null_slope(at_0: float, p: float, link: str) -> float:
    """How fast the null share at p moves with the share at 0, by a central difference."""
    step = 1e-4 * min(at_0, 1 - at_0)
    up, down = null_share(at_0 + step, p, link), null_share(at_0 - step, p, link)
    return float(up - down) / (2 * step)


def cautious_excess(
    share_S: np.ndarray, at_0_S: np.ndarray, p: float, level: float, link: str
) -> Interval:
    """X where s(0) cannot be told from 1, so that ρ has no upper end: a box, never too narrow.

    The ends of s(0) and of s(p), each at half the error rate, are put together the worst way round.
    """
    each = (1 + level) / 2
    at_0, share = mean_t(at_0_S, each), mean_t(share_S, each)
    least, null = (float(null_share(s, p, link)) for s in (at_0.low, at_0.value))
    ratio_low = share.low  # the null share is at most 1
    ratio_high = share.high / least if least > 0 else INF
    ratio = Interval(share.value / null, ratio_low, ratio_high, share.n)
    why = "s(0) cannot be told from 1, so rho is unbounded: cautious ends"
    x = minus_log(ratio)
    return x._replace(why=f"{why}; {x.why}" if x.why else why)


def minus_log(ratio: Interval) -> Interval:
    """−ln of a ratio's interval: open above where the ratio may be 0 or less."""
    if not np.isfinite(ratio.value):
        return undefined(ratio.n, ratio.why)
    if ratio.high <= 0:
        why = "the share is below 0: worse than never having seen the concept, so damage"
        return undefined(ratio.n, why)
    value = -float(np.log(ratio.value)) if ratio.value > 0 else INF
    low = -float(np.log(ratio.high)) if ratio.high < INF else -INF
    high = -float(np.log(ratio.low)) if ratio.low > 0 else INF
    why = ratio.why or ("" if high < INF else "the share may be 0: no upper end")
    return Interval(value, low, high, ratio.n, bool(low > -INF and high < INF), why=why)


def fitted_rho(at_0_S: np.ndarray, level: float = 0.95, link: str = "linear") -> Interval:
    """ρ at p = 0, as the ratio of K's learning rate to R's that would explain the share alone."""
    share = mean_t(at_0_S, level)
    if not np.isfinite(share.value):
        return share
    if link == "convex":
        return undefined(share.n, "the convex null does not depend on rho")
    credit = (lambda s: 1 - np.sqrt(max(1 - s, 0.0))) if link == "squared" else (lambda s: s)
    value, low, high = (fit_rho(float(credit(s))) for s in share[:3])
    if share.low <= 0:
        low = 0.0
    why = "s(0) cannot be told from 1" if high == INF else share.why
    return Interval(value, low, high, share.n, high < INF, why=why)


def excess_over_placebo(
    share_SP: np.ndarray, placebo_SP: np.ndarray, level: float = 0.95
) -> tuple[Interval, ...]:
    """X of route minus X of placebo at each label fraction, paired by seed.

    Without labels both arms are the same networks (in the world sparse without known retain data),
    so the null is one and cancels: what is left is ln(s_placebo/s_route), with Fieller's interval.
    """
    pairs = zip(np.asarray(share_SP, float).T, np.asarray(placebo_SP, float).T, strict=True)
    return tuple(minus_log(fieller_ratio(own_S, placebo_S, level)) for own_S, placebo_S in pairs)


def absorbs(excess: Interval, over_placebo: Interval, damaged: bool = False) -> Decision:
    """The claim "absorption" at one label fraction: above the null, above placebo, not damaged.

    Needs the lower end of X above 0 and the lower end of X − X_placebo (paired) above 0. To test
    several label fractions, make the intervals at level 1 − (1 − level)/(number of fractions).
    """
    for name, x in (("the null", excess), ("placebo", over_placebo)):
        if np.isnan(x.value):
            return Decision(False, f"undefined against {name}: {x.why}")
        if not x.low > 0:
            return Decision(False, f"not above {name}: lower end {x.low:.3g}")
    if damaged:
        return Decision(False, "the retain loss is above tolerance: damage, not ignorance")
    return Decision(True, "above the null and above placebo")


def check_grid(p_P: np.ndarray) -> None:
    """Label fractions must increase, within 0 and 1, and be at least two."""
    if len(p_P) < 2 or not (np.diff(p_P) > 0).all() or p_P[0] < 0 or p_P[-1] > 1:
        raise AbsorbError(f"label fractions must increase within 0 and 1, at least two: {p_P}")
