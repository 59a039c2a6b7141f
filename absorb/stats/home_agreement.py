"""Do runs give the same concepts the same homes, and do they at least divide them alike?"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.coabsorption import Null, against, checked, permuted
from absorb.stats.intervals import Interval, jackknife_t, undefined

ONE_ONLY = "all concepts have one home in all runs"
NO_PAIR = "no two runs divide the concepts into more than one home and fewer than all"


class Agreement(NamedTuple):
    """A coefficient of agreement over runs, and the same where concepts swap homes within runs."""

    value: Interval
    null: Null


class HomeAgreement(NamedTuple):
    """`kappa`: one home in every run, by name. `rand`: one division, whatever regions are called.

    `homeless` is the share of all homes that are none (negative). To κ none is a home like any
    other; to the Rand index a concept without a home is alone.
    """

    kappa: Agreement
    rand: Agreement
    runs: int
    concepts: int
    homeless: float


def home_agreement(
    home_RC: Sequence | np.ndarray, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> HomeAgreement:
    """Fleiss' κ and the mean adjusted Rand index of C concepts' homes over R runs.

    κ presumes that a region's name means the same in every run; the Rand index needs no such
    matching, as it does not change when regions are renamed. Both are 0 by chance and 1 where all
    runs agree. Intervals by the jackknife over runs, taken to share no seed; null: permute
    concepts within every run. Raises AbsorbError for fewer than two runs or concepts.
    """
    home_RC = checked(home_RC)
    kappa = tested(fleiss_kappa, ONE_ONLY, home_RC, draws, seed, level)
    rand = tested(mean_rand, NO_PAIR, home_RC, draws, seed, level)
    runs, concepts = home_RC.shape
    return HomeAgreement(kappa, rand, runs, concepts, float((home_RC < 0).mean()))


def tested(
    statistic: Callable[[np.ndarray], float], why: str, home_RC: np.ndarray, draws: int,
    seed: int, level: float,
) -> Agreement:  # fmt: skip
    """A statistic of homes with its interval and its null."""
    value = statistic(home_RC)
    if np.isnan(value):
        return Agreement(undefined(len(home_RC), why), Null(*[float("nan")] * 4))
    null_D = permuted(statistic, home_RC, draws, seed)
    return Agreement(jackknife_t(statistic, home_RC, level=level), against(value, null_D))


def fleiss_kappa(home_RC: np.ndarray) -> float:
    """Fleiss' κ with runs as raters, concepts as subjects (J. L. Fleiss, 1971); NaN for one home.

    κ = (P̄ − P̄ₑ)/(1 − P̄ₑ): P̄ the chance that two runs give a concept one home, P̄ₑ = Σ pⱼ².
    """
    runs = len(home_RC)
    count_JC = (home_RC == np.unique(home_RC)[:, None, None]).sum(axis=1)
    if runs < 2 or len(count_JC) < 2:
        return float("nan")
    alike = (count_JC * (count_JC - 1)).sum(axis=0).mean() / (runs * (runs - 1))
    chance = (count_JC.mean(axis=1) ** 2).sum() / runs**2
    return float((alike - chance) / (1 - chance))


def mean_rand(home_RC: np.ndarray) -> float:
    """The adjusted Rand index averaged over all pairs of runs for which it is defined."""
    rand_P = rand_indices(home_RC)[np.triu_indices(len(home_RC), 1)]
    known_P = np.isfinite(rand_P)
    return float(rand_P[known_P].mean()) if known_P.any() else float("nan")


def rand_indices(home_RC: np.ndarray) -> np.ndarray:
    """The adjusted Rand index of every two runs (L. Hubert and P. Arabie, 1985), shape (R, R).

    From pairs of concepts that are together in both runs, against those in each: all runs at once,
    which `sklearn.metrics.adjusted_rand_score` would take one by one. NaN where both runs have all
    concepts in one home, or both all apart: such runs agree whatever they do.
    """
    first, second = np.triu_indices(home_RC.shape[1], 1)
    same_RP = (home_RC[:, first] == home_RC[:, second]) & (home_RC[:, first] >= 0)
    same_RP = same_RP.astype(float)
    both_RR = same_RP @ same_RP.T
    own_R = same_RP.sum(axis=1)
    chance_RR = np.outer(own_R, own_R) / len(first)
    room_RR = (own_R[:, None] + own_R) / 2 - chance_RR
    safe_RR = np.where(room_RR > 0, room_RR, 1)
    return np.where(room_RR > 0, (both_RR - chance_RR) / safe_RR, np.nan)
