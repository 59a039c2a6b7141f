"""Losses against the value of the gate. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.gating_draw import COLOURS, MARKERS, gate_label
from figures.marks import Mark, series_of
from figures.panels import clip, limits_of, points, whiskers
from figures.style import BLACK, GREY, Look, new_figure, settle

LINES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))


def draw(marks: Sequence[Mark], levels: Sequence[str], names: Sequence[str], caption: str) -> Any:
    """The figure: forget loss above retain loss, a column for each concept."""
    figure = new_figure(3.9, caption)
    axes = figure.subplots(2, len(levels), sharex=True, sharey="row", squeeze=False)
    looks = looks_of(names)
    for row, part in zip(axes, ("forget", "retain"), strict=True):
        limits = limits_of([m for m in marks if m.panel.endswith(f": {part}")], log=False)
        for ax, level in zip(row, levels, strict=True):
            ax.set_ylim(limits)
            draw_panel(ax, [m for m in marks if m.panel == f"{level}: {part}"], looks)
        row[0].set_ylabel(f"{part} loss, nats")
    for ax, level in zip(axes[0], levels, strict=True):
        ax.set_title(level)
    for ax in axes[-1]:
        ax.set_xlabel("value of the gate")
    add_legend(figure, looks)
    return settle(figure)


def looks_of(names: Sequence[str]) -> dict[str, Look]:
    """A colour for each gate, a line and a marker for each label fraction; unrouted black."""
    gates = list(dict.fromkeys(name.split("; ")[0] for name in names if "; " in name))
    fractions = list(dict.fromkeys(name.split("; ")[1] for name in names if "; " in name))
    looks = {}
    for name in names:
        gate, _, p = name.partition("; ")
        if p:
            i, j = gates.index(gate), fractions.index(p)
            looks[name] = Look(
                f"{gate_label(gate)}; {p}", COLOURS[i % 6], MARKERS[j % 6], LINES[j % 4]
            )
        else:
            looks[name] = Look(name, BLACK, "X", ":")
    return looks


def draw_panel(ax: Any, marks: Sequence[Mark], looks: dict[str, Look]) -> None:
    """One line for each kind of network, set a little aside of each other."""
    places = sorted({m.at for m in marks}) or [0.0, 1.0]
    reach = places[-1] - places[0] or 1.0
    for at in (0.0, 1.0):
        ax.axvline(at, color=GREY, lw=0.5, ls=(0, (3, 2)))
    for i, (name, look) in enumerate(looks.items()):
        own = series_of(list(marks), name)
        at = [m.at + 0.008 * reach * (i - (len(looks) - 1) / 2) for m in own]
        ax.plot(at, [clip(ax, m.value) for m in own], color=look.colour, ls=look.line, lw=0.8)
        whiskers(ax, at, own, look.colour)
        points(ax, at, own, look)
    ax.set_xticks(places, [f"{x:g}" for x in places])
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.5)


def add_legend(figure: Any, looks: dict[str, Look]) -> None:
    """The lines that are there."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=k.colour, marker=k.marker, ls=k.line, label=k.label)
        for k in looks.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, handlelength=2.4)
