"""The runs of worlds of tokens in a table: which belong to one study, by cell and seed, paired.

A study is a group of runs that differ in their seeds and in the settings that a figure compares; a
cell is what the figure makes of those settings.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from figures.select import (
    ARM,
    FRACTION,
    Group,
    Table,
    described,
    differing,
    groups,
    plain,
    suffix,
    telling,
)

WORLDS = ("stories", "text")
CONCEPT, SITES, UNITS = "routing.concept", "routing.sites", "routing.units"
PLACEMENT, MECHANISM = "routing.placement", "routing.mechanism"
GRANULARITY, DEGREE, WHOLE_REST = "routing.granularity", "routing.degree", "routing.whole_rest"
GATE, ABLATE_EVERY = "gate.kind", "train.ablate_every"
PREFERRED = ("elicited", "calibrated", "raw")  # treatments that are drawn, the strictest first
LEVELS = ("a word family", "a topic", "a trait")  # of the concepts of stories, and a second of each

Row = Mapping[str, Any]
Seeded = Mapping[int, Row]  # runs by seed


class Study(NamedTuple):
    """The runs of one study by cell and seed, finished or not.

    `suffix` sets its files apart from those of other such studies in the table and `apart` says
    in words what differs.
    """

    cells: Mapping[Any, Seeded]
    suffix: str = ""
    apart: str = ""

    @property
    def rows(self) -> list[Row]:
        """All runs."""
        return [row for cell in self.cells.values() for row in cell.values()]

    @property
    def first(self) -> Row:
        """A run, for the settings that all share."""
        return self.rows[0]

    @property
    def seeds(self) -> list[int]:
        """The seeds that at least half of the cells have: others belong to another sweep."""
        return common(list(self.cells.values()))

    def runs_in_words(self, missing: str) -> str:
        """Runs, seeds, diverged and failed ones, for the reader of a figure."""
        status = Counter(row["status"] for row in self.rows)
        failed = len(self.rows) - status["ok"] - status["diverged"]
        part = f" (PARTIAL: {missing})" if missing else ""
        return (
            f"{len(self.rows)} runs{part}, {len(self.seeds)} seeds, {status['diverged']} diverged,"
            f" {failed} failed"
        )


def studies(
    table: Table,
    free: Collection[str],
    cell_of: Callable[[Row], Hashable],
    trait: Callable[[Row], bool] = lambda row: True,
) -> list[Study]:
    """The studies among runs of token worlds that have the `trait`; they compare `free` settings.

    `cell_of` may give None for a run that the figure does not need. Where a cell has two runs of a
    seed, which then differ in nothing that the cell knows of, the first stands.
    """
    own = token_rows(table, trait)
    if not own:
        return []
    names = list(dict.fromkeys(name for row in own for name in row))
    columns = {name: [row.get(name) for row in own] for name in names}
    found = groups(columns, free)
    files = telling([group.settings for group in found])
    words = differing([group.settings for group in found])
    each = [study_of(group, own, cell_of, files, words) for group in found]
    return [study for study in each if study.cells]


def study_of(
    group: Group, own: Sequence[Row], cell_of: Callable, files: Sequence[str], words: Sequence[str]
) -> Study:
    """One group of rows by cell and seed."""
    cells: dict[Any, dict[int, Row]] = {}
    for i in group.rows:
        cell = cell_of(own[i])
        if cell is not None:
            cells.setdefault(cell, {}).setdefault(int(own[i]["seed"]), own[i])
    return Study(cells, suffix(group.settings, files), described(group.settings, words))


def token_rows(table: Table, trait: Callable[[Row], bool]) -> list[Row]:
    """The runs of token worlds with a trait; what stands in no column of theirs is None."""
    kinds = table.get("world.kind", ())
    rows = [i for i, kind in enumerate(kinds) if kind in WORLDS]
    found = [{name: plain(column[i]) for name, column in table.items()} for i in rows]
    return [row for row in found if trait(row)]


def common(each: Sequence[Iterable]) -> list:
    """The values that at least half of these hold, in order."""
    counted = Counter(value for one in each for value in set(one))
    return sorted(value for value, n in counted.items() if 2 * n >= len(each))


def missing(
    study: Study, wanted: Sequence[Any], said: Callable[[Any], str], seeds: Sequence[int]
) -> str:
    """How many of how many runs there are, and the first cell that lacks some; "" if none does."""
    there = [len(set(seeds) & set(study.cells.get(cell, {}))) for cell in wanted]
    short = [(cell, n) for cell, n in zip(wanted, there, strict=True) if n < len(seeds)]
    if not short:
        return ""
    cell, n = short[0]
    return (
        f"{sum(there)} of {len(wanted) * len(seeds)} runs, {said(cell)} has {n} of"
        f" {len(seeds)} seeds"
    )


def ended_badly(rows: Iterable[Row]) -> str:
    """How many of these runs diverged and failed, such as ", 1 diverged"; "" where all ended."""
    status = Counter(str(row["status"]) for row in rows)
    return "".join(f", {status[name]} {name}" for name in ("diverged", "failed") if status[name])


def finished(runs: Seeded) -> Seeded:
    """The runs that ended well, in the order of the seeds."""
    return {seed: row for seed, row in sorted(runs.items()) if row["status"] == "ok"}


def paired(columns: Sequence[str], each: Sequence[Seeded]) -> np.ndarray:
    """One column of each mapping at the seeds that all have finished, shape (mappings, seeds).

    A value that is not there is NaN.
    """
    done = [finished(runs) for runs in each]
    seeds = sorted(set.intersection(*(set(runs) for runs in done)))
    pairs = zip(columns, done, strict=True)
    rows = [[runs[seed].get(column) for seed in seeds] for column, runs in pairs]
    return np.array(rows, dtype=float).reshape(len(each), len(seeds))


def treatments(rows: Iterable[Row], columns: Sequence[str] = ("forget", "retain")) -> list[str]:
    """The treatments after which these runs were looked at, the strictest first."""
    rows = list(rows)
    return [
        treatment
        for treatment in PREFERRED
        if all(any(row.get(f"{treatment}.{c}") is not None for row in rows) for c in columns)
    ]


def concept_words(row: Row) -> str:
    """The concept of a run: its level where the world has levels."""
    concepts = json.loads(str(row[CONCEPT]))
    if row["world.kind"] != "stories":
        return "concept " + ", ".join(map(str, concepts))
    return " and ".join(map(level_words, concepts))


def concept_count(row: Row) -> int:
    """How many concepts a run's world knows."""
    if row["world.kind"] == "stories":
        return 2 * len(LEVELS)
    return len(json.loads(str(row["world.concepts"])))


def level_words(concept: int) -> str:
    """A concept of stories by its level of abstraction."""
    return LEVELS[concept % 3] + " (the second)" * (concept // 3)


def site_words(sites: str, layers: bool = False) -> str:
    """Sites by kind, such as "mlp" or "heads+mlp"; with `layers` by layer too: "mlp 0,1"."""
    at: dict[str, list[str]] = {}
    for site in json.loads(sites):
        kind, layer = re.fullmatch(r"(\D+)(\d*)", site).groups()  # type: ignore[union-attr]
        at.setdefault(kind.replace("_", " "), []).append(layer)
    return "+".join(f"{kind} {','.join(of)}" if layers else kind for kind, of in at.items())


def fraction(row: Row) -> float:
    """The label fraction, as cells know it."""
    return round(float(row[FRACTION]), 9)


def is_route(row: Row) -> bool:
    """Whether a run was routed by its labels."""
    return row[ARM] == "route" and row[MECHANISM] != "none"
