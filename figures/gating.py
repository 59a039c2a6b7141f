"""Absorption against what ablation costs, gate by gate."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import Interval, difference_t, undefined
from absorb.stats.localised import localised
from figures.gating_draw import COST, PARTS, draw
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.select import ARM, FRACTION, Table
from figures.token_runs import (
    ABLATE_EVERY,
    CONCEPT,
    GATE,
    MECHANISM,
    Row,
    Seeded,
    Study,
    common,
    concept_words,
    fraction,
    is_route,
    missing,
    paired,
    studies,
    treatments,
)

FREE = (ARM, FRACTION, CONCEPT, GATE, ABLATE_EVERY, MECHANISM)
GATES = ("none", "learned", "hard")


class Cell(NamedTuple):
    """One kind of run; an unrouted one has mechanism "none" and no label fraction."""

    level: str
    gate: str
    mechanism: str
    p: float


class Gates(NamedTuple):
    """A study of gates after one treatment, with its axes and what of it is not there."""

    study: Study
    treatment: str
    levels: Sequence[str]
    gates: Sequence[str]
    fractions: Sequence[float]
    mechanism: str
    missing: str

    @property
    def ablation(self) -> str:
        """The treatment whose retain loss is the cost: its own, but not one that trains on."""
        there = treatments(self.study.rows)
        plain = [t for t in (self.treatment, "raw", "calibrated", "mean") if t in there]
        return next((t for t in plain if t not in ("elicited", "refit")), self.treatment)


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each study of gates and each treatment, whole or else if `partial`."""
    found = [g for study in studies(table, FREE, cell_of) for g in gates_of(study)]
    drawn = [g for g in found if partial or not g.missing]
    left_out = dict.fromkeys(
        f"{g.study.apart or 'runs'}: {g.missing}" for g in found if g.missing and not partial
    )
    made = [page(g) for g in drawn]
    strictest = {(g.study.suffix, g.mechanism): g for g in reversed(drawn)}
    said = [in_words(g) for g in strictest.values()]
    return Pages(made, "\n\n".join(said), list(left_out))


def cell_of(row: Row) -> Cell | None:
    """Routed runs by concept, gate, mechanism and p; unrouted ones by concept and gate.

    A hard gate routes by itself: with one no network is unrouted.
    """
    if row[ARM] == "capacity" and row[GATE] != "hard":
        return Cell(concept_words(row), gate_words(row), "none", 0.0)
    if not is_route(row):
        return None
    return Cell(concept_words(row), gate_words(row), str(row[MECHANISM]), fraction(row))


def gate_words(row: Row) -> str:
    """The gate, and how often the ablated network was trained."""
    every = int(row.get(ABLATE_EVERY) or 0)
    return f"{row[GATE]}, ablated every {every}" if every else str(row[GATE])


def gates_of(study: Study) -> list[Gates]:
    """A study by treatment and mechanism; none where it compares fewer than two gates."""
    found = []
    for mechanism in dict.fromkeys(c.mechanism for c in study.cells if c.mechanism != "none"):
        routed = [c for c in study.cells if c.mechanism == mechanism]
        gates = sorted({c.gate for c in routed}, key=place_of_gate)
        if len(gates) > 1:
            levels = list(dict.fromkeys(c.level for c in routed))
            by_kind = [[c.p for c in routed if c[:2] == kind] for kind in {c[:2] for c in routed}]
            fractions = [p for p in common(by_kind) if p > 0]
            wanted = [Cell(v, g, mechanism, p) for v in levels for g in gates for p in fractions]
            wanted += unrouted_cells(study, levels, gates)
            lacking = missing(study, list(dict.fromkeys(wanted)), said, study.seeds)
            found += [
                Gates(study, t, levels, gates, fractions, mechanism, lacking)
                for t in treatments(study.rows)
            ]
    return found


def place_of_gate(gate: str) -> tuple:
    """The plain one first; ablation now and then after the gate without it."""
    kind, _, every = gate.partition(", ablated every ")
    return GATES.index(kind), int(every or 0)


def said(cell: Cell) -> str:
    """A cell in words."""
    if cell.mechanism == "none":
        gate = f", gate {cell.gate}" if cell.gate != "none" else ""
        return f"{cell.level}, not routed{gate}"
    return f"{cell.level}, gate {cell.gate} at p = {cell.p:g}"


def unrouted_cells(study: Study, levels: Sequence[str], gates: Sequence[str]) -> list[Cell]:
    """Unrouted networks without a gate, and with every gate that any of them has."""
    there = {c.gate for c in study.cells if c.mechanism == "none"}
    own = [gate for gate in dict.fromkeys(("none", *gates)) if gate in {"none", *there}]
    return [Cell(level, gate, "none", 0.0) for level in levels for gate in own]


def unrouted_cell(study: Study, level: str, gate: str) -> Cell:
    """The unrouted network of the same gate, or where there is none, that without a gate."""
    own = Cell(level, gate, "none", 0.0)
    return own if own in study.cells else Cell(level, "none", "none", 0.0)


def page(found: Gates) -> Page:
    """The figure of one study."""
    marks, caption = marks_of(found), caption_of(found)
    panels = [f"p = {p:g}" for p in found.fractions]
    name = f"gating_{found.treatment}_{found.mechanism}{found.study.suffix}"
    return Page(
        name, lambda: draw(marks, panels, found.gates, found.levels, caption), marks, caption
    )


def marks_of(found: Gates) -> list[Mark]:
    """Of every gate, concept and label fraction: the cost, the rise and the absorbed share."""
    marks = []
    for p in found.fractions:
        for level in found.levels:
            for place, gate in enumerate(found.gates):
                for what, value in measures(found, level, gate, p).items():
                    marks.append(mark(f"p = {p:g}: {what}", f"{gate}; {level}", place, value))
    return marks


def measures(found: Gates, level: str, gate: str, p: float) -> dict[str, Interval]:
    """What the ablated network costs against an untouched one, and what the forget loss says."""
    cells, t = found.study.cells, found.treatment
    own = cells.get(Cell(level, gate, found.mechanism, p), {})
    full = cells.get(Cell(level, gate, found.mechanism, 1.0), {})
    none = cells.get(unrouted_cell(found.study, level, gate), {})
    plain = cells.get(Cell(level, "none", "none", 0.0), {})
    cost = rise(own, plain, f"{found.ablation}.retain")
    rise_part, share_part = PARTS
    if not (own and full and none):
        why = undefined(0, "no unrouted runs, or none at this p or at p = 1")
        return {COST: cost, rise_part: why, share_part: why}
    of = localised(*paired([f"{t}.forget"] * 3, [own, none, full]))
    share = of.share if p < 1 else undefined(of.share.n, "1 by definition")
    return {COST: cost, rise_part: of.rise, share_part: share}


def rise(runs: Seeded, plain: Seeded, column: str) -> Interval:
    """The rise of a retain loss over that of unrouted networks that are whole and have no gate."""
    if not (runs and plain):
        return undefined(0, "no runs" if not runs else "no unrouted runs without a gate")
    after_S, before_S = paired([column, "whole.retain"], [runs, plain])
    if np.isnan(before_S).all():
        return undefined(len(before_S), "whole.retain was not measured")
    return difference_t(after_S, before_S)


def caption_of(found: Gates) -> str:
    """What a reader has to know."""
    study, row = found.study, found.study.first
    apart = f"{study.apart}\n" if study.apart else ""
    return (
        f"{apart}{study.runs_in_words(found.missing)}; {row['world.kind']}, {found.mechanism}"
        f" routing; after treatment {found.treatment}.\n"
        f"Cost: {found.ablation} retain loss minus that of an unrouted network, whole and without a"
        " gate: what routing, gate and ablation cost together (the same network whole is no measure"
        " of it: a hard gate would open the region to retain data, for which it never learned)."
        f" Localised: forget loss minus that of an unrouted network{references(found)}, after the"
        " same treatment. Absorbed: that rise as a share of the rise with all labels; 0 as"
        " unrouted, 1 as with all labels (credit sharing alone gives more than 0); not drawn where"
        " the rise with all labels is not above 0. Null: 0. 95 % intervals over seeds, paired: t,"
        " Fieller for shares; a faint whisker goes on beyond the axis."
    )


def references(found: Gates) -> str:
    """Which gates have an unrouted network of their own to be compared with."""
    has = [g for g in found.gates
           if any(unrouted_cell(found.study, v, g).gate == g for v in found.levels)]  # fmt: skip
    hasnt = [g for g in found.gates if g not in has]
    if not hasnt:
        return " with the same gate"
    return f" with the same gate, or for gate {' and '.join(hasnt)} with none"


def in_words(found: Gates) -> str:
    """The finding for the terminal: each gate's absorption and cost."""
    lines = [f"gating after {found.treatment}: {found.study.runs_in_words(found.missing)}"]
    marks = marks_of(found)
    for p in found.fractions:
        for series in dict.fromkeys(m.series for m in marks):
            parts = (*PARTS, COST)
            own = [m for m in marks if m.series == series]
            of = {w: [m for m in own if m.panel == f"p = {p:g}: {w}" and m.drawn] for w in parts}
            text = ", ".join(f"{what} {spoken(ms[0])}" for what, ms in of.items() if ms)
            lines.append(f"  p = {p:g}, {series.replace(';', ',')}: {text}")
    return "\n".join(lines)
