"""How much runs differ in a score on the distribution, and not only on this test set.

The plain variance over runs of a mean over N test examples holds the noise of finitely many
examples too, most of it as a rule. Two halves of the test set have independent noise, so their
scores' covariance over runs has none of it.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.intervals import Interval, unclosed, undefined


class ScoreVariance(NamedTuple):
    """Variances over runs: `naive` of the mean score on this test set, `noise` of the test set,
    and `distribution` = naive − noise of the mean score on ever more examples, which may come out
    negative.
    """

    distribution: Interval
    naive: float
    noise: float


def scores(score_RN: np.ndarray) -> np.ndarray:
    """Scores of shape (runs, examples) in float64, with two examples or more."""
    score_RN = np.asarray(score_RN, float)
    if score_RN.ndim != 2 or score_RN.shape[1] < 2 or not len(score_RN):
        raise AbsorbError(f"score_RN: shape {score_RN.shape}; must be (runs, 2 examples or more)")
    return score_RN


def split_half(score_RN: np.ndarray, first_N: np.ndarray) -> float:
    """Covariance over runs of the mean scores on two parts of the test set.

    Compare K. Jordan, arXiv 2304.01910 (2023).

    first_N: which examples are in the first part, drawn without looking at the scores.
    """
    score_RN, first_N = scores(score_RN), np.asarray(first_N, bool)
    if first_N.shape != score_RN.shape[1:] or first_N.all() or not first_N.any():
        raise AbsorbError(f"first_N: {first_N.sum()} of {score_RN.shape[1]}; needs both parts")
    halves = score_RN[:, first_N].mean(axis=1), score_RN[:, ~first_N].mean(axis=1)
    return float(np.cov(*halves)[0, 1])


def score_variance(score_RN: np.ndarray, level: float = 0.95) -> ScoreVariance:
    """`split_half` averaged over all splits into halves, in closed form; interval over runs.

    Every two examples are apart equally often, so the average is the mean over i ≠ j of the
    covariance of examples i and j: N/(N−1) Var(mean) − Σᵢ Var(scoreᵢ)/(N(N−1)), variances over
    runs. It is also (MS_runs − MS_rest)/N of a two-way analysis of variance.

    Interval: runs' mean scores taken as normal, (R−1) naive/σ² is χ² with R−1 degrees of freedom,
    and the noise is taken off both ends (Tukey, 1951; Williams, 1962; with the rest's many degrees
    of freedom taken as infinite). It speaks of other runs on test examples like these, and may
    include 0 or less. Simulated, it covers .94 to .96 with 5 to 20 normal runs (the jackknife: .81
    to .90), and .87 to .92 with exponential ones.
    """
    score_RN = scores(score_RN)
    runs, n = score_RN.shape
    if bad := np.count_nonzero(~np.isfinite(score_RN).all(axis=1)):
        return ScoreVariance(undefined(runs, f"{bad} of {runs} runs are not finite"), *[np.nan] * 2)
    if runs == 1:
        return ScoreVariance(undefined(1, "one run has no variance"), *[np.nan] * 2)
    naive = float(score_RN.mean(axis=1).var(ddof=1))
    noise = float(score_RN.var(axis=0, ddof=1).mean() - naive) / (n - 1)
    return ScoreVariance(normal_interval(naive, noise, runs, level), naive, noise)


def normal_interval(naive: float, noise: float, runs: int, level: float) -> Interval:
    """naive − noise, where naive is a variance of `runs` normal scores and noise is known."""
    from scipy.special import chdtri

    df, tail = runs - 1, (1 - level) / 2
    if naive == 0:
        return unclosed(-noise, runs, "all runs have the same mean score")
    low, high = (df * naive / float(chdtri(df, q)) for q in (tail, 1 - tail))
    return Interval(naive - noise, low - noise, high - noise, runs)
