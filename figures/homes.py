"""Where concepts live in runs of a crossed design: the same ones in every run?"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from figures.heat import heat
from figures.housed import (
    AGREEMENT,
    REGION,
    agreement_lines,
    concept_lines,
    homes_of,
    housed,
)
from figures.marks import Mark
from figures.page import Page, Pages, pages_of
from figures.path_cubes import FACTORS, ROUTED, SEEDS, level
from figures.select import Table, plain, row_groups
from figures.style import BLACK, new_figure, settle
from figures.token_runs import CONCEPT, Row, level_words

BLOCKS = 6  # of test examples, by which a home is told
FEWEST = 4  # levels of initialisation and of data order


class Study(NamedTuple):
    """One crossed design: homes of all runs (runs, concepts), and runs that share little."""

    rows: Sequence[Row]
    home_RC: np.ndarray
    apart: Sequence[int]
    missing: str


def pages(table: Table, partial: bool) -> Pages:
    """One figure for each design that is whole."""
    return pages_of("homes", studies(table), page, in_words)


def studies(table: Table) -> list[Study]:
    """Every group of token models that says where concepts live, with separate seeds."""
    said = table.get("homes.loss", ())
    kinds = table.get("model.kind", ())
    rows = [i for i, loss in enumerate(said)
            if plain(loss) is not None and plain(kinds[i]) == "transformer"]  # fmt: skip
    return [study_of(own) for own in row_groups(table, rows, SEEDS)]


def study_of(rows: Sequence[Row]) -> Study:
    """One design; `apart` are runs of which no two share initialisation or order."""
    concepts = len(rows[0]["homes.loss"]) // (4 * BLOCKS)
    levels = {factor: sorted({level(row, factor) for row in rows}) for factor in FACTORS}
    wanted = int(np.prod([len(own) for own in levels.values()]))
    few = min(len(levels["init"]), len(levels["order"]))
    missing = f"{len(rows)} of {wanted} runs" if len(rows) != wanted else ""
    if few < FEWEST:
        missing = f"{few} initialisations or data orders; {FEWEST} or more are needed"
    at = {tuple(level(row, factor) for factor in FACTORS): i for i, row in enumerate(rows)}
    labels = levels["labels"]
    apart = [] if missing else [
        at[init, order, labels[i % len(labels)]]
        for i, (init, order) in enumerate(zip(levels["init"], levels["order"], strict=False))
    ]  # fmt: skip
    return Study(rows, homes_of(rows, concepts), apart, missing)


def page(name: str, study: Study) -> Page:
    """The figure of one design."""
    concept = json.loads(str(study.rows[0][CONCEPT]))
    marks = by_init(study) + housed(ROUTED, study.home_RC[list(study.apart)], concept)
    caption = caption_of(study)
    return Page(name, lambda: draw(marks, words_of(study), caption), marks, caption)


def words_of(study: Study) -> list[str]:
    """The concepts by level."""
    return [level_words(c) for c in range(study.home_RC.shape[1])]


def by_init(study: Study) -> list[Mark]:
    """The share of an initialisation's runs that house each concept in the region.

    No interval: the runs of one initialisation share it.
    """
    init_R = np.array([level(row, "init") for row in study.rows])
    return [
        Mark(f"initialisation {init}", words_of(study)[c], c, share, share, share, int(own_R.sum()))
        for init in np.unique(init_R)
        for own_R in (init_R == init,)
        for c, share in enumerate((study.home_RC[own_R] == REGION).mean(axis=0))
    ]


def draw(marks: Sequence[Mark], words: Sequence[str], caption: str) -> Any:
    """Concepts against initialisations, and how far runs agree."""
    figure = new_figure(2.9, caption)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    inits = list(dict.fromkeys(m.panel for m in marks if m.panel.startswith("initialisation")))
    share_IC = np.array([[m.value for m in marks if m.panel == init] for init in inits])
    image = heat(left, share_IC.T)
    left.set_xticks(range(len(inits)), [init.split()[1] for init in inits])
    left.set(xlabel="initialisation", title="share of runs that house it in R")
    left.set_yticks(range(len(words)), words)
    figure.colorbar(image, ax=left, shrink=0.7, aspect=16).outline.set_linewidth(0.4)
    coefficients(right, [m for m in marks if m.panel == AGREEMENT])
    return settle(figure)


def coefficients(ax: Any, marks: Sequence[Mark]) -> None:
    """Coefficients of agreement with their intervals, and what permuted homes read."""
    for place, m in enumerate(marks):
        if m.drawn:
            ax.plot([max(m.low, -0.5), min(m.high, 1.0)], [place, place], color=BLACK, lw=1)
            ax.plot(m.value, place, "o", color=BLACK, ms=3.6)
        ax.text(-0.5, place + 0.36, m.flag if m.drawn else m.why, fontsize=5, va="center")
    ax.axvline(0, color=BLACK, lw=0.6, ls=(0, (1, 2)))
    ax.set(xlim=(-0.52, 1.04), ylim=(len(marks) - 0.4, -0.6), title="agreement of homes")
    names = [m.series.replace(f", {ROUTED}", "").replace(", all", ",\nall") for m in marks]
    ax.set_yticks(range(len(marks)), names)


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    first = study.rows[0]
    levels = " × ".join(str(len({level(row, factor) for row in study.rows})) for factor in FACTORS)
    return (
        f"{len(study.rows)} runs, {levels} initialisations, data orders and draws of labels;"
        f" {first['world.kind']}, routed: {level_words(json.loads(str(first[CONCEPT]))[0])},"
        f" {first['routing.label_fraction']:g} of it labelled. Home: the part, region or rest, of"
        f" which the ablation costs a concept's tokens most, by Shapley value, told from 0."
        f" Agreement: {len(study.apart)} runs that share neither initialisation nor order, beside"
        f" the same with concepts permuted within every run. Whiskers: 95 %, jackknife over these"
        f" runs."
    )


def in_words(study: Study, marks: Sequence[Mark]) -> str:
    """The finding for the terminal."""
    count = (
        f"{len(study.rows)} runs, {len(study.apart)} that share neither initialisation nor order"
    )
    lines = [f"homes, {count}:"]
    lines += [concept_lines(ROUTED, marks, words_of(study)), *agreement_lines(ROUTED, marks)]
    return "\n".join(lines)
