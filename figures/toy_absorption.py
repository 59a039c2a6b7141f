"""The toy's dose response: what ablating the region costs the concept, its twin, and the others.

The twin is active together with the concept and never labelled; the others have no part in either.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import mean_t
from absorb.stats.runs import ARMS, read_runs
from absorb.stats.table import Record, absorption_table
from figures.experiments import Experiment
from figures.grid import Grid, Panel, draw_grid
from figures.headline import headline
from figures.marks import Mark, mark, spoken
from figures.measures import MEASURES, marks_of
from figures.page import Page, Pages
from figures.panels import Axis, limits_of
from figures.select import Table, described, differing, suffix, telling
from figures.toy_doses import PARTS, doses, treatments_of

TITLES = {"whole": "not ablated", "raw": "ablated", "mean": "mean-ablated"}
NAMES = {"concept": "the concept", "twins": "its unlabelled twin", "others": "other features"}
USE_REGION = ("route", "placebo", "capacity")  # arms whose whole network uses its region
PLACED = ("route", "hard", "placebo", "capacity")
READ = {
    "losses": "Squared error of single features on the same test draws, with the region's hidden"
    " dimensions as the column says. Means over seeds with t intervals of 95 %.",
    "shares": "Share kept and A_dose as in the dose response of other networks, of the concept's"
    " own squared error, intervals paired by seed (Fieller; inverted t tests). Hollow: the loss of"
    " the other features is beyond tolerance. Excess loss of the twin: how much more the treatment"
    " raises its loss than that of other features, paired t.",
    "places": "Place: the share of a feature's squared length in the region, which has units/m of"
    " the dimensions. Means over seeds with t intervals of 95 %.",
}


class Toy(NamedTuple):
    """One dose-response experiment, its absorption table, and its name in file and caption."""

    experiment: Experiment
    records: Sequence[Record]
    treatments: tuple[str, ...]
    parts: tuple[str, ...]
    suffix: str
    apart: str


def pages(table: Table, partial: bool) -> Pages:
    """The figures of every toy experiment with the arms of absorption, or of all if `partial`."""
    found = doses(table)
    settings = [one.group.settings for one in found]
    files, words = telling(settings), differing(settings)
    made, said, left_out = [], [], []
    for one, own in zip(found, settings, strict=True):
        apart = described(own, words)
        if one.missing and not partial:
            left_out.append(f"toy {apart}: {one.missing}".replace(" :", ":"))
            continue
        if why := nothing(one):
            left_out.append(f"toy {apart}: {why}".replace(" :", ":"))
            continue
        toy = toy_of(one, suffix(own, files), apart)
        made += pages_of(toy)
        said.append(in_words(toy))
    return Pages(made, "\n\n".join(said), left_out)


def nothing(one: Experiment) -> str:
    """Why there is nothing to draw of an experiment, or ""."""
    if not one.counted("ok"):
        return "no run ended well"
    return "" if treatments_of(one.columns) else "no losses after an ablation"


def toy_of(one: Experiment, end: str, apart: str) -> Toy:
    """What is drawn of one experiment."""
    parts = tuple(part for part in PARTS if f"whole.{part}" in one.columns)
    records = absorption_table(one.columns)
    return Toy(one, records, treatments_of(one.columns), parts, end, apart)


def pages_of(toy: Toy) -> list[Page]:
    """Losses, measures of absorption, and where the features lie."""
    grids = {
        f"toy_absorption{toy.suffix}": losses(toy),
        f"toy_absorption_shares{toy.suffix}": shares(toy),
        f"toy_absorption_places{toy.suffix}": places(toy),
    }
    return [
        Page(name, lambda grid=grid: draw_grid(grid), grid.marks, grid.note)
        for name, grid in grids.items()
    ]


def losses(toy: Toy) -> Grid:
    """A row each for concept, twin and others; a column for each treatment."""
    rows, marks = [], []
    for part in toy.parts:
        row = []
        for treatment in ("whole", *toy.treatments):
            name = f"loss of {NAMES[part]}, {treatment}"
            axis = Axis(f"loss of\n{NAMES[part]}", log=True)
            row.append(Panel(name, axis, TITLES.get(treatment, treatment)))
            marks += by_cell(toy, name, column(toy, f"{treatment}.{part}"), ARMS)
        rows.append(row)
    return Grid(alike(rows, marks), marks, note(toy, "losses"), row_height_in=1.35)


def alike(rows: Sequence[Sequence[Panel]], marks: Sequence[Mark]) -> list[list[Panel]]:
    """The same panels, those of a row with one axis for all."""
    found = []
    for row in rows:
        own = [m for m in marks if m.panel in {panel.name for panel in row}]
        axis = row[0].axis._replace(limits=limits_of(own, row[0].axis.log))
        found.append([panel._replace(axis=axis) for panel in row])
    return found


def shares(toy: Toy) -> Grid:
    """What of the concept is kept, its dose equivalent, and what the twin loses with it."""
    rows, marks = [], []
    for what in ("kept", "a_dose"):
        row = []
        for treatment in toy.treatments:
            name = f"{MEASURES[what].name}, {treatment}"
            row.append(Panel(name, MEASURES[what].axis, TITLES.get(treatment, treatment)))
            marks += marks_of(toy.records, name, treatment, what)
        rows.append(row)
    if "twins" in toy.parts:
        row = []
        for treatment in toy.treatments:
            name = f"excess loss of the twin, {treatment}"
            row.append(Panel(name, Axis("excess loss\nof the twin", rule=0.0), ""))
            marks += by_cell(toy, name, twin_excess(toy, treatment), USE_REGION)
        rows += alike([row], marks)
    return Grid(rows, marks, note(toy, "shares"), row_height_in=1.35)


def places(toy: Toy) -> Grid:
    """The share of each feature's squared length in the region."""
    axis = Axis("place: share in the region", (-0.04, 1.06))
    row = [Panel(f"place of {NAMES[part]}", axis, NAMES[part]) for part in toy.parts]
    marks = [
        m
        for part, panel in zip(toy.parts, row, strict=True)
        for m in by_cell(toy, panel.name, column(toy, f"place.{part}"), PLACED)
    ]
    return Grid([row], marks, note(toy, "places"), row_height_in=1.7)


def column(toy: Toy, name: str) -> np.ndarray:
    """One measure of every run."""
    return np.asarray(toy.experiment.columns[name], float)


def twin_excess(toy: Toy, treatment: str) -> np.ndarray:
    """How much more the treatment raises the loss of the twin than that of others, by run."""

    def rise(part: str) -> np.ndarray:
        return column(toy, f"{treatment}.{part}") - column(toy, f"whole.{part}")

    return rise("twins") - rise("others")


def by_cell(toy: Toy, panel: str, value_R: np.ndarray, arms: Sequence[str]) -> list[Mark]:
    """The mean of a measure over the runs of every arm at every label fraction."""
    runs = read_runs(toy.experiment.columns)
    return [
        mark(panel, cell.arm, cell.label_fraction, mean_t(value_R[list(rows.values())]))
        for cell, rows in sorted(runs.row_of.items())
        if cell.arm in arms and rows
    ]


def note(toy: Toy, page: str) -> str:
    """Runs and settings below the figure."""

    def get(name: str) -> str:
        return str(toy.experiment.columns[name][0])

    world = (
        f"{get('world.features')} features in {get('model.hidden')} dimensions, each active with"
        f" p = {float(get('world.active')):.3g}; concept {get('routing.concept')}, structure"
        f" {get('world.structure')} with correlation {get('world.correlation')}"
    )
    how = f"{get('routing.mechanism')} routing per {get('routing.granularity')}"
    apart = f"{toy.apart}\n" if toy.apart else ""
    return f"{apart}{toy.experiment.runs_in_words}; {world}; {how}.\n{READ[page]}"


def in_words(toy: Toy) -> str:
    """The absorption table after each treatment, and what happens to the twin at full labels."""
    name = f"toy_absorption {toy.apart}".strip()
    said = [
        headline(name, toy.experiment.runs_in_words, toy.records, t)
        for t in toy.treatments
        if t in ("raw", "calibrated")
    ]
    return "\n".join([*said, *twin_words(toy)])


def twin_words(toy: Toy) -> list[str]:
    """Excess loss and place of the twin in routed networks at the greatest label fraction."""
    if "twins" not in toy.parts:
        return []
    treatment = toy.treatments[0]
    after = "ablation" if treatment == "raw" else f"treatment {treatment}"
    found = {
        f"excess loss of the twin after {after}": by_cell(
            toy, "", twin_excess(toy, treatment), ("route",)
        ),
        **{
            f"place of {NAMES[part]}": by_cell(toy, "", column(toy, f"place.{part}"), ("route",))
            for part in toy.parts
        },
    }
    return [
        f"  {what} at p = {own[-1].at:g}: {spoken(own[-1])}" for what, own in found.items() if own
    ]
