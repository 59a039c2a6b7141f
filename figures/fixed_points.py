"""Where the masked update rests: what a solver and the flow find from fresh starts."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import Interval, mean_t, undefined
from figures.apart import full_name, told_apart
from figures.dynamics_runs import (
    CONTROL,
    WEIGHTS,
    number,
    one_way_each,
    refuse_twice,
    series_of_run,
)
from figures.fixed_points_draw import CLOSED, COLUMNS, PLACE, draw
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.select import ARM, FRACTION, Table, row_groups
from figures.token_runs import MECHANISM, Row, common, ended_badly

FREE = (ARM, FRACTION, MECHANISM, WEIGHTS)
WAYS = ("solver", "flow")
ROUTED = "routed"


class Study(NamedTuple):
    """The runs of one network by (routed or control, label fraction) and seed; what is missing.

    `name` tells it from others of the table, `rows` are all runs, also those that did not end well.
    """

    cells: Mapping[tuple[str, float], Mapping[int, Row]]
    seeds: Sequence[int]
    missing: str
    name: str
    rows: Sequence[Row]


def pages(table: Table, partial: bool) -> Pages:
    """One figure, with a row for each network whose runs are whole."""
    found = studies(table)
    whole = [s for s in found if not s.missing or (partial and len(s.seeds) > 1)]
    left_out = [f"fixed points, {s.name}: {s.missing}" for s in found if s not in whole]
    if not whole:
        return Pages([], "", left_out)
    marks = [m for study in whole for m in marks_of(study)]
    names, caption = [study.name for study in whole], caption_of(whole)
    page = Page("fixed_points", lambda: draw(marks, names, caption), marks, caption)
    return Pages([page], "\n".join(in_words(study, marks) for study in whole), left_out)


def studies(table: Table) -> list[Study]:
    """Every group of runs that asked for the treatment, those of ReLU classifiers last."""
    asked = table.get("measure.treatments", ())
    rows = [i for i, text in enumerate(asked) if text and "fixed_points" in json.loads(text)]
    groups = [own for group in row_groups(table, rows, FREE) for own in one_way_each(group, side)]
    groups.sort(key=lambda own: (own[0]["model.kind"] == "mlp", network(own[0])))
    found = [study_of(own) for own in groups]
    places = told_apart([study.name for study in found], groups)
    return [found[i]._replace(name=full_name(found[i].name, words)) for i, words in places]


def network(row: Row) -> str:
    """The network of a run in words."""
    kind = str(row["model.kind"])
    if kind == "paths":
        return f"paths of {int(row['model.depth'])}"
    return f"{kind}, {row['world.kind']}"


def side(row: Row) -> str:
    """Whether a run was routed in any way, or is the control."""
    return CONTROL if series_of_run(row) == CONTROL else ROUTED


def study_of(rows: Sequence[Row]) -> Study:
    """One group, compared with the full grid of its own cells and seeds."""
    cells: dict[tuple[str, float], dict[int, Row]] = {}
    for row in rows:
        cell = cells.setdefault((side(row), float(row[FRACTION])), {})
        refuse_twice(cell, row, side(row))
        if row["status"] == "ok":
            cell[int(row["seed"])] = row
    seeds = common(list(cells.values()))
    there, total = sum(map(len, cells.values())), len(cells) * len({r["seed"] for r in rows})
    missing = f"{there} of {total} runs{ended_badly(rows)}" if there < total else ""
    missing = missing or ("" if len(seeds) > 1 else "one seed; 2 are needed")
    return Study(cells, seeds, missing, network(rows[0]), rows)


def panel_name(study: str, column: str) -> str:
    """The panel of a column in a network's row."""
    return f"{study}: {column}"


def marks_of(study: Study) -> list[Mark]:
    """Every column of every cell, and the closed forms of two paths."""
    found = []
    for (series, p), runs in sorted(study.cells.items()):
        rows = [runs[seed] for seed in study.seeds if seed in runs]
        for way in WAYS:
            for column, of in MEASURES.items():
                value = average([of(row, way) for row in rows])
                found.append(mark(panel_name(study.name, column), f"{way}, {series}", p, value))
        place = average([placed(row) for row in rows])
        found.append(mark(panel_name(study.name, PLACE), f"training, {series}", p, place))
    return found + closed_forms(study)


def average(values: Sequence[float]) -> Interval:
    """The mean over seeds; undefined where a run has no such value."""
    value_S = np.array(values, float)
    lacking = int(np.isnan(value_S).sum())
    if lacking == len(value_S):
        return undefined(len(value_S), "no run has one")
    return mean_t(value_S)


def listed(row: Row, way: str, name: str) -> np.ndarray:
    """A value of every start; NaN where it led to no root."""
    value = row.get(f"fixed_points.{way}.{name}")
    return np.full(1, np.nan) if value is None else np.asarray(value, float)


def share(name: str, inverse: bool = False) -> Callable[[Row, str], float]:
    """A count over a run's starts as a share of them."""

    def of(row: Row, way: str) -> float:
        part = number(row, f"fixed_points.{way}.{name}") / int(row["measure.fixed_starts"])
        return 1 - part if inverse else part

    return of


def stable(row: Row, way: str) -> float:
    """The share of starts that lead to a root which is stable."""
    return float((listed(row, way, "stable") == 1).mean())


def place(row: Row, way: str) -> float:
    """Of two paths, the share that the rest holds at a root, mean over starts; elsewhere none."""
    return float(listed(row, way, "kept").mean())


def placed(row: Row) -> float:
    """Of two paths, the share that the rest holds after training; elsewhere how far training is
    from the root to which it goes.
    """
    paths = row["model.kind"] == "paths"
    return number(row, "kept_share" if paths else "fixed_points.trained.distance")


MEASURES: dict[str, Callable[[Row, str], float]] = dict(
    zip(
        COLUMNS,
        (
            share("failed", inverse=True),
            stable,
            share("as_trained"),
            lambda row, way: number(row, f"fixed_points.{way}.found"),
            place,
        ),
        strict=True,
    )
)


def closed_forms(study: Study) -> list[Mark]:
    """Of two paths: every start rests; of one factor each, the flow at K/(R + K) of the slope.

    The mean over starts with factors of mean 0, R·c − K·a being conserved (`dynamics.paths`).
    """
    row = study.rows[0]
    if row["model.kind"] != "paths":
        return []
    found = []
    for p in sorted({p for _, p in study.cells}):
        values = {COLUMNS[0]: [1.0]}
        if int(row["model.depth"]) == 1:
            values |= {COLUMNS[1]: [1.0], COLUMNS[2]: [1.0], COLUMNS[3]: [1.0]}
            values[PLACE] = [(1 - p) / (2 - p), 0.5]
        for column, each in values.items():
            for series, value in zip((CLOSED, f"{CLOSED}, {CONTROL}"), each, strict=False):
                panel = panel_name(study.name, column)
                found.append(Mark(panel, series, p, value, value, value, 0))
    return found


def caption_of(whole: Sequence[Study]) -> str:
    """What a reader has to know."""
    rows = [row for study in whole for runs in study.cells.values() for row in runs.values()]
    part = "; ".join(f"PARTIAL {s.name}: {s.missing}" for s in whole if s.missing)
    seeds = sorted({len(study.seeds) for study in whole})
    starts = sorted({int(row["measure.fixed_starts"]) for row in rows})
    return (
        f"{len(rows)} runs{f' ({part})' if part else ''}, {' or '.join(map(str, seeds))} seeds;"
        f" {' or '.join(map(str, starts))} fresh starts a run. Roots"
        " of F = Σ ψᵢ∘∇Lᵢ over all training data, |F| ≤ 1e-9. Solver: least squares on F straight"
        " from the start, which stable and unstable roots draw alike. Flow: from where dθ/dt = −F"
        " leads. Stable: no |1 − ηλ| above 1, neutral λ left out. Training's: the same losses on"
        " every kind of data as the root to which the flow leads from the trained parameters."
        " Control: the same labels, every mask 1. Last column: of two paths the share of the slope"
        " that the rest holds, mean over starts; elsewhere ‖θ − root‖/max(1, ‖θ‖) of training and"
        " the root to which it goes. Means over seeds, 95 % intervals (t); grey: closed form, of"
        " two factors a path in the first column alone. Not drawn: no root in some seed, or one"
        " of which no share can be told, as of a saddle at 0."
    )


def in_words(study: Study, marks: Sequence[Mark]) -> str:
    """The finding for the terminal: every column of every cell."""
    lines = [f"fixed points, {study.name}, {len(study.seeds)} seeds:"]
    own = [m for m in marks if m.panel.startswith(f"{study.name}: ") and m.n and m.drawn]
    for series, p in dict.fromkeys((m.series, m.at) for m in own):
        said = [f"{m.panel.removeprefix(f'{study.name}: ')} {spoken(m)}" for m in own
                if (m.series, m.at) == (series, p)]  # fmt: skip
        lines.append(f"  {series}, p = {p:g}: {'; '.join(said).replace(chr(10), ' ')}")
    return "\n".join(lines)
