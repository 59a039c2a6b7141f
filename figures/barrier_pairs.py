"""Pairs of runs whose parameters `absorb barriers` has compared, by cell and by what differs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import Interval, difference_t, mean_t
from figures.path_cubes import EPOCHS, ROUTED, UNROUTED, UNTRAINED
from figures.select import ARM, FRACTION, Table, row_groups
from figures.token_runs import MECHANISM, Row

CONDITION = (MECHANISM, ARM, FRACTION)
FREE = (EPOCHS, *CONDITION)
CELL, SHARED, OF = "pair.cell", "pair.shared", "pair.of"
# which seeds two runs differ in, by the bits of those they share: 4 init, 2 order, 1 labels
APART = {3: "init", 5: "order", 6: "labels", 0: "all", 7: "none"}
ORDERS = {"as_is": "as they are", "matched": "matched, R with R", "free": "matched freely"}
SHUFFLED = "in random order"
LOSSES = {"all": "test loss", "forget": "forget loss", "retain": "retain loss",
          "wrong": "share wrong"}  # fmt: skip
IN_REGION, COSINE, CHANCE = "R matched with R", "cosine of weights", "by chance"
FEWEST = 3  # cells with which an interval says something


class Study(NamedTuple):
    """Pairs of one experiment by series: routed in one way, not routed, not trained."""

    pairs: Mapping[str, Sequence[Row]]
    missing: str
    apart: str = ""  # what tells it from others of its figure

    @property
    def rows(self) -> list[Row]:
        """The pairs of all series."""
        return [row for own in self.pairs.values() for row in own]

    @property
    def first(self) -> Row:
        """A pair of the first series."""
        return self.rows[0]


def studies(table: Table) -> list[Study]:
    """Every group of pairs that differ in how they were routed alone, one for each way."""
    if CELL not in table:
        return []
    found = []
    groups = row_groups(table, range(len(table[CELL])), FREE)
    for rows in sorted(groups, key=lambda rows: rows[0]["model.kind"], reverse=True):
        found += [study_of(rows, way) for way in ways_of(rows)]
    return found


def ways_of(rows: Sequence[Row]) -> list[tuple]:
    """The ways in which trained runs were routed, or none at all."""
    trained = [row for row in rows if row[EPOCHS] and row[MECHANISM] != "none"]
    return list(dict.fromkeys(way_of(row) for row in trained)) or [()]


def way_of(row: Row) -> tuple:
    """How a run was routed."""
    return tuple(row[name] for name in CONDITION)


def study_of(rows: Sequence[Row], way: tuple) -> Study:
    """The pairs of one way of routing, with the contrasts that all ways share."""
    trained = [row for row in rows if row[EPOCHS]]
    split = {
        ROUTED: [row for row in trained if way_of(row) == way],
        UNROUTED: [row for row in trained if row[MECHANISM] == "none"],
        UNTRAINED: [row for row in rows if not row[EPOCHS]],
    }
    pairs = {name: own for name, own in split.items() if own}
    return Study(pairs, lacking(pairs))


def lacking(pairs: Mapping[str, Sequence[Row]]) -> str:
    """What is not there, in words; "" where everything is."""
    for name, own in pairs.items():
        wanted, cells = max(row[OF] for row in own), {row[CELL] for row in own}
        if len(own) < wanted:
            return f"{len(own)} of {wanted} pairs {name}; absorb barriers does the rest"
        if len(cells) < FEWEST:
            return f"{len(cells)} cells {name}; {FEWEST} or more are needed"
    return ""


def by_cell(rows: Sequence[Row], column: str, shared: int) -> dict[int, float]:
    """The mean of a column over each cell's pairs that share these seeds; NaN where one is none."""
    values: dict[int, list[float]] = {}
    for row in rows:
        if row[SHARED] == shared:
            value = row.get(column)
            values.setdefault(row[CELL], []).append(float("nan") if value is None else value)
    return {cell: float(np.mean(own)) for cell, own in sorted(values.items())}


def over_cells(rows: Sequence[Row], column: str, shared: int) -> Interval:
    """The mean of a column with an interval over cells, which share no run."""
    return mean_t(np.array(list(by_cell(rows, column, shared).values())))


def difference(study: Study, column: str, shared: int) -> Interval | None:
    """Routed less not routed, cell by cell: both have the same seeds. None without both."""
    routed, plain = (
        by_cell(study.pairs.get(name, ()), column, shared) for name in (ROUTED, UNROUTED)
    )
    both = np.array([(routed[cell], plain[cell]) for cell in routed if cell in plain])
    return difference_t(both[:, 0], both[:, 1]) if len(both) else None


def columns_of(study: Study, prefix: str) -> list[str]:
    """The columns of this beginning that the study has, by the order of units and by the loss."""
    found = [name for name in study.first if name.startswith(prefix)
             and any(row[name] is not None for row in study.rows)]  # fmt: skip
    places = {name: place for place, name in enumerate((*ORDERS, "shuffled", *LOSSES))}
    return sorted(found, key=lambda name: [places.get(p, -1) for p in name.split(".")[1:]])


def shared_of(rows: Sequence[Row]) -> list[int]:
    """What pairs share, in the order in which it is drawn."""
    return [shared for shared in APART if any(row[SHARED] == shared for row in rows)]
