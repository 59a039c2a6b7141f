"""The drawing of induced pairs: measures by label fraction, one line per way of routing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from figures.marks import Mark, series_of
from figures.panels import Axis, clip, limits_of, plain_decades, points, say_why, whiskers
from figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Look,
    new_figure,
    settle,
)

UNROUTED, NULL = "unrouted", "random matching"
MARKERS = "osDP^vXp"
COLOURS = (VERMILLION, BLUE, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
LINES = ("-", (0, (4, 1.5)), (0, (5, 1, 1, 1)), (0, (1, 1)))
SPREAD = 0.018  # by which lines stand aside


class Panel(NamedTuple):
    """One panel: the name that its marks carry, its axis and its title."""

    name: str
    axis: Axis
    title: str


class Layout(NamedTuple):
    """Rows of panels with all marks, the routes that are drawn, the note, and what runs along."""

    rows: Sequence[Sequence[Panel]]
    marks: Sequence[Mark]
    routes: Sequence[str]
    note: str
    along: str = "label fraction p"
    row_height_in: float = 1.25


def draw(layout: Layout) -> Any:
    """The figure."""
    legend_rows = (len(layout.routes) + 2 + 2) // 3
    height = layout.row_height_in * len(layout.rows) + 0.45 + 0.13 * legend_rows
    figure = new_figure(height, layout.note)
    axes = figure.subplots(len(layout.rows), len(layout.rows[0]), sharex=True, squeeze=False)
    looks = looks_of(layout.routes)
    for r, row in enumerate(layout.rows):
        axis = shared(row, layout.marks)
        for c, panel in enumerate(row):
            draw_panel(axes[r][c], [m for m in layout.marks if m.panel == panel.name], axis, looks)
            axes[r][c].set_title(panel.title * (r == 0))
            axes[r][c].tick_params(labelleft=c == 0)
        axes[r][0].set_ylabel(axis.label)
    for ax in axes[-1]:
        ax.set_xlabel(layout.along)
    legend(figure, layout.marks, looks)
    return settle(figure)


def shared(row: Sequence[Panel], marks: Sequence[Mark]) -> Axis:
    """One axis for a row of panels, from all their values where it has no limits of its own."""
    names = {panel.name for panel in row}
    own = [m for m in marks if m.panel in names and m.drawn]
    limits = row[0].axis.limits or limits_of(own, row[0].axis.log)
    return row[0].axis._replace(limits=limits)


def looks_of(routes: Sequence[str]) -> dict[str, Look]:
    """A look for every way of routing; they stand beside each other."""
    middle = (len(routes) - 1) / 2
    return {
        name: Look(name, COLOURS[i % 8], MARKERS[i % 8], LINES[i % 4], SPREAD * (i - middle))
        for i, name in enumerate(routes)
    }


def draw_panel(ax: Any, marks: Sequence[Mark], axis: Axis, looks: dict[str, Look]) -> None:
    """One measure: every way of routing over unrouted networks and the null."""
    assert axis.limits is not None
    if axis.log:
        ax.set_yscale("log")
        plain_decades(ax, *axis.limits)
    ax.set_ylim(*axis.limits)
    ax.set_xlim(-0.08, 1.08)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.5)
    if axis.rule is not None:
        ax.axhline(axis.rule, color=GREY, linewidth=0.6)
    for m in series_of(list(marks), UNROUTED):
        ax.axhspan(clip(ax, m.low), clip(ax, m.high), color=GREY, alpha=0.3, lw=0, zorder=1)
        ax.axhline(m.value, color=GREY, lw=0.9, zorder=1.5)
    for m in series_of(list(marks), NULL):
        ax.axhline(m.value, color=BLACK, lw=0.9, ls=(0, (3, 2)), zorder=2)
    for name, look in looks.items():
        own = series_of(list(marks), name)
        at = [m.at + look.shift for m in own]
        ax.plot(at, [clip(ax, m.value) for m in own], color=look.colour, ls=look.line, lw=0.8,
                alpha=0.8, zorder=3)  # fmt: skip
        whiskers(ax, at, own, look.colour)
        points(ax, at, own, look)
    if not any(m.drawn for m in marks if m.series in looks):
        say_why(ax, marks)


def legend(figure: Any, marks: Sequence[Mark], looks: dict[str, Look]) -> None:
    """The ways of routing, the null and the unrouted networks, as far as they are there."""
    from matplotlib.lines import Line2D

    there = {m.series for m in marks if m.drawn}
    handles = [
        Line2D([], [], color=k.colour, marker=k.marker, ls=k.line, label=k.label)
        for name, k in looks.items()
        if name in there
    ]
    if UNROUTED in there:
        handles.append(Line2D([], [], color=GREY, lw=1.2, label="unrouted"))
    if NULL in there:
        handles.append(Line2D([], [], color=BLACK, ls=(0, (3, 2)), label=NULL))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, handlelength=2.4)
