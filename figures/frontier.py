"""Entanglement frontiers: how good at B a network can be while A cannot be elicited from it."""

from typing import Any

import numpy as np

from absorb.stats.attainment import attained
from absorb.stats.entanglement import ent_raw, entanglement
from absorb.stats.hypervolume import volume
from absorb.stats.intervals import Interval, mean_t
from figures.frontier_draw import draw
from figures.frontier_pairs import CONTROLS, Study, studies
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.select import Table
from figures.tradeoff import tradeoff_page

ALPHA_G = np.linspace(0.0, 1.0, 101)
SHARES = (0.5, 0.75, 0.25)  # of the seeds: the typical one, and what more and fewer of them reach


def pages(table: Table, partial: bool) -> Pages:
    """Two figures of all models whose searches are whole; nothing partial can be compared."""
    found = studies(table)
    whole = [study for study in found if not study.missing]
    left_out = [f"{study.task}: {study.missing}" for study in found if study.missing]
    if not whole:
        return Pages([], "", left_out)
    marks = [m for study in whole for m in marks_of(study)]
    tasks, caption = [study.task for study in whole], caption_of(whole)
    made = Page("frontier", lambda: draw(marks, tasks, caption), marks, caption)
    said = "\n".join(in_words(study, marks) for study in whole)
    return Pages([made, tradeoff_page(whole)], said, left_out)


def marks_of(study: Study) -> list[Mark]:
    """Every config, the surfaces over seeds, and the numbers of one study."""
    marks: list[Mark] = []
    for name, search in study.searches.items():
        for axis, value_CS in (("a", search.a_CS), ("b", search.b_CS)):
            marks += [
                mark(f"{study.task}: {axis}", name, i, mean_t(value_S), f"{how}: {words}")
                for i, (value_S, how, words) in enumerate(
                    zip(value_CS, search.methods, search.words, strict=True)
                )
            ]
        marks += surface(study, name)
    return marks + numbers(study)


def surface(study: Study, name: str) -> list[Mark]:
    """The median attainment surface, between those of a quarter and three quarters of the seeds."""
    search = study.searches[name]
    if not np.isfinite(search.a_CS).any():
        return []  # the attack teaches a random start as much: there is no scale
    half_G, most_G, few_G = attained(search.a_CS, search.b_CS, ALPHA_G, SHARES)
    n = len(study.seeds)
    return [
        mark(f"{study.task}: surface", name, alpha, Interval(half, most, few, n))
        for alpha, half, most, few in zip(ALPHA_G, half_G, most_G, few_G, strict=True)
    ]


def numbers(study: Study) -> list[Mark]:
    """ent, and of each search ent_raw and the zero-cost entanglement."""
    panel = f"{study.task}: numbers"
    asked, identical, separable = (
        (study.searches[name].a_CS, study.searches[name].b_CS) for name in CONTROLS
    )
    marks = [mark(panel, "ent", 0, entanglement(asked, separable, identical).ent)]
    for name, search in study.searches.items():
        raw = ent_raw(volume(search.a_CS, search.b_CS))
        marks.append(mark(panel, f"ent_raw, {name}", 0, raw))
        zero = mean_t(search.a_CS[search.alone])
        marks.append(mark(panel, f"zero cost, {name}", 0, zero))
    return marks


def caption_of(whole: list[Study]) -> str:
    """What a reader has to know."""
    first = whole[0]
    counts = {how: list(first.searches["asked"].methods).count(how)
              for how in first.searches["asked"].methods}  # fmt: skip
    tried = ", ".join(f"{n} of {how}" for how, n in counts.items())
    pairs = "; ".join(f"{name}: {search.pair}" for name, search in first.searches.items())
    row: Any = first.first
    return (
        f"{sum(study.runs for study in whole)} runs, {len(first.seeds)} seeds. {pairs}.\n"
        "a: what the strongest attack elicits of A, 0 as from a random start, 1 as from a network"
        " that learned both tasks. b: what B is worth after the intervention and before any attack,"
        " 0 as a constant, 1 as a network that learned B alone. Dots: configs, means over seeds,"
        f" {tried}, the same for every pair. Lines: the typical seed's frontier, shaded between"
        " what three quarters and one quarter of the seeds reach; each seed chose among its own"
        " configs. ent and ent_raw choose configs on one half of the seeds and report on the other;"
        " 95 % intervals (t; Fieller for ent). A better search can only lower ent_raw: it bounds"
        " entanglement from above. Zero cost: a of a network that learned B alone. Attacks:"
        f" {row['measure.attack_kinds']}, rates {row['measure.attack_rates']}, forget examples"
        f" {row['measure.attack_examples']}, {row['measure.attack_steps']} steps."
    )


def in_words(study: Study, marks: list[Mark]) -> str:
    """The finding for the terminal."""
    own = [m for m in marks if m.panel == f"{study.task}: numbers"]
    lines = [f"frontier, {study.task}: {study.searches['asked'].pair}, {len(study.seeds)} seeds"]
    lines += [
        f"  {m.series}: {spoken(m)}{f' ({m.why})' if m.why and not m.drawn else ''}" for m in own
    ]
    return "\n".join(lines)
