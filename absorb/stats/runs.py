"""The runs of one absorption experiment, found by arm, label fraction and seed, and paired."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError

ARMS = ("route", "hard", "filter", "placebo", "capacity", "std")
OTHERS = ("rival",)  # arms of other experiments, which may lie in the same store
TREATMENTS = ("raw", "mean", "calibrated", "refit", "elicited")
KEYS = ("routing.arm", "routing.label_fraction", "seed", "status", "forget_train_count")


class Cell(NamedTuple):
    """One arm at one label fraction."""

    arm: str
    label_fraction: float


class Loss(NamedTuple):
    """One loss column in one cell, such as "calibrated.forget" in route at 0.1."""

    cell: Cell
    column: str


class Paired(NamedTuple):
    """Losses of the seeds that every asked cell has, `loss_LS` one row per loss asked for."""

    seeds: tuple[int, ...]
    loss_LS: np.ndarray


class Runs(NamedTuple):
    """Every run by cell and seed: its row if it finished, and how many diverged or failed."""

    columns: Mapping[str, np.ndarray]
    row_of: Mapping[Cell, Mapping[int, int]]
    diverged: Mapping[Cell, int]
    failed: Mapping[Cell, int]
    seeds: tuple[int, ...]
    forget_count: float


def read_runs(columns: Mapping[str, Sequence | np.ndarray]) -> Runs:
    """Sort the rows of a table by cell and seed.

    A row counts when its status is "ok"; "diverged" and any other status are counted and left out.
    Raises AbsorbError for a missing column, an unknown arm, two runs of one seed in one cell, or a
    concept whose size in training is not the same in every arm of a seed.
    """
    columns = {name: np.asarray(column) for name, column in columns.items()}
    if missing := [name for name in KEYS if name not in columns]:
        raise AbsorbError(f"the table has no column {', '.join(missing)}")
    if unknown := set(columns["routing.arm"].tolist()) - {*ARMS, *OTHERS}:
        raise AbsorbError(f"routing.arm is {sorted(unknown)}; choose from {', '.join(ARMS)}")
    all_rows: dict[Cell, dict[int, int]] = {}
    cells = zip(columns["routing.arm"].tolist(), columns["routing.label_fraction"], strict=True)
    for row, (arm, p) in enumerate(cells):
        cell, seed = Cell(arm, round(float(p), 9)), int(columns["seed"][row])
        if seed in all_rows.setdefault(cell, {}):
            raise AbsorbError(f"two runs of {arm} at label fraction {p} with seed {seed}")
        all_rows[cell][seed] = row
    status = columns["status"]
    return Runs(
        columns=columns,
        row_of={
            c: {s: r for s, r in rows.items() if status[r] == "ok"} for c, rows in all_rows.items()
        },
        diverged={c: count(status, rows, ("diverged",)) for c, rows in all_rows.items()},
        failed={
            c: len(rows) - count(status, rows, ("ok", "diverged")) for c, rows in all_rows.items()
        },
        seeds=tuple(sorted(set(columns["seed"].tolist()))),
        forget_count=forget_count(columns),
    )


def count(status: np.ndarray, rows: Mapping[int, int], which: tuple[str, ...]) -> int:
    """How many of these rows have one of these statuses."""
    return sum(str(status[row]) in which for row in rows.values())


def forget_count(columns: Mapping[str, np.ndarray]) -> float:
    """N, the number of forget examples in training, averaged over seeds; one number per seed."""
    ok = columns["status"] == "ok"
    seeds, counts = columns["seed"][ok], columns["forget_train_count"][ok].astype(float)
    per_seed = [np.unique(counts[seeds == seed]) for seed in np.unique(seeds)]
    if mixed := [found for found in per_seed if len(found) > 1]:
        raise AbsorbError(
            f"forget_train_count must be one number per seed, not {mixed[0].tolist()}:"
            " it is the size of the concept's training set before anything is withheld"
        )
    return float(np.mean(np.concatenate(per_seed))) if per_seed else float("nan")


def paired(runs: Runs, losses: Sequence[Loss]) -> Paired:
    """The asked losses for those seeds that every asked cell has, in the order of the seeds."""
    shared = set.intersection(*(set(runs.row_of.get(loss.cell, {})) for loss in losses))
    seeds = tuple(sorted(shared))
    rows = [[runs.row_of[loss.cell][seed] for seed in seeds] for loss in losses]
    values = [runs.columns[loss.column][row] for loss, row in zip(losses, rows, strict=True)]
    return Paired(seeds, np.array(values, float).reshape(len(losses), len(seeds)))


def noise(runs: Runs, cell: Cell, name: str) -> float:
    """The cell's rate of `false_negative` or `false_positive`; a table without it has no noise.

    Raises AbsorbError where the cell's runs differ in it.
    """
    column = runs.columns.get(f"routing.{name}")
    rows = list(runs.row_of.get(cell, {}).values())
    if column is None or not rows:
        return 0.0
    rates = np.unique(column[rows].astype(float))
    if len(rates) > 1:
        raise AbsorbError(
            f"routing.{name}={rates.tolist()} in {cell.arm} at {cell.label_fraction:g}: must be one"
        )
    return float(rates[0])


def labelled_share(runs: Runs, cell: Cell) -> float:
    """The share of the forget data with a label, in expectation: p (1 − false_negative)."""
    return cell.label_fraction * (1 - noise(runs, cell, "false_negative"))


def fractions(runs: Runs, arm: str) -> tuple[float, ...]:
    """The label fractions at which this arm has finished runs, increasing."""
    return tuple(
        sorted(
            cell.label_fraction for cell, rows in runs.row_of.items() if cell.arm == arm and rows
        )
    )
