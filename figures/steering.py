"""Steering: forget and retain loss against the value that scales the region's output."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from absorb.stats.intervals import mean_t
from figures.gating import FREE, Cell, cell_of, place_of_gate, said
from figures.marks import Mark, mark, series_of, spoken
from figures.page import Page, Pages
from figures.select import Table
from figures.steering_draw import draw
from figures.token_runs import Row, Study, common, missing, paired, studies

COLUMN = re.compile(r"gate@(?P<value>-?[\d.e+-]+)\.(?P<part>forget|retain)")
UNROUTED = "not routed"


class Steered(NamedTuple):
    """A study with its axes: concepts and (gate, mechanism, p) of routed networks."""

    study: Study
    levels: Sequence[str]
    kinds: Sequence[tuple[str, str, float]]
    missing: str


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each study whose networks were run with gates set, whole or if `partial`."""
    found = [one for study in studies(table, FREE, cell_of, is_steered)
             if (one := steered(study)).kinds]  # fmt: skip
    drawn = [s for s in found if partial or not s.missing]
    left_out = [
        f"{s.study.apart or 'runs'}: {s.missing}" for s in found if s.missing and not partial
    ]
    made = [page(one) for one in drawn]
    return Pages(made, "\n\n".join(in_words(one) for one in drawn), left_out)


def is_steered(row: Row) -> bool:
    """Whether a run was looked at with its gate set to several values."""
    return len(values_of(row)) > 1


def values_of(row: Row) -> dict[float, str]:
    """The values to which the gate was set, with the text of each in its columns."""
    found = {}
    for name, value in row.items():
        known = COLUMN.fullmatch(name)
        if known and value is not None:
            found[float(known["value"])] = known["value"]
    return dict(sorted(found.items()))


def steered(study: Study) -> Steered:
    """A study with its axes, and what of it is not there."""
    routed = [c for c in study.cells if c.mechanism != "none"]
    levels = list(dict.fromkeys(c.level for c in study.cells))
    each: dict[tuple, list[float]] = {}
    for c in routed:
        each.setdefault(c[:3], []).append(c.p)
    fractions = [p for p in common(list(each.values())) if p > 0]
    kinds = sorted(
        {c[1:] for c in routed if c.p in fractions},
        key=lambda kind: (place_of_gate(kind[0]), kind[1], -kind[2]),
    )
    wanted = [Cell(level, *kind) for level in levels for kind in kinds]
    return Steered(study, levels, kinds, missing(study, wanted, said, study.seeds))


def page(one: Steered) -> Page:
    """The figure of one study."""
    marks, caption = marks_of(one), caption_of(one)
    return Page(
        f"steering{one.study.suffix}",
        lambda: draw(marks, one.levels, series_names(one), caption),
        marks,
        caption,
    )


def series_names(one: Steered) -> list[str]:
    """The lines of a panel."""
    several = len({kind[1] for kind in one.kinds}) > 1
    names = [series_name(kind, several) for kind in one.kinds]
    there = any(cell[1:3] == ("none", "none") for cell in one.study.cells)
    return [*names, UNROUTED] if there else names


def series_name(kind: tuple[str, str, float], several: bool) -> str:
    """A gate, its mechanism where there are several, and the label fraction."""
    gate, mechanism, p = kind
    return f"{gate}{f', {mechanism}' if several else ''}; p = {p:g}"


def marks_of(one: Steered) -> list[Mark]:
    """Mean losses of every kind of network at every value of the gate."""
    marks = []
    for level in one.levels:
        cells = [Cell(level, *kind) for kind in one.kinds] + [Cell(level, "none", "none", 0.0)]
        for name, cell in zip([*series_names(one), UNROUTED], cells, strict=False):
            runs = one.study.cells.get(cell, {})
            for part in ("forget", "retain") if runs else ():
                for value, text in values_of(next(iter(runs.values()))).items():
                    (loss_S,) = paired([f"gate@{text}.{part}"], [runs])
                    marks.append(mark(f"{level}: {part}", name, value, mean_t(loss_S)))
    return marks


def caption_of(one: Steered) -> str:
    """What a reader has to know."""
    study, row = one.study, one.study.first
    apart = f"{study.apart}\n" if study.apart else ""
    return (
        f"{apart}{study.runs_in_words(one.missing)}; {row['world.kind']}.\n"
        "After training the region's output is scaled by the value on all data: 0 is ablation, 1"
        f" the region in full, above 1 more of it.{about_gates(one)} Means and 95 % t intervals"
        " over seeds; nats per token."
    )


def about_gates(one: Steered) -> str:
    """What the value takes the place of, for the gates that are there."""
    there = {kind[0].split(",")[0] for kind in one.kinds}
    text = " Without a gate 1 is the network as trained." if "none" in there else ""
    if "learned" in there:
        text += " Learned: the value overrules the gate, which let through a part between 0 and 1"
        text += " that the input decides, so no value is the network as trained."
    if "hard" in there:
        text += " Hard: in training the region took part in labelled forget data alone, so 1 is as"
        text += " trained on those and 0 on all others."
    return text


def in_words(one: Steered) -> str:
    """The finding for the terminal: both losses at the ends, where the most was labelled."""
    marks, lines = marks_of(one), [f"steering {one.study.apart}".rstrip()]
    most = max(kind[2] for kind in one.kinds)
    for panel in dict.fromkeys(m.panel for m in marks):
        own = [m for m in marks if m.panel == panel and m.series.endswith(f"p = {most:g}")]
        for name in dict.fromkeys(m.series for m in own):
            if line := series_of(own, name):
                ends = [f"{spoken(m)} at {m.at:g}" for m in (line[0], line[-1])]
                lines.append(f"  {panel}, {name}: {', '.join(ends)}")
    return "\n".join(lines)
