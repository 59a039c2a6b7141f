"""Runs with the treatment `dynamics` by how they were routed, label fraction, length and seed."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.intervals import Interval, mean_t
from figures.select import ARM, FRACTION, Table, plain, row_groups
from figures.token_runs import MECHANISM, Row, Seeded, common, ended_badly, finished

EPOCHS, WEIGHTS = "train.epochs", "routing.weights.forget"
FREE = (ARM, FRACTION, MECHANISM, EPOCHS, WEIGHTS)
UNSAID = (WEIGHTS, MECHANISM, ARM)  # free, and more than a series says
CONTROL = "control"
FORGET, UNLABELLED, RETAIN = 0, 1, 2  # the order of the losses in `interference` and `cosine`


class Cell(NamedTuple):
    """How a run was routed, its label fraction, and after how many epochs it is looked at."""

    series: str
    p: float
    epochs: int


class Study(NamedTuple):
    """The runs of one group that ended well by cell and seed, all of them as `rows`, and in words
    what is missing.
    """

    cells: Mapping[Cell, Seeded]
    seeds: Sequence[int]
    missing: str
    rows: Sequence[Row]
    apart: str = ""  # what tells it from others of its figure

    @property
    def lengths(self) -> list[int]:
        """The numbers of epochs, in order."""
        return sorted({cell.epochs for cell in self.cells})

    @property
    def kind(self) -> str:
        """The kind of model."""
        return str(self.rows[0]["model.kind"])

    @property
    def depth(self) -> int:
        """The factors of each linear path; 0 elsewhere."""
        return int(self.rows[0]["model.depth"]) if self.kind == "paths" else 0


def studies(table: Table) -> list[Study]:
    """Every group of runs that asked for the treatment and were looked at under two cells."""
    asked = table.get("measure.treatments", ())
    rows = [i for i, text in enumerate(asked) if text and "dynamics" in json.loads(text)]
    groups = [own for group in row_groups(table, rows, FREE)
              for own in one_way_each(group, series_of_run)]  # fmt: skip
    return [study for study in map(study_of, groups) if len(study.cells) > 1]


def one_way_each(rows: Sequence[Row], series: Callable[[Row], str]) -> list[Sequence[Row]]:
    """These rows so that each series stands for one way of routing: others are other studies.

    A series that is there in one way alone, such as a control, stands in all of them.
    """
    for name in UNSAID:
        ways: dict[str, dict[Any, None]] = {}
        for row in rows:
            ways.setdefault(series(row), {})[row[name]] = None
        apart = dict.fromkeys(way for own in ways.values() if len(own) > 1 for way in own)
        if apart:
            parts = [[row for row in rows if row[name] == way or len(ways[series(row)]) == 1]
                     for way in apart]  # fmt: skip
            return [own for part in parts for own in one_way_each(part, series)]
    return [rows]


def refuse_twice(cell: Mapping[int, Row], row: Row, named: str) -> None:
    """Raise AbsorbError where a cell has a run of the row's seed already."""
    if int(row["seed"]) in cell:
        raise AbsorbError(
            f"two runs of {named} at label fraction {row[FRACTION]:g} with seed {row['seed']}"
        )


def study_of(rows: Sequence[Row]) -> Study:
    """One group of runs, compared with the full grid of its own cells, lengths and seeds."""
    cells: dict[Cell, dict[int, Row]] = {}
    for row in rows:
        cell = Cell(series_of_run(row), float(row[FRACTION]), int(row[EPOCHS]))
        refuse_twice(cells.setdefault(cell, {}), row, f"{cell.series} after {cell.epochs} epochs")
        cells[cell][int(row["seed"])] = row
    seeds = common(list(cells.values()))
    done = {cell: finished(runs) for cell, runs in cells.items()}
    every = [row for runs in cells.values() for row in runs.values()]
    return Study(done, seeds, lacking(done, seeds, ended_badly(every)), every)


def lacking(cells: Mapping[Cell, Seeded], seeds: Sequence[int], badly: str) -> str:
    """How many runs of the full grid are there and ended well, and how others ended; "" if all."""
    lengths = {cell.epochs for cell in cells}
    wanted = {cell._replace(epochs=n) for cell in cells for n in lengths}
    there = sum(len(set(seeds) & set(cells.get(cell, ()))) for cell in wanted)
    total = len(wanted) * len(seeds)
    if there < total:
        return f"{there} of {total} runs{badly}"
    return "" if len(seeds) > 1 else "one seed; 2 or more are needed"


def series_of_run(row: Row) -> str:
    """By what a run was routed, or its arm where that says more; `control`: nothing was routed."""
    weights = [json.loads(str(row[f"routing.weights.{name}"]))
               for name in ("forget", "unlabelled", "retain")]  # fmt: skip
    free = all(weight == 1 for pair in weights for weight in pair)
    if row[ARM] not in ("route", "capacity"):
        return str(row[ARM])
    unrouted = free or row[MECHANISM] == "none" or row[ARM] == "capacity"
    return CONTROL if unrouted else str(row[MECHANISM])


def step_times_size(row: Row) -> float:
    """η max |λ|: above 2 a step along that eigenvector overshoots."""
    return number(row, "dynamics.size") * float(row["train.learning_rate"])


def number(row: Row, name: str) -> float:
    """One measure; NaN where the run has none."""
    value = plain(row.get(name))
    return np.nan if value is None else float(value)


def cosine(row: Row, of: int, on: int) -> float:
    """The cosine of what a loss's data train with and the gradient of another loss."""
    flat = row.get("dynamics.cosine")
    if flat is None:
        return np.nan
    side = round(len(flat) ** 0.5)
    return float(np.reshape(np.asarray(flat, float), (side, side))[of, on])


class Measure(NamedTuple):
    """One column of panels: its label, what it reads of a run, its scale, a line that matters.

    On a log scale means are geometric. `limits` None: from the values, at least `span` apart.
    """

    label: str
    of: Any
    log: bool = False
    rule: float | None = None
    limits: tuple[float, float] | None = None
    span: float = 0.0


def of_cosine(label: str, of: int, on: int) -> Measure:
    """A cosine of two losses."""
    return Measure(label, lambda row: cosine(row, of, on), rule=0.0, limits=COSINE)


COSINE = (-1.08, 1.08)
STABILITY = {
    "curl": Measure("curl ‖A‖/‖J‖", lambda row: number(row, "dynamics.curl"), rule=0.0),
    "least": Measure("min Re λ", lambda row: number(row, "dynamics.least_real"), rule=0.0,
                     span=1e-4),
    "multiplier": Measure("max |1 − ηλ|", lambda row: number(row, "dynamics.multiplier"), log=True,
                          rule=1.0, span=1e-4),
    "step": Measure("η max |λ|", step_times_size, log=True, rule=2.0),
    "loss": Measure("training loss", lambda row: number(row, "dynamics.loss"), log=True),
}  # fmt: skip
INTERFERENCE = {
    "on retain": of_cosine("labelled → retain", FORGET, RETAIN),
    "by retain": of_cosine("retain → labelled", RETAIN, FORGET),
    "on unlabelled": of_cosine("labelled → unlabelled", FORGET, UNLABELLED),
    "relative": Measure("‖F‖/‖∇L‖", lambda row: number(row, "dynamics.relative"), rule=1.0),
    "descent": Measure(
        "cos(F, ∇L)", lambda row: number(row, "dynamics.descent"), rule=0.0, limits=COSINE
    ),
}
MEASURES = STABILITY | INTERFERENCE


def panel_name(epochs: int, name: str) -> str:
    """The panel of a measure after a length of training."""
    return f"{epochs} epochs: {MEASURES[name].label}"


def interval(runs: Mapping[int, Row], seeds: Sequence[int], measure: Measure) -> Interval:
    """The mean over seeds, geometric on a log scale; undefined where a run has no finite value."""
    value_S = np.array([measure.of(runs[seed]) for seed in seeds if seed in runs])
    if not measure.log:
        return mean_t(value_S)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = mean_t(np.log(value_S))
    with np.errstate(over="ignore"):
        ends = {name: float(np.exp(getattr(found, name))) for name in ("value", "low", "high")}
    return found._replace(**ends)


def runs_in_words(study: Study) -> str:
    """Runs, seeds, diverged and failed ones, for the reader of a figure."""
    status = Counter(row["status"] for row in study.rows)
    failed = len(study.rows) - status["ok"] - status["diverged"]
    part = f" (PARTIAL: {study.missing})" if study.missing else ""
    return (
        f"{len(study.rows)} runs{part}, {len(study.seeds)} seeds, {status['diverged']} diverged,"
        f" {failed} failed"
    )
