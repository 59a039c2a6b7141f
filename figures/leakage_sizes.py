"""Sizes of a transformer in a table of runs, side by side where all else is equal."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.runs import Runs, fractions, read_runs
from figures.apart import full_name, told_apart
from figures.experiments import cells as cells_of
from figures.experiments import fractions_of
from figures.select import ARM, FRACTION, Table, described, differing, groups, suffix, telling
from figures.token_runs import PREFERRED, Row

ARMS = ("route", "hard", "filter", "std")
DOSED = ("route", "hard", "filter")  # arms that stand at every label fraction
SIZED = ("model.", "routing.sites", "routing.units", "train.learning_rate")  # come with the size
FEWEST = 3  # label fractions of `route` that make a curve


class Size(NamedTuple):
    """The runs of one size of model; `parameters` without embeddings and what routing adds."""

    name: str
    parameters: float
    settings: Mapping[str, Any]
    columns: Mapping[str, np.ndarray]
    runs: Runs
    missing: str


class Sizes(NamedTuple):
    """Sizes that differ in nothing else, the smallest first, after one treatment.

    `suffix` sets its files apart from those of others in the table, `apart` says what differs.
    """

    sizes: Sequence[Size]
    treatment: str
    suffix: str
    apart: str

    @property
    def missing(self) -> str:
        """What is not there at any size, or ""."""
        return "; ".join(f"{s.name}: {s.missing}" for s in self.sizes if s.missing)

    @property
    def fractions(self) -> list[float]:
        """The label fractions at which leakage is defined."""
        every = {p for s in self.sizes for arm in DOSED for p in fractions(s.runs, arm)}
        return sorted(p for p in every if p < 1)


def comparisons(table: Table) -> list[Sizes]:
    """Sizes of a transformer side by side where all else is equal; each treatment by itself."""
    bundles: dict[tuple[Any, ...], dict[float, Size]] = {}
    settings: list[Mapping[str, Any]] = []
    for one in sizes_in(table):
        key = tuple(v for name, v in one.settings.items() if not name.startswith(SIZED))
        while one.parameters in bundles.setdefault(key, {}):
            key = (*key, "again")  # a second region at the same size is another comparison
        bundles[key][one.parameters] = one
    ordered = [named([of[n] for n in sorted(of)]) for of in bundles.values()]
    settings = [of[0].settings for of in ordered]
    files, words = telling(settings), differing(settings)
    return [
        Sizes(of, treatment, suffix(own, files), described(own, words))
        for of, own in zip(ordered, settings, strict=True)
        for treatment in treatments_of(of)
    ]


def named(sizes: Sequence[Size]) -> list[Size]:
    """These sizes, the smallest first; where two have one name, with what tells them apart."""
    each = [rows_of(size.columns) for size in sizes]
    words = dict(told_apart([size.name for size in sizes], each))
    return [size._replace(name=full_name(size.name, words[i])) for i, size in enumerate(sizes)]


def rows_of(columns: Mapping[str, np.ndarray]) -> list[Row]:
    """Columns as rows."""
    lists = [column.tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def sizes_in(table: Table) -> list[Size]:
    """Every group of transformers in which `route` stands at several label fractions."""
    if ARM not in table or FRACTION not in table:
        return []
    found = []
    for group in groups(table):
        columns = group.of(table)
        if (
            columns["model.kind"][0] != "transformer"
            or len(fractions_of(columns, "route")) < FEWEST
        ):
            continue
        own = np.isin(columns[ARM], ARMS)
        columns = {name: column[own] for name, column in columns.items()}
        found.append(size_of(group.settings, columns))
    return found


def size_of(settings: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> Size:
    """One group with its size."""
    row = {name: column[0] for name, column in columns.items()}
    name = f"{row['model.layers']} layers × {row['model.width']}"
    runs = read_runs(columns)
    return Size(name, parameters(row), settings, columns, runs, missing(columns))


def parameters(row: Mapping[str, Any]) -> float:
    """Weights of attention and MLP matrices and of experts, over all layers."""
    d, experts = int(row["model.width"]), int(row.get("model.experts") or 0)
    expert_units = experts * int(row.get("model.expert_width") or 0)
    return float(
        int(row["model.layers"]) * (4 * d * d + 2 * d * (int(row["model.mlp"]) + expert_units))
    )


def missing(columns: Mapping[str, np.ndarray]) -> str:
    """What of the grid of one size is not there; std needs both ends, which are filter's too."""
    there = cells_of(columns)
    seeds = len(set(columns["seed"].tolist()))
    dosed = sorted({p for arm in DOSED for p in fractions_of(columns, arm)})
    std = sorted({0.0, 1.0} | set(fractions_of(columns, "std")))
    own = [p for p in dosed if 0 < p < 1 or ("filter", p) in there]
    wanted = [(arm, p) for arm in DOSED for p in (own if arm == "filter" else dosed)]
    wanted += [("std", p) for p in std]
    short = [cell for cell in wanted if there.count(cell) < seeds]
    if not short:
        return ""
    arm, p = short[0]
    return (
        f"{len(there)} of {len(wanted) * seeds} runs, {arm} at {p:g} has"
        f" {there.count(short[0])} of {seeds} seeds"
    )


def treatments_of(sizes: Sequence[Size]) -> list[str]:
    """The treatments that every size was given, the strictest first."""
    return [t for t in PREFERRED if all(measured(s.columns, t) for s in sizes)]


def measured(columns: Mapping[str, np.ndarray], treatment: str) -> bool:
    """Whether any of these runs has losses after the treatment."""
    return all(
        any(
            value is not None and value == value for value in columns.get(f"{treatment}.{part}", ())
        )
        for part in ("forget", "retain")
    )
