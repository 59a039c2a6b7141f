"""The runs of toy models in a table: which belong to one study, their weights, the best of k seeds.

A study is a group of runs that differ in their seeds and in the settings that a figure compares.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from figures.select import Table, described, differing, groups, plain, suffix, telling

ACTIVE, IMPORTANCE = "world.active", "world.importance"
FEATURES, HIDDEN = "world.features", "model.hidden"
MECHANISM, STRUCTURE = "routing.mechanism", "world.structure"
LOSS = "whole.loss"

Cell = tuple[Any, ...]  # the values of the compared settings, in the order in which they are named
Row = Mapping[str, Any]


class Weights(NamedTuple):
    """y = ReLU(V'W x + b); `v_MF` is None where the model is tied."""

    w_MF: np.ndarray
    b_F: np.ndarray
    v_MF: np.ndarray | None


class Study(NamedTuple):
    """The runs of one study by the values of the settings in `free`, and by seed.

    `suffix` sets its files apart from those of other such studies in the table and `apart` says
    in words what differs. `missing` says what is not there, or "".
    """

    free: tuple[str, ...]
    cells: Mapping[Cell, Mapping[int, Row]]
    missing: str
    suffix: str = ""
    apart: str = ""

    @property
    def first(self) -> Row:
        """A run, for the settings that all share."""
        return next(iter(next(iter(self.cells.values())).values()))

    @property
    def seeds(self) -> list[int]:
        """The seeds that any cell has."""
        return sorted({seed for cell in self.cells.values() for seed in cell})

    @property
    def rows(self) -> list[Row]:
        """All runs, finished or not."""
        return [row for cell in self.cells.values() for row in cell.values()]

    @property
    def runs_in_words(self) -> str:
        """Runs, seeds, diverged and failed ones, for the reader of a figure."""
        ended = [row["status"] for row in self.rows]
        part = f" (PARTIAL: {self.missing})" if self.missing else ""
        return (
            f"{len(ended)} runs{part}, {counted(len(self.seeds), 'seed')},"
            f" {ended.count('diverged')} diverged, {ended.count('failed')} failed"
        )

    def ok(self, cell: Cell) -> list[Row]:
        """The runs of one cell that ended well, with a finite test loss, by seed."""
        found = [row for _, row in sorted(self.cells[cell].items())]
        return [row for row in found if row["status"] == "ok" and finite(row.get(LOSS))]

    def best(self, cell: Cell) -> Row | None:
        """The run of a cell with the least test loss, or None where none ended well."""
        return min(self.ok(cell), key=lambda row: row[LOSS], default=None)


def studies(
    table: Table,
    free: Sequence[str],
    trait: Callable[[Row], bool],
    wanted: Callable[[Row], Collection[Cell]] = lambda row: (),
) -> list[Study]:
    """The studies among the toy runs that have the `trait`; they compare the settings in `free`.

    Whole is a study that has every seed in every cell, the cells of `wanted` among them.
    """
    own = toy_rows(table, trait)
    if not own:
        return []
    names = list(dict.fromkeys(name for row in own for name in row))
    columns = {name: [row.get(name) for row in own] for name in names}
    found = groups(columns, free)
    settings = [group.settings for group in found]
    files, words = telling(settings), differing(settings)
    return [
        study([own[i] for i in group.rows], tuple(free), wanted)._replace(
            suffix=suffix(group.settings, files), apart=described(group.settings, words)
        )
        for group in found
    ]


def toy_rows(table: Table, trait: Callable[[Row], bool]) -> list[Row]:
    """The runs of toy models with a trait; what stands in no column of theirs is None."""
    kinds = table.get("model.kind", ())
    rows = [i for i, kind in enumerate(kinds) if kind == "toy"]
    found = [{name: plain(column[i]) for name, column in table.items()} for i in rows]
    return [row for row in found if trait(row)]


def study(rows: Sequence[Row], free: tuple[str, ...], wanted: Callable) -> Study:
    """These runs by cell and seed, cells in order."""
    cells: dict[Cell, dict[int, Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row[name] for name in free), {})[int(row["seed"])] = row
    ordered = {cell: cells[cell] for cell in sorted(cells)}
    return Study(free, ordered, missing(free, ordered, wanted(rows[0])))


def missing(
    free: Sequence[str], cells: Mapping[Cell, Mapping[int, Row]], wanted: Collection
) -> str:
    """How many of how many runs there are, and the first cell that lacks some; "" where none do."""
    seeds = {seed for cell in cells.values() for seed in cell}
    absent = [cell for cell in wanted if not any(same(cell, there) for there in cells)]
    short = [cell for cell, there in cells.items() if set(there) < seeds]
    if not absent and not short:
        return ""
    there = sum(len(cell) for cell in cells.values())
    lacking = (short + absent)[0]
    has = len(cells.get(lacking, ()))
    where = ", ".join(f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
                      for name, value in zip(free, lacking, strict=True))  # fmt: skip
    return (
        f"{there} of {(len(cells) + len(absent)) * len(seeds)} runs,"
        f" {where} has {has} of {len(seeds)} seeds"
    )


def counted(n: int, what: str) -> str:
    """Such as "1 seed" or "3 seeds"."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def finite(value: Any) -> bool:
    """Whether there is a number."""
    return value is not None and bool(np.isfinite(value))


def same(one: Cell, other: Cell) -> bool:
    """Whether two cells mean the same settings; numbers may have been rounded in a file."""
    return all(
        abs(a - b) <= 1e-3 * abs(b) if isinstance(b, float) else a == b
        for a, b in zip(one, other, strict=True)
    )


def weights(row: Row) -> Weights:
    """The trained weights of one run; raises AbsorbError where their number is not M x F."""
    m, f = int(row[HIDDEN]), int(row[FEATURES])
    untied = row.get("weights.v") is not None and not row.get("model.tied", True)
    return Weights(
        array(row, "weights.w", (m, f)),
        array(row, "weights.b", (f,)),
        array(row, "weights.v", (m, f)) if untied else None,
    )


def array(row: Row, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """One measure that is a list, in its shape."""
    values = np.asarray(row.get(name) if row.get(name) is not None else (), dtype=float)
    if values.size != np.prod(shape):
        raise AbsorbError(f"{name}: {values.size} numbers in a run of shape {shape}")
    return values.reshape(shape)


def whole(found: Sequence[Study], partial: bool) -> tuple[list[Study], list[str]]:
    """Those to draw, and in words those that are unfinished, unless `partial`, or all failed."""
    fit = [one for one in found if any(one.ok(cell) for cell in one.cells)]
    drawn = [one for one in fit if partial or not one.missing]
    return drawn, [in_words(one) for one in found if one not in drawn]


def in_words(one: Study) -> str:
    """A study by its size and what sets it apart, and what of it is missing."""
    apart = f" ({one.apart})" if one.apart else ""
    size = f"{one.first[FEATURES]} features in {one.first[HIDDEN]}"
    return f"{size}{apart}: {one.missing or 'no run ended well'}"


def unrouted(row: Row) -> bool:
    """Whether a run is the plain tied toy on features that are independent of each other."""
    plain_model = row[MECHANISM] == "none" and row["model.tied"] and row["model.relu"]
    return bool(plain_model and row[STRUCTURE] == "independent")
