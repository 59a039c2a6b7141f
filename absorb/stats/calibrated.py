"""Similarities of representations held against permuted examples, which have nothing in common.

High dimensions alone make some similarities high. Permuting the examples of one representation
keeps all of that and takes away only what the two say about the same example.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.over_pairs import pair_table
from absorb.stats.representation import Measure, prepared

HIGHEST = 1.0  # what every measure gives a representation and itself
ROUNDING = 1e-12  # excess over the threshold that is no excess


class Calibrated(NamedTuple):
    """A similarity against its own null.

    `score`: 0 up to the threshold, 1 for identity up to rotation. `raw`: the similarity itself.
    `threshold`, `null_mean`: of the permuted. `p`: one-sided, of the permutation test. All NaN for
    a representation without variation.
    """

    score: float
    raw: float
    threshold: float
    null_mean: float
    p: float


def rank(draws: int, alpha: float) -> int:
    """⌈(1−α)(K+1)⌉, the threshold's place among K+1 scores; AbsorbError if none can exceed it."""
    if not 0 < alpha < 1:
        raise AbsorbError(f"alpha={alpha}: must lie strictly between 0 and 1")
    place = int(np.ceil((1 - alpha) * (draws + 1) - 1e-9))
    if place > draws:
        least = int(np.ceil(1 / alpha - 1e-9)) - 1
        raise AbsorbError(f"draws={draws}: must be at least {least} at alpha={alpha}")
    return place


def against_null(raw: float, null_K: np.ndarray, alpha: float = 0.05) -> Calibrated:
    """A score against K scores under the null.

    τ is the order statistic ⌈(1−α)(K+1)⌉ of all K+1 scores, and the result is
    clip((s−τ)/(1−τ), 0, 1). Where all K+1 are exchangeable, at most α of the results are above 0.
    """
    every = np.append(null_K, raw)
    tau = float(np.sort(every)[rank(len(null_K), alpha) - 1])
    if not np.isfinite(every).all():
        return Calibrated(*[float("nan")] * len(Calibrated._fields))
    excess = raw - tau
    score = min(excess / (HIGHEST - tau), 1.0) if excess > ROUNDING else 0.0
    p = float((every >= raw - ROUNDING).mean())
    return Calibrated(float(score), float(raw), tau, float(np.mean(null_K)), p)


def orders(n: int, draws: int, seed: int) -> np.ndarray:
    """`draws` random orders of n examples, shape (draws, n); the same for the same seed."""
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n), (draws, 1)), axis=1)


def compare(measure: Measure, a: np.ndarray, b: np.ndarray, order_KN: np.ndarray,
            alpha: float = 0.05) -> Calibrated:  # fmt: skip
    """Two prepared representations, calibrated with the given orders of the second's examples."""
    null = [measure.compare(a, measure.permute(b, order_N)) for order_N in order_KN]
    return against_null(measure.compare(a, b), np.array(null), alpha)


def calibrated(measure: Measure, x_NF: np.ndarray, y_NG: np.ndarray, draws: int = 199,
               alpha: float = 0.05, seed: int = 0) -> Calibrated:  # fmt: skip
    """A similarity of two representations of the same examples, calibrated by permutations.

    Rows have to be exchangeable under the null: independent examples, not tokens of one text.
    Memory and time per draw go with N². Source: see `against_null`.
    """
    rank(draws, alpha)
    a, b = prepared(measure, x_NF, y_NG)
    return compare(measure, a, b, orders(len(a), draws, seed), alpha)


class CalibratedPairs(NamedTuple):
    """Calibrated and raw similarities of every two runs, (runs, runs), with NaN on the diagonal."""

    score_RR: np.ndarray
    raw_RR: np.ndarray


def calibrated_pairs(measure: Measure, runs_NF: Sequence[np.ndarray], draws: int = 199,
                     alpha: float = 0.05, seed: int = 0) -> CalibratedPairs:  # fmt: skip
    """Every two of R runs' representations of the same examples, each prepared once.

    For a mean over pairs with its interval over runs see `mean_over_pairs`.
    """
    rank(draws, alpha)
    ready = prepared(measure, *runs_NF)
    order_KN = orders(len(runs_NF[0]), draws, seed)
    raw_RR = np.full((len(ready), len(ready)), np.nan)

    def pair(i: int, j: int) -> float:
        found = compare(measure, ready[i], ready[j], order_KN, alpha)
        raw_RR[i, j] = raw_RR[j, i] = found.raw
        return found.score

    return CalibratedPairs(pair_table(pair, len(ready)), raw_RR)
