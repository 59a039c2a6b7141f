"""From a table of pairs of runs to a mean with an interval over runs.

R runs make R(R−1)/2 pairs, but only R of anything independent: the unit is the run.
"""

from collections.abc import Callable

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.intervals import Interval, jackknife_t


def pair_table(pair: Callable[[int, int], float], runs: int) -> np.ndarray:
    """A symmetric measure of every two runs, shape (runs, runs); NaN on the diagonal."""
    table_RR = np.full((runs, runs), np.nan)
    for i in range(runs):
        for j in range(i):
            table_RR[i, j] = table_RR[j, i] = pair(i, j)
    return table_RR


def mean_over_pairs(pair_RR: np.ndarray, level: float = 0.95) -> Interval:
    """The mean over all pairs of different runs, with the jackknife over runs.

    Leaving a run out takes all its pairs out, so that shared runs count as shared. The diagonal is
    not looked at. A pair that is NaN makes the mean undefined. AbsorbError unless square.
    """
    pair_RR = np.asarray(pair_RR, float)
    if pair_RR.ndim != 2 or len(set(pair_RR.shape)) != 1:
        raise AbsorbError(f"pair_RR: shape {pair_RR.shape}; must be (runs, runs)")

    def mean(run_S: np.ndarray) -> float:
        among_SS = pair_RR[np.ix_(run_S.astype(int), run_S.astype(int))]
        different_SS = ~np.eye(len(run_S), dtype=bool)
        return float(among_SS[different_SS].mean()) if len(run_S) > 1 else float("nan")

    return jackknife_t(mean, np.arange(len(pair_RR)), level=level)
