"""Runs with a diary, by what was done to them: arm, label fraction, when labels stop, a nudge."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from figures.path_cubes import units
from figures.select import ARM, FRACTION, Table, plain, row_groups
from figures.token_runs import Row, Seeded, common, ended_badly

UNTIL, NUDGE, NUDGE_AT, DIARY = "routing.until", "train.nudge", "train.nudge_at", "mechanics.credit"
FREE = (ARM, FRACTION, UNTIL, NUDGE, NUDGE_AT)
KINDS, GROUPS = 3, 4  # of a diary's credit


class Cell(NamedTuple):
    """What was done to some runs; `nudge` and `at` are 0 where nothing was nudged."""

    arm: str
    p: float
    until: float = 1.0
    nudge: float = 0.0
    at: float = 0.0


CAPACITY = Cell("capacity", 0.0)


class Study(NamedTuple):
    """Runs by cell and seed, the seeds that count, and what is missing, in words."""

    cells: Mapping[Cell, Seeded]
    seeds: Sequence[int]
    rows: Sequence[Row]
    missing: str
    apart: str = ""  # what tells it from others of its figure

    def of(self, cell: Cell) -> list[Row]:
        """The runs of a cell, in the order of the seeds."""
        return [self.cells[cell][seed] for seed in self.seeds]

    def where(self, arm: str, **changed: bool) -> list[Cell]:
        """The cells of an arm, in order: plain ones, `stopped` ones, or `nudged` ones."""
        found = [cell for cell in self.cells if cell.arm == arm]
        stopped, nudged = changed.get("stopped", False), changed.get("nudged", False)
        return sorted(c for c in found if (c.until < 1) == stopped and bool(c.nudge) == nudged)

    @property
    def epochs(self) -> int:
        """Epochs of training; a diary has one look more."""
        return int(self.rows[0]["train.epochs"])


def studies(table: Table) -> list[Study]:
    """Every group of runs that kept a diary and in which something was routed."""
    if DIARY not in table:
        return []
    rows = [i for i, value in enumerate(table[DIARY]) if plain(value) is not None]
    every = row_groups(table, rows, FREE)
    return [study_of(own) for own in every if any(row[ARM] == "route" for row in own)]


def study_of(rows: Sequence[Row]) -> Study:
    """One group of runs, at the seeds that its cells have."""
    cells: dict[Cell, dict[int, Row]] = {}
    for row in rows:
        if row["status"] == "ok":
            cells.setdefault(cell_of(row), {})[int(row["seed"])] = row
    seeds = common(list(cells.values()))
    return Study(cells, seeds, rows, lacking(cells, seeds, ended_badly(rows)))


def cell_of(row: Row) -> Cell:
    """The cell of a run."""
    nudge, at = (row.get(name) or 0.0 for name in (NUDGE, NUDGE_AT))
    return Cell(row[ARM], float(row[FRACTION]), float(row[UNTIL]), float(nudge), float(at))


def lacking(cells: Mapping[Cell, Seeded], seeds: Sequence[int], badly: str) -> str:
    """What is not there, in words; "" where everything is."""
    if CAPACITY not in cells:
        return f"no runs of the arm capacity, the control{badly}"
    there = sum(len(set(seeds) & set(runs)) for runs in cells.values())
    if there < len(cells) * len(seeds):
        return f"{there} of {len(cells) * len(seeds)} runs{badly}"
    return "" if len(seeds) >= 4 else f"{len(seeds)} seeds; 4 or more are needed"


def course(runs: Sequence[Row], name: str) -> np.ndarray:
    """A diary's course of every run, (seeds, looks)."""
    return np.array([row[f"mechanics.{name}"] for row in runs], float)


def credits_of(runs: Sequence[Row]) -> np.ndarray:
    """Credit of every run, (seeds, kinds, groups)."""
    return np.array([row[DIARY] for row in runs], float).reshape(-1, KINDS, GROUPS)


def activations(runs: Sequence[Row]) -> np.ndarray:
    """Units of the last routed site on the test examples that were kept, (seeds, N, U)."""
    return np.array(units(runs))
