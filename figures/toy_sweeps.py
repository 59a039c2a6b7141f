"""Sweeps of an unrouted toy model over the probability that a feature is active."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from figures.select import Table
from figures.toy_rows import (
    ACTIVE,
    FEATURES,
    HIDDEN,
    IMPORTANCE,
    Cell,
    Row,
    Study,
    counted,
    same,
    studies,
    unrouted,
)


class Sweep(NamedTuple):
    """A sparsity sweep that is to be whole: its world, its model and its probabilities."""

    features: int
    hidden: int
    importance: float
    active: tuple[float, ...]


def probabilities(points: int) -> tuple[float, ...]:
    """From 1 to 1/20, evenly in the logarithm."""
    return tuple((20.0 ** -np.linspace(0, 1, points)).tolist())


# Those of the notebook to Elhage et al., Toy Models of Superposition, 2022, and the paper's grid.
SWEEPS = (
    Sweep(5, 2, 0.9, probabilities(10)),
    Sweep(20, 5, 0.7, (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)),
    Sweep(100, 20, 100 ** (-1 / 99), probabilities(10)),
    Sweep(200, 20, 1.0, probabilities(20)),
)


def sparsity_sweeps(table: Table, trait: Callable[[Row], bool]) -> list[Study]:
    """The unrouted studies with a trait at several probabilities, one cell for each."""
    found = studies(table, (ACTIVE,), lambda row: unrouted(row) and trait(row), probabilities_of)
    return [one for one in found if len(one.cells) > 1 or probabilities_of(one.first)]


def probabilities_of(row: Row) -> list[Cell]:
    """The cells of the known sweep that a run belongs to; none where it belongs to none."""
    own = (row[FEATURES], row[HIDDEN], row[IMPORTANCE])
    return [(p,) for sweep in SWEEPS if same(own, sweep[:3]) for p in sweep.active]


def best_runs(one: Study) -> list[tuple[float, Row]]:
    """The best run at each value of the one compared setting, from high to low."""
    found = [(cell[0], one.best(cell)) for cell in reversed(list(one.cells))]
    return [(value, row) for value, row in found if row is not None]


def best_of(one: Study) -> str:
    """How the runs that are shown were chosen, for a caption."""
    counts = {len(one.ok(cell)) for cell in one.cells if one.ok(cell)}
    low, high = min(counts), max(counts)
    k = counted(high, "seed") if low == high else f"{low}–{high} seeds"
    return f"best of {k} by importance-weighted test loss"
