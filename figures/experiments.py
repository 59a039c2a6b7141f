"""The dose-response experiments in a table: which there are, and whether each is whole."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.runs import ARMS
from figures.select import (
    ARM,
    FRACTION,
    Group,
    Table,
    described,
    differing,
    groups,
    suffix,
    telling,
)

DOSED = ("route", "hard", "filter", "placebo")  # arms that stand at every label fraction
ELSEWHERE = ("paths", "toy", "transformer")  # models whose dose response has figures of their own
CONTROLS = ("std", "hard", "filter")  # without any of them it is no dose response
OF_THE_MODEL = ("model.", "routing.sites", "routing.units")


class Experiment(NamedTuple):
    """One group of runs that has a dose response; its columns, and what of it is not there.

    `there` of `wanted` runs are in the store; `missing` says in words what is not, or "".
    """

    group: Group
    columns: Mapping[str, np.ndarray]
    there: int
    wanted: int
    missing: str

    @property
    def kind(self) -> str:
        """The kind of model, such as "mlp"."""
        return str(self.columns["model.kind"][0])

    def counted(self, status: str) -> int:
        """How many runs ended so: ok, diverged or failed."""
        return int((self.columns["status"] == status).sum())

    @property
    def runs_in_words(self) -> str:
        """Runs, seeds, diverged and failed ones, for the reader of a figure."""
        seeds = len(set(self.columns["seed"].tolist()))
        part = f" (of {self.wanted}: PARTIAL)" if self.missing else ""
        return (
            f"{self.there} runs{part}, {seeds} seeds, {self.counted('diverged')} diverged,"
            f" {self.counted('failed')} failed"
        )


def experiments(table: Table) -> list[Experiment]:
    """Every group of networks in which `route` stands at two label fractions or more."""
    if ARM not in table or FRACTION not in table:
        return []
    found = (experiment(group, group.of(table)) for group in groups(table))
    own = [e for e in found if e.kind not in ELSEWHERE]
    controlled = [e for e in own if any(fractions_of(e.columns, arm) for arm in CONTROLS)]
    return [e for e in controlled if len(fractions_of(e.columns, "route")) > 1]


def experiment(group: Group, columns: Mapping[str, np.ndarray]) -> Experiment:
    """One group, compared with the full grid of its own arms, label fractions and seeds."""
    there = Counter(cells(columns))
    seeds = len(set(columns["seed"].tolist()))
    wanted = wanted_cells(columns)
    absent = [arm for arm in ARMS if not fractions_of(columns, arm)]
    short = [cell for cell in wanted if there[cell] < seeds and cell[0] not in absent]
    said = [f"no runs of {', '.join(absent)}"] if absent else []
    if short:
        arm, p = short[0]
        said.append(
            f"{sum(there.values())} of {len(wanted) * seeds} runs, {arm} at {p:g} has"
            f" {there[short[0]]} of {seeds} seeds"
        )
    total = sum(there.values())
    return Experiment(group, columns, total, max(total, len(wanted) * seeds), "; ".join(said))


def cells(columns: Mapping[str, np.ndarray]) -> list[tuple[str, float]]:
    """The arm and label fraction of each run."""
    pairs = zip(columns[ARM].tolist(), columns[FRACTION].tolist(), strict=True)
    return [(arm, round(float(p), 9)) for arm, p in pairs]


def wanted_cells(columns: Mapping[str, np.ndarray]) -> list[tuple[str, float]]:
    """The full grid: the dosed arms at every label fraction that any has; the others at theirs."""
    dosed = sorted({p for arm in DOSED for p in fractions_of(columns, arm)})
    std = sorted({0.0, 1.0} | set(fractions_of(columns, "std")))
    grid = [(arm, p) for arm in DOSED for p in dosed]
    return [*grid, ("capacity", 0.0), *(("std", p) for p in std)]


def fractions_of(columns: Mapping[str, np.ndarray], arm: str) -> list[float]:
    """The label fractions at which an arm has runs."""
    return sorted({p for other, p in cells(columns) if other == arm})


class Comparison(NamedTuple):
    """Experiments that differ in the model alone, side by side.

    `suffix` sets its files apart from those of other comparisons in the store, and `apart` says in
    words all that does; both empty where there is no other.
    """

    experiments: Sequence[Experiment]
    suffix: str
    apart: str


def comparisons(found: Iterable[Experiment]) -> list[Comparison]:
    """Experiments that differ in the model alone together, one model of a kind; others apart."""
    bundles: dict[tuple[Any, ...], list[Experiment]] = {}
    for e in found:
        bundles.setdefault(apart_from_model(e), []).append(e)
    parts = [part for bundle in bundles.values() for part in one_of_each_kind(bundle)]
    settings = [part[0].group.settings for part in parts]
    files, words = telling(settings), differing(settings)
    return [
        Comparison(part, suffix(own, files), described(own, words))
        for part, own in zip(parts, settings, strict=True)
    ]


def apart_from_model(e: Experiment) -> tuple[Any, ...]:
    """The settings that do not come with the model."""
    own = e.group.settings.items()
    return tuple(value for name, value in own if not name.startswith(OF_THE_MODEL))


def one_of_each_kind(bundle: Sequence[Experiment]) -> list[list[Experiment]]:
    """The bundle whole if no kind of model is twice in it, else each experiment alone."""
    kinds = [e.kind for e in bundle]
    if len(set(kinds)) < len(kinds):
        return [[e] for e in bundle]
    return [sorted(bundle, key=lambda e: e.kind, reverse=True)]
