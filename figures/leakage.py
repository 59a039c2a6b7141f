"""Leakage against label fraction and against the size of a transformer, with its retain loss."""

from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import Interval, mean_t, undefined
from absorb.stats.leakage import dose_share, leakage_of, seed_leakage, slope_on_log
from absorb.stats.point import Point, Settings, dose_of
from absorb.stats.runs import Cell, Loss, fractions, labelled_share, paired
from figures.leakage_draw import LEAK, RETAIN, SIZES, SLOPE, draw, thousands
from figures.leakage_sizes import DOSED, Size, Sizes, comparisons
from figures.marks import Mark, mark, series_of, spoken
from figures.page import Page, Pages
from figures.select import Table
from figures.token_runs import CONCEPT, concept_words

SETTINGS = Settings()
CHECK = "n_eq/N with all labels"
RATE = "train.learning_rate"


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each comparison of sizes and each treatment, whole or else if `partial`."""
    found = comparisons(table)
    drawn = [one for one in found if partial or not one.missing]
    left_out = dict.fromkeys(
        f"{one.apart or 'runs'}: {one.missing}" for one in found if one.missing and not partial
    )
    made = [page(one) for one in drawn]
    strictest = {one.suffix: one for one in reversed(drawn)}
    said = [in_words(one) for one in strictest.values()]
    return Pages(made, "\n\n".join(said), list(left_out))


def page(one: Sizes) -> Page:
    """The figure of one comparison."""
    marks, caption = marks_of(one), caption_of(one)
    names = [s.name for s in one.sizes]
    name = f"leakage_{one.treatment}{one.suffix or '-ablated' * bool(ablated_every(one))}"
    return Page(name, lambda: draw(marks, names, caption), marks, caption)


def ablated_every(one: Sizes) -> int:
    """Every how many steps training goes without the region, 0 for never."""
    return int(one.sizes[0].columns.get("train.ablate_every", [0])[0])


def marks_of(one: Sizes) -> list[Mark]:
    """Leakage and retain loss by size, leakage by parameters, and its slope."""
    marks = [m for size in one.sizes for m in size_marks(size, one.treatment)]
    marks += [
        m._replace(panel=SIZES, series=f"p = {m.at:g}", at=size.parameters)
        for size in one.sizes
        for m in marks
        if m.panel == f"{size.name}: {LEAK}" and m.series == "route"
    ]
    return marks + [
        mark(SLOPE, arm, p, slope(one, arm, p)) for arm in ("route", "hard") for p in one.fractions
    ]


def size_marks(size: Size, treatment: str) -> list[Mark]:
    """Leakage and retain loss of every arm of one size, and what leaks with all labels."""
    marks = []
    for cell in sorted(size.runs.row_of):
        if not size.runs.row_of[cell]:
            continue
        retain_S = paired(size.runs, [Loss(cell, f"{treatment}.retain")]).loss_LS[0]
        p = cell.label_fraction
        marks.append(mark(f"{size.name}: {RETAIN}", cell.arm, p, mean_t(retain_S)))
        if cell.arm in DOSED and labelled_share(size.runs, cell) < 1:
            leak = leakage_of(dose_of(Point(size.runs, cell, treatment, SETTINGS)).a_dose)
            marks.append(mark(f"{size.name}: {LEAK}", cell.arm, p, leak))
        elif cell.arm in DOSED:
            all_labels = with_all_labels(size, cell, treatment)
            marks.append(mark(f"{size.name}: {CHECK}", cell.arm, p, all_labels))
    return marks


class Dosed(NamedTuple):
    """One cell's forget losses beside those of the std arm at its doses, paired by seed."""

    seeds: tuple[int, ...]
    own_S: np.ndarray
    std_SG: np.ndarray
    n_G: np.ndarray


def dosed(size: Size, cell: Cell, treatment: str) -> Dosed | None:
    """A cell against the std arm; None where it has no runs or std fewer than two doses."""
    doses = [Cell("std", q) for q in reversed(fractions(size.runs, "std"))]
    if not size.runs.row_of.get(cell) or len(doses) < 2:
        return None
    found = paired(size.runs, [Loss(c, f"{treatment}.forget") for c in (cell, *doses)])
    n_G = np.array([1 - dose.label_fraction for dose in doses]) * size.runs.forget_count
    return Dosed(found.seeds, found.loss_LS[0], found.loss_LS[1:].T, n_G)


def with_all_labels(size: Size, cell: Cell, treatment: str) -> Interval:
    """n_eq/N of an arm at p = 1, where nothing is left to leak."""
    found = dosed(size, cell, treatment)
    if found is None:
        return undefined(0, "no runs of std at two doses")
    return dose_share(*found[1:], size.runs.forget_count)


def slope(one: Sizes, arm: str, p: float) -> Interval:
    """The slope of leakage on log10 of parameters over the seeds that all sizes have."""
    each = []
    for size in one.sizes:
        found = dosed(size, Cell(arm, p), one.treatment)
        if found is None:
            return undefined(0, f"no runs of {arm} at {p:g}, or of std, at {size.name}")
        labelled = labelled_share(size.runs, Cell(arm, p))
        leak_S = seed_leakage(*found[1:], labelled, size.runs.forget_count)
        each.append(dict(zip(found.seeds, leak_S, strict=True)))
    seeds = sorted(set.intersection(*(set(of) for of in each)))
    leak_KS = np.array([[of[seed] for seed in seeds] for of in each])
    return slope_on_log(leak_KS, np.array([s.parameters for s in one.sizes]))


def caption_of(one: Sizes) -> str:
    """What a reader has to know."""
    n = sum(len(s.columns["seed"]) for s in one.sizes)
    status = np.concatenate([s.columns["status"] for s in one.sizes])
    diverged, failed = (status == "diverged").sum(), (~np.isin(status, ("ok", "diverged"))).sum()
    first = {name: column[0] for name, column in one.sizes[0].columns.items()}
    sizes = ", ".join(f"{s.name} has {thousands(s.parameters)}" for s in one.sizes)
    part = f" (PARTIAL: {one.missing})" if one.missing else ""
    apart = f"{one.apart}\n" if one.apart else ""
    every = ablated_every(one)
    without = f"; one step in {every} is trained without the region" if every else ""
    return (
        f"{apart}{n} runs{part}, {len(set(first_seeds(one)))} seeds, {diverged} diverged,"
        f" {failed} failed; {concept_words(first)} in {first['world.kind']}"
        f" (concept {first[CONCEPT]}){without}; after treatment {one.treatment}.\n"
        "Leakage: n_eq/((1 − p)N), the number of forget examples that would leave ordinary training"
        " as good at the concept, as a share of the unlabelled ones; 1: all were learned outside"
        " the region (what filtering must read), 0: none. At p = 1 nothing is left to leak: n_eq/N"
        " itself, in the table, must be about 0, or the rest learns from labelled data too."
        f" Parameters without embeddings and what routing adds: {sizes}.{rates_in_words(one)}"
        " Slope: change of leakage per tenfold parameters, by seed (delta method); null 0, below 0"
        " it falls with size. 95 % intervals over seeds: inverted paired t tests, t for the slope"
        " and for retain loss, in nats; a faint whisker goes on beyond the axis."
    )


def rates_in_words(one: Sizes) -> str:
    """The learning rates where they come with the size, a difference that the slope holds too."""
    rates = [s.columns.get(RATE, [None])[0] for s in one.sizes]
    if len(set(rates)) < 2:
        return ""
    each = ", ".join(f"{s.name} {r:g}" for s, r in zip(one.sizes, rates, strict=True))
    return f" Learning rates DIFFER by size, which the slope cannot tell apart: {each}."


def first_seeds(one: Sizes) -> list[int]:
    """The seeds of all sizes."""
    return [seed for s in one.sizes for seed in s.columns["seed"].tolist()]


def in_words(one: Sizes) -> str:
    """The finding for the terminal: leakage by size and whether it falls."""
    marks = marks_of(one)
    lines = [f"leakage after {one.treatment} {one.apart}".rstrip()]
    for size in one.sizes:
        own = series_of([m for m in marks if m.panel == f"{size.name}: {LEAK}"], "route")
        lines.append(f"  {size.name}: " + ", ".join(f"p = {m.at:g} {spoken(m)}" for m in own))
    for size in one.sizes:
        own = series_of([m for m in marks if m.panel == f"{size.name}: {CHECK}"], "route")
        lines += [f"  {size.name}, n_eq/N at p = 1 (null 0): {spoken(m)}" for m in own]
    slopes = series_of([m for m in marks if m.panel == SLOPE], "route")
    lines += [f"  slope per tenfold parameters at p = {m.at:g}: {spoken(m)}" for m in slopes]
    return "\n".join(lines)
