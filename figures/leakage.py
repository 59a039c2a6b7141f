"""Leakage against label fraction and against the size of a transformer, with its retain loss."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.intervals import Interval, mean_t, undefined
from absorb.stats.leakage import leakage_of, seed_leakage, slope_on_log
from absorb.stats.point import Point, Settings, dose_of
from absorb.stats.runs import Cell, Loss, Runs, fractions, paired, read_runs
from figures.experiments import cells as cells_of
from figures.experiments import fractions_of
from figures.leakage_draw import LEAK, RETAIN, SIZES, SLOPE, draw, thousands
from figures.marks import Mark, mark, series_of, spoken
from figures.page import Page, Pages
from figures.select import ARM, FRACTION, Table, described, differing, groups, suffix, telling
from figures.token_runs import CONCEPT, PREFERRED, concept_words

ARMS = ("route", "hard", "filter", "std")
DOSED = ("route", "hard", "filter")  # arms that stand at every label fraction
SIZED = ("model.", "routing.sites", "routing.units", "train.learning_rate")  # come with the size
FEWEST = 3  # label fractions of `route` that make a curve
SETTINGS = Settings()


class Size(NamedTuple):
    """The runs of one size of model; `parameters` without embeddings and what routing adds."""

    name: str
    parameters: float
    settings: Mapping[str, Any]
    columns: Mapping[str, np.ndarray]
    runs: Runs
    missing: str


class Sizes(NamedTuple):
    """Sizes that differ in nothing else, the smallest first, after one treatment.

    `suffix` sets its files apart from those of others in the table, `apart` says what differs.
    """

    sizes: Sequence[Size]
    treatment: str
    suffix: str
    apart: str

    @property
    def missing(self) -> str:
        """What is not there at any size, or ""."""
        return "; ".join(f"{s.name}: {s.missing}" for s in self.sizes if s.missing)

    @property
    def fractions(self) -> list[float]:
        """The label fractions at which leakage is defined."""
        every = {p for s in self.sizes for arm in DOSED for p in fractions(s.runs, arm)}
        return sorted(p for p in every if p < 1)


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


def comparisons(table: Table) -> list[Sizes]:
    """Sizes of a transformer side by side where all else is equal; each treatment by itself."""
    bundles: dict[tuple[Any, ...], dict[float, Size]] = {}
    settings: list[Mapping[str, Any]] = []
    for one in sizes_in(table):
        key = tuple(v for name, v in one.settings.items() if not name.startswith(SIZED))
        while one.parameters in bundles.setdefault(key, {}):
            key = (*key, "again")  # a second region at the same size is another comparison
        bundles[key][one.parameters] = one
    ordered = [[of[n] for n in sorted(of)] for of in bundles.values()]
    settings = [of[0].settings for of in ordered]
    files, words = telling(settings), differing(settings)
    return [
        Sizes(of, treatment, suffix(own, files), described(own, words))
        for of, own in zip(ordered, settings, strict=True)
        for treatment in treatments_of(of)
    ]


def sizes_in(table: Table) -> list[Size]:
    """Every group of transformers in which `route` stands at several label fractions."""
    if ARM not in table or FRACTION not in table:
        return []
    found = []
    for group in groups(table):
        columns = group.of(table)
        if (
            columns["model.kind"][0] != "transformer"
            or len(fractions_of(columns, "route")) < FEWEST
        ):
            continue
        own = np.isin(columns[ARM], ARMS)
        columns = {name: column[own] for name, column in columns.items()}
        found.append(size_of(group.settings, columns))
    return found


def size_of(settings: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> Size:
    """One group with its size."""
    row = {name: column[0] for name, column in columns.items()}
    name = f"{row['model.layers']} layers × {row['model.width']}"
    runs = read_runs(columns)
    return Size(name, parameters(row), settings, columns, runs, missing(columns))


def parameters(row: Mapping[str, Any]) -> float:
    """Weights of attention and MLP matrices and of experts, over all layers."""
    d, experts = int(row["model.width"]), int(row.get("model.experts") or 0)
    expert_units = experts * int(row.get("model.expert_width") or 0)
    return float(
        int(row["model.layers"]) * (4 * d * d + 2 * d * (int(row["model.mlp"]) + expert_units))
    )


def missing(columns: Mapping[str, np.ndarray]) -> str:
    """What of the full grid of one size is not there; std needs both its ends."""
    there = cells_of(columns)
    seeds = len(set(columns["seed"].tolist()))
    dosed = sorted({p for arm in DOSED for p in fractions_of(columns, arm)})
    std = sorted({0.0, 1.0} | set(fractions_of(columns, "std")))
    wanted = [(arm, p) for arm in DOSED for p in dosed] + [("std", p) for p in std]
    short = [cell for cell in wanted if there.count(cell) < seeds]
    if not short:
        return ""
    arm, p = short[0]
    return (
        f"{len(there)} of {len(wanted) * seeds} runs, {arm} at {p:g} has"
        f" {there.count(short[0])} of {seeds} seeds"
    )


def treatments_of(sizes: Sequence[Size]) -> list[str]:
    """The treatments that every size was given, the strictest first."""
    return [t for t in PREFERRED if all(measured(s.columns, t) for s in sizes)]


def measured(columns: Mapping[str, np.ndarray], treatment: str) -> bool:
    """Whether any of these runs has losses after the treatment."""
    return all(
        any(
            value is not None and value == value for value in columns.get(f"{treatment}.{part}", ())
        )
        for part in ("forget", "retain")
    )


def page(one: Sizes) -> Page:
    """The figure of one comparison."""
    marks, caption = marks_of(one), caption_of(one)
    names = [s.name for s in one.sizes]
    return Page(
        f"leakage_{one.treatment}{one.suffix}", lambda: draw(marks, names, caption), marks, caption
    )


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
    """Leakage and retain loss of every arm of one size."""
    marks = []
    for cell in sorted(size.runs.row_of):
        if not size.runs.row_of[cell]:
            continue
        retain_S = paired(size.runs, [Loss(cell, f"{treatment}.retain")]).loss_LS[0]
        p = cell.label_fraction
        marks.append(mark(f"{size.name}: {RETAIN}", cell.arm, p, mean_t(retain_S)))
        if cell.arm in DOSED and p < 1:
            leak = leakage_of(dose_of(Point(size.runs, cell, treatment, SETTINGS)).a_dose)
            marks.append(mark(f"{size.name}: {LEAK}", cell.arm, p, leak))
    return marks


def slope(one: Sizes, arm: str, p: float) -> Interval:
    """The slope of leakage on log10 of parameters over the seeds that all sizes have."""
    cell, each = Cell(arm, p), []
    for size in one.sizes:
        doses = [Cell("std", q) for q in reversed(fractions(size.runs, "std"))]
        if not size.runs.row_of.get(cell) or len(doses) < 2:
            return undefined(0, f"no runs of {arm} at {p:g}, or of std, at {size.name}")
        found = paired(size.runs, [Loss(c, f"{one.treatment}.forget") for c in (cell, *doses)])
        count = size.runs.forget_count
        n_G = np.array([1 - dose.label_fraction for dose in doses]) * count
        leak_S = seed_leakage(found.loss_LS[0], found.loss_LS[1:].T, n_G, p, count)
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
    return (
        f"{apart}{n} runs{part}, {len(set(first_seeds(one)))} seeds, {diverged} diverged,"
        f" {failed} failed; {concept_words(first)} in {first['world.kind']}"
        f" (concept {first[CONCEPT]}); after treatment {one.treatment}.\n"
        "Leakage: n_eq/((1 − p)N), the number of forget examples that would leave ordinary training"
        " as good at the concept, as a share of the unlabelled ones; 1: all were learned outside"
        " the region (what filtering must read), 0: none. Parameters without embeddings and what"
        f" routing adds: {sizes}. Slope: change of leakage per tenfold parameters, by seed (delta"
        " method); null 0, below 0 it falls with size. 95 % intervals over seeds: inverted paired t"
        " tests, t for the slope and for retain loss, in nats; a faint whisker goes on beyond the"
        " axis."
    )


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
    slopes = series_of([m for m in marks if m.panel == SLOPE], "route")
    lines += [f"  slope per tenfold parameters at p = {m.at:g}: {spoken(m)}" for m in slopes]
    return "\n".join(lines)
