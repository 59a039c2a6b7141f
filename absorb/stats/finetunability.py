"""Fine-tunability as a proxy: does "it came back under budget d" say that it had been there?

Networks of known truth: a capability that was taught and then suppressed, or never taught. The
distance of a network is the least budget (steps, examples or movement) at which an attack reaches a
loss; calling it taught where the distance is at most a threshold is a test, with precision and
recall.
"""

from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.frontier import halves
from absorb.stats.intervals import Interval, binomial, jackknife_t, undefined, unseen

NEARLY = 0.9  # an AUC above which the jackknife covers too little


def distance(
    validation_A: np.ndarray, test_A: np.ndarray, cost_A: np.ndarray, target: float
) -> float:
    """The least cost at which the best attack within it, by validation, is at `target` on test.

    Any number of looks at attacks, with what each had cost. ∞ where no budget reaches the target.
    A look that is not finite was not taken.
    """
    known_A = np.isfinite(validation_A) & np.isfinite(test_A)
    cost_A, validation_A, test_A = (x[known_A] for x in (cost_A, validation_A, test_A))
    for cost in np.unique(cost_A):
        within_A = cost_A <= cost
        best = np.flatnonzero(within_A)[validation_A[within_A].argmin()]
        if test_A[best] <= target:
            return float(cost)
    return float("inf")


class Proxy(NamedTuple):
    """How well a distance tells taught from never taught.

    `auc`: the chance that a taught network is nearer than one never taught, ties half, by
    `area`. `threshold_T`, `precision_T`, `recall_T`: over all finite distances. `chosen`: the
    threshold of greatest F1 on one half of the seeds; `precision` and `recall` of it on the other.
    """

    auc: Interval
    threshold_T: np.ndarray
    precision_T: np.ndarray
    recall_T: np.ndarray
    chosen: float
    precision: Interval
    recall: Interval


def proxy(taught_SN: np.ndarray, never_SM: np.ndarray, level: float = 0.95) -> Proxy:
    """A distance as a test, from distances (seeds, networks) of both kinds; ∞ never came back.

    The unit is the seed: a seed's networks of both kinds are left out together. Raises AbsorbError
    for fewer than 4 seeds and for seeds that do not pair.
    """
    taught_SN, never_SM = np.asarray(taught_SN, float), np.asarray(never_SM, float)
    seeds = len(taught_SN)
    if seeds < 4 or len(never_SM) != seeds or 0 in (taught_SN.size, never_SM.size):
        shapes = f"{taught_SN.shape} and {never_SM.shape}"
        raise AbsorbError(f"taught_SN, never_SM: shapes {shapes}; need the same 4 seeds or more")
    auc = area(taught_SN, never_SM, level)
    threshold_T = thresholds(taught_SN, never_SM)
    precision_T, recall_T = rates(taught_SN, never_SM, threshold_T)
    select, report = (list(part) for part in halves(range(seeds)))
    chosen = best_threshold(taught_SN[select], never_SM[select])
    said = judged(taught_SN[report], never_SM[report], chosen, level)
    return Proxy(auc, threshold_T, precision_T, recall_T, chosen, *said)


def area(taught_SN: np.ndarray, never_SM: np.ndarray, level: float) -> Interval:
    """The AUC by the jackknife over seeds, or `unseen` where every two seeds read the same.

    A seed takes part in many pairs, so these are not independent: all of them read the same with a
    chance of at most q^(seeds/2), q that of one pair of different seeds (H. Finner, 1992). Seeds
    that spoil all their pairs reach it. Where nearly all pairs are in order, or out of it, the
    jackknife's interval is too narrow at the inner end, which is then that of `few_spoilt`.
    """
    pair_SS = np.array([[nearer(a_N, b_M) for b_M in never_SM] for a_N in taught_SN])
    if np.ptp(pair_SS) == 0:
        seeds = len(taught_SN)
        return unseen(float(pair_SS[0, 0]), seeds, seeds / 2, level)
    found = jackknife_t(nearer, taught_SN, never_SM, level=level)
    if found.value >= NEARLY:
        return found._replace(low=min(found.low, few_spoilt(pair_SS, level)))
    if found.value <= 1 - NEARLY:
        return found._replace(high=max(found.high, 1 - few_spoilt(1 - pair_SS, level)))
    return found


def few_spoilt(pair_SS: np.ndarray, level: float) -> float:
    """How low the mean of pairs of seeds may be, of which nearly all are 1.

    Their share has Clopper–Pearson's lower end, as of seeds/2 independent pairs, and the others are
    as those that are there.
    """
    from scipy.stats import beta

    whole_SS, trials = pair_SS == 1, len(pair_SS) / 2
    hits = whole_SS.mean() * trials
    share = float(beta.ppf((1 - level) / 2, hits, trials - hits + 1)) if hits else 0.0
    return share + (1 - share) * float(pair_SS[~whole_SS].mean())


def nearer(taught_SN: np.ndarray, never_SM: np.ndarray) -> float:
    """The chance that a taught network is nearer (the area under the ROC curve)."""
    a, b = taught_SN.ravel()[:, None], never_SM.ravel()
    return float((a < b).mean() + 0.5 * (a == b).mean())


def thresholds(taught_SN: np.ndarray, never_SM: np.ndarray) -> np.ndarray:
    """Every finite distance, in order; ∞ alone where there is none."""
    every = np.unique(np.concatenate([taught_SN.ravel(), never_SM.ravel()]))
    return every[np.isfinite(every)] if np.isfinite(every).any() else np.array([np.inf])


def rates(taught_SN: np.ndarray, never_SM: np.ndarray, threshold_T: np.ndarray) -> np.ndarray:
    """Precision and recall at each threshold, shape (2, T); precision is NaN where none is called.

    Weighed as if both kinds were equally frequent, as the number of networks of each is arbitrary.
    """
    hit_T = called(taught_SN.ravel(), threshold_T[:, None]).mean(axis=1)
    false_T = called(never_SM.ravel(), threshold_T[:, None]).mean(axis=1)
    called_T = hit_T + false_T
    precision_T = np.where(called_T > 0, hit_T / np.where(called_T > 0, called_T, 1), np.nan)
    return np.stack([precision_T, hit_T])


def called(distance: np.ndarray, threshold: np.ndarray | float) -> np.ndarray:
    """Whether a network is called taught: it came back, and at no more than the threshold."""
    return np.isfinite(distance) & (distance <= threshold)


def best_threshold(taught_SN: np.ndarray, never_SM: np.ndarray) -> float:
    """The threshold of greatest F1, the least of those that tie."""
    threshold_T = thresholds(taught_SN, never_SM)
    precision_T, recall_T = rates(taught_SN, never_SM, threshold_T)
    f1_T = 2 * precision_T * recall_T / np.where(recall_T > 0, precision_T + recall_T, 1)
    return float(threshold_T[np.nan_to_num(f1_T, nan=-1.0).argmax()])


def judged(
    taught_SN: np.ndarray, never_SM: np.ndarray, threshold: float, level: float
) -> tuple[Interval, Interval]:
    """Precision and recall of a threshold on seeds that did not choose it.

    Recall is binomial over taught networks, which share seeds, so its interval is a little short;
    precision by the jackknife over seeds, open where no seed makes a difference to it.
    """
    hits, total = int(called(taught_SN, threshold).sum()), taught_SN.size
    recall = binomial(hits, total, level)
    if not hits and not called(never_SM, threshold).any():
        return undefined(len(taught_SN), "nothing is called taught"), recall

    def precision(taught_SN: np.ndarray, never_SM: np.ndarray) -> float:
        return float(rates(taught_SN, never_SM, np.array([threshold]))[0, 0])

    return jackknife_t(precision, taught_SN, never_SM, level=level), recall
