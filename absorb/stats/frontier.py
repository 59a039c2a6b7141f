"""The frontier of a search: chosen on one half of the seeds, reported on the other.

A frontier is the best of what was tried, so its own seeds flatter it; a config that is chosen on
some seeds has an honest mean on the others. It bounds what a method can do from one side only.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.intervals import Interval, mean_t


class Halves(NamedTuple):
    """Places of the seeds that select and of those that report, shares of the sorted seeds."""

    select: np.ndarray
    report: np.ndarray


class Chosen(NamedTuple):
    """One config of a frontier: its place among those tried, and what the reporting seeds say."""

    config: int
    cost: Interval
    gain: Interval


def halves(seeds: Sequence[int]) -> Halves:
    """Every second seed selects, the others report, one more where their number is odd.

    Raises AbsorbError for fewer than two seeds.
    """
    if len(seeds) < 2:
        raise AbsorbError(f"{len(seeds)} seeds: selecting and reporting need two or more")
    order = np.argsort(seeds)
    return Halves(np.sort(order[1::2]), np.sort(order[::2]))


def undominated(cost_C: np.ndarray, gain_C: np.ndarray) -> np.ndarray:
    """The configs for which no other costs as little and gains as much, by rising cost.

    Of two that are the same the first stands; what is not finite is never chosen.
    """
    best, found = -np.inf, []
    for c in np.lexsort((-gain_C, cost_C)):
        if np.isfinite(cost_C[c]) and gain_C[c] > best:
            best = gain_C[c]
            found.append(int(c))
    return np.array(found, int)


def frontier(
    cost_CS: np.ndarray, gain_CS: np.ndarray, parts: Halves, level: float = 0.95
) -> list[Chosen]:
    """The undominated configs by the selecting seeds' means, with the reporting seeds' means.

    Shapes (configs, seeds); t intervals over the reporting seeds. The order is that of selection:
    where the reported points do not rise with cost, selection was luck.
    """
    cost_CS, gain_CS = np.asarray(cost_CS, float), np.asarray(gain_CS, float)
    means = (a[:, parts.select].mean(axis=1) for a in (cost_CS, gain_CS))
    return [
        Chosen(
            int(c),
            mean_t(cost_CS[c, parts.report], level),
            mean_t(gain_CS[c, parts.report], level),
        )
        for c in undominated(*means)
    ]


def best_within(cost_C: np.ndarray, gain_C: np.ndarray, allowed: float) -> int | None:
    """The config of most gain among those that cost no more than allowed; None if there is none."""
    fits_C = (cost_C <= allowed) & np.isfinite(gain_C)
    if not fits_C.any():
        return None
    return int(np.argmax(np.where(fits_C, gain_C, -np.inf)))


def best_crossed(
    cost_CS: np.ndarray, gain_CS: np.ndarray, allowed: float, otherwise: float,
    told_CS: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Each seed's gain of the config of most gain within the cost, chosen on the other half.

    Shapes (configs, seeds); both halves choose and both report. `otherwise` is the gain where no
    config is within the cost: that of doing nothing. `told_CS` is reported instead of the gain that
    is chosen by, such as its planted truth. Raises AbsorbError for fewer than two seeds.
    """
    told_CS = gain_CS if told_CS is None else told_CS
    gain_S = np.full(cost_CS.shape[1], np.nan)
    parts = halves(range(cost_CS.shape[1]))
    for choose, report in (parts, parts[::-1]):
        c = best_within(cost_CS[:, choose].mean(axis=1), gain_CS[:, choose].mean(axis=1), allowed)
        gain_S[report] = otherwise if c is None else told_CS[c, report]
    return gain_S
