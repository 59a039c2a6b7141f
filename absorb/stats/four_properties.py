"""Are two measures of how tasks relate the same thing? Ranks, equivalence, counterexamples.

Both are measured for the same ordered pairs of tasks. Pairs that share a task are not independent:
an interval from resampled pairs is too narrow, so tasks are resampled.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.frontier import best_crossed
from absorb.stats.intervals import NAN, Interval, mean_t, undefined

MARGIN = 0.1
FEWEST_TASKS = 4


class Agreement(NamedTuple):
    """Kendall's τ_b with its interval, and the chance of one as far from 0 under relabelling."""

    tau: Interval
    chance: float


class PairVerdict(NamedTuple):
    """One pair's gap x − y: "equivalent" within the margin, "counterexample" beyond it, or open."""

    gap: Interval
    verdict: str


def failed_unlearning(a_CS: np.ndarray, b_CS: np.ndarray, delta: float,
                      told_CS: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """P2: the least elicited capability a of configs with b at 1 − delta or more; 1 where none is.

    Shapes (configs, seeds) to (seeds,); NaN where there is no scale. Configs are chosen on the
    other half of the seeds; told_CS is told of them in place of a, such as its planted truth.
    """
    told_CS = a_CS if told_CS is None else told_CS
    if no_scale(a_CS, b_CS):
        return np.full(a_CS.shape[1], NAN)
    return -best_crossed(-b_CS, -a_CS, -(1 - delta), -1.0, -told_CS)


def cost(a_CS: np.ndarray, b_CS: np.ndarray, delta: float,
         told_CS: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """P4: what b loses where the elicited capability a is at most delta, seed by seed.

    A random start that answers by a constant is a config too (a = b = 0), so that no broken network
    is the best. Shapes (configs, seeds) to (seeds,), chosen on the other half of the seeds; told_CS
    is told of them in place of b. NaN where there is no scale.
    """
    if no_scale(a_CS, b_CS):
        return np.full(a_CS.shape[1], NAN)
    nothing_S, told_CS = np.zeros(a_CS.shape[1]), b_CS if told_CS is None else told_CS
    a_CS, b_CS, told_CS = (np.vstack([x_CS, nothing_S]) for x_CS in (a_CS, b_CS, told_CS))
    return 1 - best_crossed(a_CS, b_CS, delta, 0.0, told_CS)


def no_scale(a_CS: np.ndarray, b_CS: np.ndarray) -> bool:
    """Whether no config has both capabilities: a task that attacks teach anybody has no scale."""
    return not (np.isfinite(a_CS) & np.isfinite(b_CS)).any()


def tau_b(x_P: np.ndarray, y_P: np.ndarray, weight_P: np.ndarray) -> float:
    """Kendall's τ_b (1945) of weighted pairs of tasks; NaN where all of x or of y tie."""
    weight_PP = weight_P[:, None] * weight_P[None, :]
    x_PP, y_PP = (np.sign(v[:, None] - v[None, :]) for v in (x_P, y_P))
    norm = np.sqrt((weight_PP * x_PP**2).sum() * (weight_PP * y_PP**2).sum())
    return float((weight_PP * x_PP * y_PP).sum() / norm) if norm > 0 else NAN


def agreement(
    x_P: np.ndarray,
    y_P: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Whether two measures rank pairs of tasks alike: τ_b, interval by resampled tasks.

    `pairs` names the two tasks of every entry as 0, 1, ... The interval is the percentile one; `n`
    is the number of tasks. `chance` is the permutation test that relabels the tasks of y (QAP:
    Krackhardt, 1988), for which every pair has to be there. Raises AbsorbError for fewer than 4
    tasks, for a pair that is missing or twice there, and for values that are not finite.
    """
    place_TT = places(pairs, len(x_P), len(y_P))
    if not (np.isfinite(x_P).all() and np.isfinite(y_P).all()):
        raise AbsorbError("x_P, y_P: values that are not finite have no rank")
    rng, tasks = np.random.default_rng(seed), len(place_TT)
    first_P, second_P = np.array(pairs).T
    value = tau_b(x_P, y_P, np.ones(len(x_P)))
    if np.isnan(value):
        return Agreement(undefined(tasks, "all pairs tie"), NAN)
    drawn_D, relabelled_D = np.full((2, draws), NAN)
    for d in range(draws):
        count_T = np.bincount(rng.integers(0, tasks, tasks), minlength=tasks)
        drawn_D[d] = tau_b(x_P, y_P, count_T[first_P] * count_T[second_P])
        order_T = rng.permutation(tasks)
        moved_P = y_P[place_TT[order_T[first_P], order_T[second_P]]]
        relabelled_D[d] = tau_b(x_P, moved_P, np.ones(len(x_P)))
    low, high = np.nanquantile(drawn_D, [0.5 - level / 2, 0.5 + level / 2])
    as_far = np.count_nonzero(np.abs(relabelled_D) >= abs(value) - 1e-12)
    tau = Interval(value, float(low), float(high), tasks)
    return Agreement(tau, (as_far + 1) / (draws + 1))


def places(pairs: Sequence[tuple[int, int]], *lengths: int) -> np.ndarray:
    """Where each ordered pair of tasks stands, shape (tasks, tasks), −1 on the diagonal."""
    tasks = 1 + max((max(pair) for pair in pairs), default=-1)
    wanted = {(i, j) for i in range(tasks) for j in range(tasks) if i != j}
    if tasks < FEWEST_TASKS or set(pairs) != wanted or {*lengths, len(pairs)} != {len(wanted)}:
        raise AbsorbError(
            f"pairs: {len(pairs)} over {tasks} tasks, for {lengths} values; must be every ordered "
            f"pair once, of {FEWEST_TASKS} tasks or more"
        )
    place_TT = np.full((tasks, tasks), -1)
    place_TT[tuple(np.array(pairs).T)] = np.arange(len(pairs))
    return place_TT


def compare_pairs(
    x_PS: np.ndarray, y_PS: np.ndarray, margin: float = MARGIN, level: float = 0.95
) -> list[PairVerdict]:
    """Pair by pair, whether two measures on one scale agree, paired over seeds.

    "equivalent": two one-sided t tests at 1 − level place |x − y| below the margin (Schuirmann,
    1987). "counterexample": the interval lies beyond the margin at a level that all pairs keep
    together (Bonferroni). Else "open". The two measures are the same thing, as far as
    tried, only where every pair is equivalent (an intersection of tests: no correction needed).
    """
    found = []
    for gap_S in np.asarray(x_PS, float) - np.asarray(y_PS, float):
        gap = mean_t(gap_S, 2 * level - 1)
        far = mean_t(gap_S, 1 - (1 - level) / len(x_PS))
        verdict = "open"
        if -margin < gap.low and gap.high < margin:
            verdict = "equivalent"
        elif far.low > margin or far.high < -margin:
            verdict = "counterexample"
        found.append(PairVerdict(far, verdict))
    return found
