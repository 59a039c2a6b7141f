"""What makes runs differ: initialisation, data order, labels, or nothing but a rerun."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats.crossed import crossed
from absorb.stats.variance import Variance, variance
from figures.apart import full_name, told_apart
from figures.marks import Mark, mark, number, spoken
from figures.page import Page, Pages
from figures.path_cubes import FACTORS, SEEDS, level
from figures.select import RERUN, Table, plain, row_groups
from figures.token_runs import Row, ended_badly
from figures.variance_draw import draw

SCORES = {
    "whole.retain": "retain loss, whole",
    "raw.forget": "forget loss, ablated",
    "raw.retain": "retain loss, ablated",
    "calibrated.forget": "forget loss, calibrated",
}
TASKS = {"mlp": "classification", "autoencoder": "reconstruction", "toy": "features"}


class Study(NamedTuple):
    """One crossed design: its scores split into components, or what is missing."""

    task: str
    found: dict[str, Variance]
    first: Row
    runs: int
    missing: str


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each world of the designs that are whole; one with holes cannot be split."""
    found = studies(table)
    whole = [study for study in found if not study.missing]
    left_out = [f"{study.task}: {study.missing}" for study in found if study.missing]
    made, said = [], []
    for world in dict.fromkeys(world_of(study) for study in whole):
        own = [study for study in whole if world_of(study) == world]
        marks, caption = [m for study in own for m in marks_of(study)], caption_of(own)
        name = "variance" if world == "digits" else f"variance_{world}"
        made.append(Page(name, lambda m=marks, c=caption: draw(m, c), marks, caption))
        said += [in_words(study) for study in own]
    return Pages(made, "\n".join(said), left_out)


def world_of(study: Study) -> str:
    """The world of a design; designs of one world stand in one figure."""
    return str(study.first["world.kind"])


def studies(table: Table) -> list[Study]:
    """Every group of runs that differ in separate seeds, except those compared in pairs."""
    if not set(SEEDS) <= set(table) or not set(SCORES) <= set(table):
        return []
    kept = table.get("kept.loss", [None] * len(table["seed"]))
    rows = [i for i, value in enumerate(kept) if plain(value) is None]
    every = row_groups(table, rows, (*SEEDS, RERUN))
    every = [own for own in every if any(separate(row) for row in own)]
    found = [study_of(own) for own in every]
    places = told_apart([(world_of(study), study.task) for study in found], every)
    return [found[i]._replace(task=full_name(found[i].task, words)) for i, words in places]


def separate(row: Row) -> bool:
    """Whether a run's seeds are not all the same one."""
    return len({level(row, factor) for factor in FACTORS}) > 1


def study_of(rows: Sequence[Row]) -> Study:
    """The components of every score of one group; a run that did not end well is a hole."""
    seeds = {factor: [level(row, factor) for row in rows] for factor in FACTORS}
    task = TASKS.get(rows[0]["model.kind"], str(rows[0]["world.kind"]))
    whole = sum(row["status"] == "ok" for row in rows)
    if whole < len(rows):
        missing = f"{whole} of {len(rows)} runs ended well{ended_badly(rows)}"
        return Study(task, {}, rows[0], len(rows), missing)
    found, missing = {}, ""
    try:
        for score in SCORES:
            y_N = [np.nan if row[score] is None else row[score] for row in rows]
            found[score] = variance(crossed(y_N, seeds).y, FACTORS)
    except AbsorbError as error:  # a design with holes says which
        missing = str(error)
    return Study(task, found, rows[0], len(rows), missing)


def marks_of(study: Study) -> list[Mark]:
    """Each component's share of each score's variance, and the standard deviation of a run."""
    marks = []
    for score, found in study.found.items():
        panel = f"{study.task}: {SCORES[score]}"
        marks += [
            mark(panel, c.name, i, c.share, "" if c.headline else "few levels")
            for i, c in enumerate(found.components)
        ]
        marks.append(mark(panel, "mean", -2, mean_of(found)))
        marks.append(mark(panel, "standard deviation", -1, deviation(found)))
    return marks


def mean_of(found: Variance):
    """The mean over all runs; how well it is known is not asked here."""
    return found.total._replace(value=found.mean, low=found.mean, high=found.mean)


def deviation(found: Variance):
    """The square root of the total variance with its interval."""
    low, high = (float(np.sqrt(max(end, 0.0))) for end in (found.total.low, found.total.high))
    return found.total._replace(value=float(np.sqrt(found.total.value)), low=low, high=high)


def caption_of(studies_: Sequence[Study]) -> str:
    """What a reader has to know."""
    lines = []
    for study in studies_:
        design = next(iter(study.found.values()))
        levels = " × ".join(f"{n} {name}" for name, n in design.levels.items())
        lines.append(
            f"{study.task}: {study.runs} runs, {levels} × {design.reruns} rerun"
            f"{'s' if design.reruns > 1 else ''}, {study.first['world.kind']}, concept"
            f" {study.first['routing.concept']}, {study.first['routing.label_fraction']:g} of it"
            f" labelled, {study.first['routing.mechanism']} routing."
        )
    return (
        " ".join(lines) + " Share of the variance of one run, by method of moments; shares below 0"
        " are kept. Whiskers: 95 %, modified large samples, normal effects. Without a point: fewer"
        " than 8 levels, so the interval alone counts. All runs are tested on the same examples."
    )


def in_words(study: Study) -> str:
    """The finding for the terminal."""
    lines = [f"variance, {study.task}, {study.runs} runs:"]
    for score, found in study.found.items():
        parts = ", ".join(
            f"{c.name} {spoken(mark('', '', 0, c.share))}{'' if c.headline else ' (few levels)'}"
            for c in found.components
        )
        spread = deviation(found).value
        lines.append(f"  {SCORES[score]}, {number(found.mean)} ± {number(spread)}: {parts}")
    return "\n".join(lines)
