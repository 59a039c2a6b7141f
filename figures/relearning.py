"""Relearning: what the strongest attack of a given budget brings back, method by method."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.frontier import best_within
from absorb.stats.intervals import mean_t
from absorb.stats.relearn import best_by_examples, best_by_steps, flattened
from figures.marks import Mark, mark, series_of, spoken
from figures.page import Page, Pages
from figures.relearning_draw import draw
from figures.searches import (
    METHODS,
    Search,
    choice_in_words,
    elicited_in_words,
    kept_in_words,
    losses,
    searches,
    sorted_out,
)
from figures.select import Table
from figures.token_runs import Row, Seeded, concept_words, finished

TOLERANCE = 0.1  # of the least retain loss of all: what a method's config may cost
CHOICE = (
    f"Of each method the config of most forget loss whose retain loss is within {TOLERANCE:.0%} of"
    " the least of all, chosen on"
)


class Attacks(NamedTuple):
    """The attack curves of one run: losses over (kinds x rates), forget examples, checkpoints."""

    validation_REK: np.ndarray
    forget_REK: np.ndarray
    steps_K: tuple[int, ...]
    examples_E: tuple[int, ...]


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each search with attack curves that is whole, or for all if `partial`."""
    found = [s for s in searches(table) if any(attacks_of(row) for row in s.study.rows)]
    drawn, left_out = sorted_out(found, partial)
    made = [page(search) for search in drawn]
    return Pages(made, "\n\n".join(in_words(search) for search in drawn), left_out)


def page(search: Search) -> Page:
    """The figure of one search."""
    marks, caption = marks_of(search), caption_of(search)
    panels = [f"p = {p:g}" for p in search.fractions]
    return Page(
        f"relearning{search.study.suffix}", lambda: draw(marks, panels, caption), marks, caption
    )


def attacks_of(row: Row) -> Attacks | None:
    """The stored attack curves of a run; None where it has none."""
    kinds = [k.split(".")[1] for k, v in row.items()
             if k.startswith("attack.") and k.count(".") == 2 and k.endswith(".validation")
             and v is not None]  # fmt: skip
    if not kinds:
        return None
    rates, examples = (json.loads(str(row[f"measure.attack_{x}"])) for x in ("rates", "examples"))
    read = {
        part: np.concatenate([
            flattened(row[f"attack.{kind}.{part}"], len(rates), len(examples)) for kind in kinds
        ])
        for part in ("validation", "forget")
    }  # fmt: skip
    order = np.argsort(examples)
    steps_K = checkpoints(int(row["measure.attack_steps"]), read["forget"].shape[-1])
    return Attacks(
        read["validation"][:, order],
        read["forget"][:, order],
        steps_K,
        tuple(int(examples[i]) for i in order),
    )


def checkpoints(steps: int, looks: int) -> tuple[int, ...]:
    """The steps after which an attack was looked at: evenly spread, the first before any."""
    return tuple(round(steps * k / (looks - 1)) for k in range(looks))


def chosen(search: Search, p: float) -> dict[str, tuple[str, Seeded]]:
    """Each method's config: by the selecting seeds, the most forget loss at a bearable retain loss.

    Where no config of a method is within the tolerance, the one of least retain loss.
    """
    select = search.parts.select
    seeds = [search.study.seeds[i] for i in select]
    of = {m: search.configs(m, p) for m in METHODS}
    retain = {m: losses(c, f"{search.before}.retain", seeds).mean(axis=1) for m, c in of.items()}
    forget = {m: losses(c, "elicited.forget", seeds).mean(axis=1) for m, c in of.items()}
    least = min((float(np.nanmin(r)) for r in retain.values() if np.isfinite(r).any()), default=0.0)
    found = {}
    for method, configs in of.items():
        place = best_within(retain[method], forget[method], (1 + TOLERANCE) * least)
        if place is None and np.isfinite(retain[method]).any():
            place = int(np.nanargmin(retain[method]))
        if place is not None:
            found[method] = list(configs.items())[place]
    return found


def marks_of(search: Search) -> list[Mark]:
    """Every method's curves over the reporting seeds, and those of networks without any."""
    report = [search.study.seeds[i] for i in search.parts.report]
    marks = []
    for p in search.fractions:
        for method, (words, runs) in chosen(search, p).items():
            marks += curves(f"p = {p:g}", method, attacked(runs, report), words)
        for series, without in (("never taught", 1.0), ("ordinary", 0.0)):
            each = attacked(search.reference(without), report)
            marks += curves(f"p = {p:g}", series, each, "")
    return marks


def attacked(runs: Seeded, seeds: Sequence[int]) -> list[Attacks]:
    """The curves at each of these seeds, NaN where its run did not end well or is not there.

    None at all where no run has a curve.
    """
    known = {seed: own for seed, row in runs.items() if (own := attacks_of(row))}
    if not known:
        return []
    one = next(iter(known.values()))
    lost = one._replace(validation_REK=one.validation_REK * np.nan,
                        forget_REK=one.forget_REK * np.nan)  # fmt: skip
    done = finished(runs)
    return [known.get(seed, lost) if seed in done else lost for seed in seeds]


def curves(panel: str, series: str, each: Sequence[Attacks], words: str) -> list[Mark]:
    """Forget loss by budget of steps and of examples: means over runs, undefined if one is NaN."""
    if not each:
        return []
    steps_SK = np.array([by_steps(a) for a in each])
    examples_SE = np.array([best_by_examples(a.validation_REK, a.forget_REK) for a in each])
    shown = {"steps": (each[0].steps_K, steps_SK), "examples": (each[0].examples_E, examples_SE)}
    return [
        mark(f"{panel}: {budget}", series, at, mean_t(value_S), words)
        for budget, (at_K, value_SK) in shown.items()
        for at, value_S in zip(at_K, value_SK.T, strict=True)
    ]


def by_steps(attacks: Attacks) -> np.ndarray:
    """Best within each number of steps, over all rates and examples."""
    k = len(attacks.steps_K)
    return best_by_steps(attacks.validation_REK.reshape(-1, k), attacks.forget_REK.reshape(-1, k))


def caption_of(search: Search) -> str:
    """What a reader has to know."""
    study, row = search.study, search.study.first
    apart = f"{study.apart}\n" if study.apart else ""
    configs = f"\n{configs_in_words(search)}." if search.chooses else ""
    kinds = sorted({k.split(".")[1] for k in row if k.startswith("attack.") and k.count(".") == 2})
    return (
        f"{apart}{study.runs_in_words(search.missing)}; {concept_words(row)} in"
        f" {row['world.kind']}.\n"
        f"Curves: attacks ({', '.join(kinds)}) alone; configs are chosen by the lowest over"
        f" {elicited_in_words(search)}.{kept_in_words(search)} At each budget the attack, rate and"
        " checkpoint of least validation loss, reported on test:"
        " left by steps with any number of forget examples, right by forget examples with any"
        " number of steps. Flat at the right end: the budget is enough."
        f"{choice_in_words(search, CHOICE)}, none where one of them did not end well."
        f" Never taught: what the attack itself teaches.{configs}"
    )


def configs_in_words(search: Search) -> str:
    """Which config of each method was chosen."""
    return "; ".join(
        f"p = {p:g}: " + ", ".join(f"{m} {words}" for m, (words, _) in chosen(search, p).items())
        for p in search.fractions
    )


def in_words(search: Search) -> str:
    """The finding for the terminal: forget loss at the least and at the whole budget of steps."""
    lines = [f"relearning {search.study.apart}".rstrip()]
    marks = marks_of(search)
    for p in search.fractions:
        own = [m for m in marks if m.panel == f"p = {p:g}: steps"]
        for series in dict.fromkeys(m.series for m in own):
            ends = series_of(own, series)
            if ends:
                lines.append(
                    f"  p = {p:g}, {series}: {spoken(ends[0])} after {ends[0].at:g} steps,"
                    f" {spoken(ends[-1])} after {ends[-1].at:g}"
                )
    return "\n".join(lines)
