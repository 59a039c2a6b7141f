"""The absorption table: every measure of every arm at every label fraction, from a table of runs.

Losses are columns named "{treatment}.{forget|retain}". Measures that need several arms use the
seeds that all of them have finished, and say so in `n`, against `seeds` of the record.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.absorption import (
    Damage,
    ablation_absorption,
    damage,
    difference_at_equal_retain,
    kept_share,
)
from absorb.stats.dose import Decision, absorbs, excess_at, excess_over_placebo, fitted_rho, p50
from absorb.stats.dose_equivalent import both_undefined, dose_equivalent
from absorb.stats.intervals import Interval, mean_t, undefined
from absorb.stats.runs import TREATMENTS, Cell, Loss, Paired, Runs, fractions, paired, read_runs

ROUTED = ("route", "placebo")


class Settings(NamedTuple):
    """How the table is made.

    `link` is the shape of the loss that the null of the claim assumes (`nulls.null_share`);
    `tolerance` the rise of the retain loss, as a part of what the concept is worth, beyond which K
    counts as damaged; `tests` how many label fractions share the error rate of the claim.
    """

    level: float = 0.95
    link: str = "convex"
    tolerance: float = 0.1
    tests: int = 1


class Treated(NamedTuple):
    """One arm at one label fraction after one treatment; losses in their own unit.

    `forget` and `retain` are mean held-out losses; `kept` is K's share, `worth` what a share of 1
    is worth as a loss. `a_abl`, with the loss difference `over_hard` beside it and the same at
    equal retain loss, and `a_dose` with `n_eq` beside it, are absorption in two definitions.
    `excess` is X(p) with the claim's link, `excess_linear` takes loss shares for credit shares.
    """

    treatment: str
    forget: Interval
    retain: Interval
    damage: Damage
    kept: Interval
    worth: Interval
    a_abl: Interval
    over_hard: Interval
    over_hard_at_equal_retain: Interval
    a_dose: Interval
    n_eq: Interval
    excess: Interval
    excess_linear: Interval
    over_placebo: Interval
    absorbs: Decision


class Record(NamedTuple):
    """One arm at one label fraction: runs that finished, and of how many seeds in the table."""

    arm: str
    label_fraction: float
    finished: int
    diverged: int
    failed: int
    seeds: int
    treated: tuple[Treated, ...]


class Curve(NamedTuple):
    """One arm over all label fractions after one treatment."""

    arm: str
    treatment: str
    p50: Interval
    rho: Interval
    absorbs_at: tuple[float, ...]
    tested_at: tuple[float, ...]


class Point(NamedTuple):
    """What one treatment of one cell is computed from."""

    runs: Runs
    cell: Cell
    treatment: str
    settings: Settings

    def losses(self, *cells: Cell, part: str = "forget") -> Paired:
        """This treatment's losses in these cells, paired."""
        return paired(self.runs, [Loss(cell, f"{self.treatment}.{part}") for cell in cells])

    def missing(self, *cells: Cell) -> str:
        """Which of these cells has no finished run, in words, or ""."""
        empty = [c for c in cells if not self.runs.row_of.get(c)]
        return "no runs of " + ", ".join(f"{c.arm} at {c.label_fraction:g}" for c in empty) * bool(
            empty
        )


def absorption_table(
    columns: Mapping[str, Sequence | np.ndarray], settings: Settings = Settings()
) -> list[Record]:
    """One record per arm and label fraction, in the order of the arms and fractions.

    `columns` holds one entry per run: the key columns of `runs.KEYS` and the losses. The claim
    "absorbs" divides its error rate by the number of label fractions tested, so that over a whole
    curve without absorption it is made at most 1 − level of the time, per treatment.
    """
    runs = read_runs(columns)
    settings = settings._replace(tests=max(1, len(tested(runs))))
    treatments = [t for t in TREATMENTS if f"{t}.forget" in runs.columns]
    return [
        Record(
            arm=cell.arm,
            label_fraction=cell.label_fraction,
            finished=len(rows),
            diverged=runs.diverged[cell],
            failed=runs.failed[cell],
            seeds=len(runs.seeds),
            treated=tuple(treated(Point(runs, cell, t, settings)) for t in treatments),
        )
        for cell, rows in sorted(runs.row_of.items())
    ]
