"""How alike runs are that share some of their seeds: in what they say and in how they say it."""

import json
from collections.abc import Sequence

import numpy as np

from absorb.stats.intervals import mean_t
from figures.apart import headed
from figures.housed import agreement_lines, concept_lines, homes_of, housed
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages, pages_of
from figures.path_cubes import (
    COMPARISONS,
    DRAWS,
    ROUTED,
    SHARED,
    UNTRAINED,
    Cube,
    Study,
    apart,
    by_sharing,
    has_cubes,
    probability,
    studies,
)
from figures.path_draw import draw
from figures.select import Table


def pages(table: Table, partial: bool) -> Pages:
    """One figure for each study whose cubes are whole."""

    def drawn(study: Study) -> bool:
        return not study.missing or (partial and has_cubes(study))

    return pages_of("path_dependence", studies(table), page, in_words, drawn)


def page(name: str, study: Study) -> Page:
    """The figure of one study."""
    marks = [m for panel in COMPARISONS for m in compared(study, panel)] + all_housed(study)
    caption = headed(study.apart, caption_of(study))
    return Page(name, lambda: draw(marks, caption), marks, caption)


def compared(study: Study, panel: str) -> list[Mark]:
    """One comparison by what two runs share; the unit of the interval is the cube."""
    compare, marks = COMPARISONS[panel], []
    for name, cubes in study.cubes.items():
        each = [by_sharing(compare(cube)) for cube in cubes]
        marks += [
            mark(panel, name, share, mean_t(np.array([one[share] for one in each])), SHARED[share])
            for share in SHARED
        ]
    if len(study.starts) > 1:
        apart_S = np.array([compare(pair)[0, 1] for pair in study.starts])
        marks.append(mark(panel, UNTRAINED, 0, mean_t(apart_S), SHARED[0]))
    return marks


def all_housed(study: Study) -> list[Mark]:
    """Where classes live in runs that share no seed."""
    concept, marks = json.loads(study.rows[0]["routing.concept"]), []
    for name, cubes in study.cubes.items():
        marks += housed(name, home_table(cubes), concept)
    return marks


def home_table(cubes: Sequence[Cube]) -> np.ndarray:
    """Homes (runs, classes) of runs that share no seed."""
    runs = apart(cubes)
    return homes_of(runs, probability(runs[:1]).shape[2])


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    first = next(iter(study.cubes.values()))[0][0]
    cubes = ", ".join(f"{len(cubes)} {name}" for name, cubes in study.cubes.items())
    part = f" (PARTIAL: {study.missing})" if study.missing else ""
    return (
        f"{len(study.rows)} runs{part}: cubes of 2 initialisations × 2 orders × 2 draws of labels:"
        f" {cubes}; {2 * len(study.starts)} random starts. Pairs of a cube's runs by the seeds that"
        f" they share; with all three a rerun is the same to the bit. Routed:"
        f" {first['world.kind']}, concept {first['routing.concept']}, labelled"
        f" {first['routing.label_fraction']:g}."
        f" {len(first['kept.loss'])} test pictures; Jensen–Shannon divergence of"
        f" predictions; units of the last routed site; calibrated"
        f" against {DRAWS} permutations of the pictures, 0 where a similarity is not above 95 % of"
        f" them, 1 for equal up to rotation. Home: the part of which the ablation costs a class"
        f" most, by Shapley value, told from 0. Whiskers: 95 %, t over cubes, for homes exact"
        f" binomial over runs that share no seed. A triangle at the edge lies beyond the axis."
    )


def in_words(study: Study, marks: Sequence[Mark]) -> str:
    """The finding for the terminal."""
    lines = []
    for name, cubes in study.cubes.items():
        at = {(m.panel, int(m.at)): m for m in marks if m.series == name}
        lines.append(f"path_dependence, {name}, {len(cubes)} cubes:")
        for panel in COMPARISONS:
            said = [f"{SHARED[share]} {spoken(at[panel, share])}" for share in (0, 4, 2, 1)]
            lines.append(f"  {panel}: sharing {'; '.join(said)}")
        lines += agreement_lines(name, marks)
        if name == ROUTED:
            classes = home_table(cubes).shape[1]
            lines.append(concept_lines(name, marks, [str(c) for c in range(classes)]))
    return "\n".join(lines)
