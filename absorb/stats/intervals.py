"""Intervals over seeds: t for means and differences, Fieller for ratios, jackknife for the rest.

The unit is the seed. Arrays are paired: entry S of every array comes from the same seed. An
interval that the data do not close is returned open, with ends at infinity and the reason in
`why`; a number that cannot be computed is NaN with the reason, never left out.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

INF = float("inf")
NAN = float("nan")
NO_SCATTER = "no scatter between seeds"


class Interval(NamedTuple):
    """An estimate with its confidence interval over `n` seeds.

    `bounded` is False where an end is infinite because the data do not close the interval.
    `censored` is "above" or "below" where the truth lies beyond `value`, which is then only a
    bound, and "" otherwise. `why` says in words what is not ordinary.
    """

    value: float
    low: float
    high: float
    n: int
    bounded: bool = True
    censored: str = ""
    why: str = ""

    def excludes(self, x: float) -> bool:
        """Whether `x` lies outside the interval; an undefined interval excludes nothing."""
        return bool(x < self.low or x > self.high)


def undefined(n: int, why: str) -> Interval:
    """No estimate at all: NaN, an interval that is the whole line, and the reason."""
    return Interval(NAN, -INF, INF, n, bounded=False, why=why)


def unclosed(value: float, n: int, why: str) -> Interval:
    """An estimate whose interval the data leave open on both sides."""
    return Interval(float(value), -INF, INF, n, bounded=False, why=why)


@lru_cache(maxsize=256)
def t_quantile(n: int, level: float = 0.95) -> float:
    """The two-sided Student t quantile for a mean over `n` seeds."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 0.5 + level / 2))


def trouble(*arrays_S: np.ndarray) -> str:
    """Why no mean over these seeds exists, or "" if it does."""
    if arrays_S[0].shape[0] == 0:
        return "no seeds"
    bad = np.count_nonzero(~np.isfinite(np.stack(arrays_S)).all(axis=0))
    return f"{bad} of {arrays_S[0].shape[0]} seeds are not finite" if bad else ""


def mean_t(x_S: np.ndarray, level: float = 0.95) -> Interval:
    """The mean over seeds with Student's t interval: where the mean over all seeds may lie."""
    x_S = np.asarray(x_S, float)
    n = x_S.shape[0]
    if why := trouble(x_S):
        return undefined(n, why)
    if n == 1:
        return unclosed(x_S[0], 1, "one seed gives no interval")
    half = t_quantile(n, level) * x_S.std(ddof=1) / np.sqrt(n)
    mean = float(x_S.mean())
    return Interval(mean, mean - float(half), mean + float(half), n)


def share_t(x_S: np.ndarray, level: float = 0.95) -> Interval:
    """The mean of shares in [0, 1]: Student's t, and `unseen` where all seeds have the same."""
    found = mean_t(x_S, level)
    alike = np.isfinite(found.value) and found.n > 1 and without_scatter(np.asarray(x_S, float))
    return unseen(found.value, found.n, found.n, level) if alike else found


def unseen(value: float, n: int, trials: float, level: float = 0.95) -> Interval:
    """A mean of values in [0, 1], of which all `trials` independent ones were `value`.

    Where a value has the chance q, all trials have it with q^trials, so that q ≥ tail^(1/trials) is
    not rejected; whatever else there is lies between 0 and 1. With `value` 0 or 1 it is
    Clopper–Pearson's interval.
    """
    q = ((1 - level) / 2) ** (1 / trials)
    return Interval(value, value * q, value * q + 1 - q, n, why=f"{NO_SCATTER}: exact")


def without_scatter(x_S: np.ndarray) -> bool:
    """Whether values differ by no more than rounding."""
    return bool(np.ptp(x_S) <= 1e-12 * np.abs(x_S).max())


def difference_t(a_S: np.ndarray, b_S: np.ndarray, level: float = 0.95) -> Interval:
    """The mean of a − b, seed by seed (paired t): what the seeds share cancels."""
    return mean_t(np.asarray(a_S, float) - np.asarray(b_S, float), level)


def fieller_ratio(num_S: np.ndarray, den_S: np.ndarray, level: float = 0.95) -> Interval:
    """mean(num)/mean(den), paired, with Fieller's interval (E. C. Fieller, 1954).

    The set is every ratio r for which a paired t test does not reject mean(num − r·den) = 0, so it
    is as exact as the t test. Where the denominator's own interval contains 0 that set has no two
    ends: `bounded` is False and the ends are infinite.
    """
    num_S, den_S = np.asarray(num_S, float), np.asarray(den_S, float)
    n = num_S.shape[0]
    if why := trouble(num_S, den_S):
        return undefined(n, why)
    num, den = float(num_S.mean()), float(den_S.mean())
    if den == 0:
        return undefined(n, "the mean denominator is 0")
    if n == 1:
        return unclosed(num / den, 1, "one seed gives no interval")
    (v_num, cov), (_, v_den) = np.cov(num_S, den_S) * t_quantile(n, level) ** 2 / n
    a = den * den - v_den
    if a <= 0:
        return unclosed(num / den, n, "the denominator's interval contains 0")
    b = num * den - cov
    root = np.sqrt(max(b * b - a * (num * num - v_num), 0.0))
    return Interval(num / den, float((b - root) / a), float((b + root) / a), n)


def leave_one_out(statistic: Callable, *arrays_S: np.ndarray) -> np.ndarray:
    """The statistic with each seed left out in turn, shape (seeds, *shape of the statistic)."""
    keep_SS = ~np.eye(arrays_S[0].shape[0], dtype=bool)
    return np.stack([np.asarray(statistic(*(a[k] for a in arrays_S)), float) for k in keep_SS])


def jackknife_t(statistic: Callable, *arrays_S: np.ndarray, level: float = 0.95) -> Interval:
    """A smooth function of means, with the delete-one-seed jackknife and Student's t (Tukey, 1958).

    `statistic` takes the arrays with some seeds left out of all of them and returns one number. The
    value is the plain estimate; the interval is centred on the mean of the pseudo-values, which
    takes the bias of order 1/n out. Where the statistic is undefined without one seed, the
    interval is unbounded and names how many seeds do that; where no seed makes a difference it is
    unbounded too, as nothing says how far another could be. Not for medians, isotonic fits or
    crossings: those are not smooth in the means (see `crossing`).
    """
    arrays_S = tuple(np.asarray(a, float) for a in arrays_S)
    n = arrays_S[0].shape[0]
    value = float(statistic(*arrays_S)) if n else NAN
    if not np.isfinite(value):
        return undefined(n, "the statistic is undefined on all seeds")
    if n < 3:
        return unclosed(value, n, "the jackknife needs three seeds")
    pseudo_S = n * value - (n - 1) * leave_one_out(statistic, *arrays_S)
    if bad := np.count_nonzero(~np.isfinite(pseudo_S)):
        return unclosed(value, n, f"undefined when any of {bad} of {n} seeds is left out")
    if without_scatter(pseudo_S):
        return unclosed(value, n, NO_SCATTER)
    return mean_t(pseudo_S, level)._replace(value=value)


def binomial(successes: int, trials: int, level: float = 0.95) -> Interval:
    """A rate with the exact (Clopper–Pearson) interval; `n` is the number of trials."""
    from scipy.stats import binomtest

    if trials == 0:
        return undefined(0, "no trials")
    ends = binomtest(int(successes), int(trials)).proportion_ci(level, method="exact")
    return Interval(successes / trials, float(ends.low), float(ends.high), int(trials))
