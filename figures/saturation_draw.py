"""What an attack brings back by its budget, arm by arm. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.marks import Mark
from figures.relearning_draw import curves
from figures.style import GREY, LOOKS, VERMILLION, new_figure, settle

PARTS = (-0.15, 0.65)  # limits of the part that the end of a budget adds


def draw(marks: Sequence[Mark], panels: Sequence[str], caption: str) -> Any:
    """The curves, with a legend of the arms that are there."""
    from matplotlib.lines import Line2D

    there = {m.series for m in marks if m.drawn}
    looks = {name: look._replace(marker=look.marker or ".") for name, look in LOOKS.items()
             if name in there}  # fmt: skip
    figure = curves(marks, panels, caption, looks, "loss on the concept", log=True)
    handles = [
        Line2D([], [], color=k.colour, marker=k.marker, ls=k.line, label=k.label)
        for k in looks.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, handlelength=2.4)
    return settle(figure)


def draw_cells(marks: Sequence[Mark], caption: str) -> Any:
    """A line for each experiment, a panel for each budget."""
    series = list(dict.fromkeys(m.series for m in marks))
    figure = new_figure(0.118 * len(series) + 0.7, caption)
    panels = list(dict.fromkeys(m.panel for m in marks))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, panel in zip(axes, panels, strict=True):
        ax.set(title=panel, xlim=PARTS, ylim=(len(series) - 0.4, -0.6), xlabel="part of the fall")
        ax.axvline(0, color=GREY, lw=0.6)
        ax.grid(axis="x", color="#E6E6E6", linewidth=0.5)
        for m in (m for m in marks if m.panel == panel and m.drawn):
            cell(ax, m, series.index(m.series))
    axes[0].set_yticks(range(len(series)), series, fontsize=5)
    figure.get_layout_engine().set(w_pad=0.16)  # the layout measures names at five points too short
    return settle(figure)


def cell(ax: Any, m: Mark, at: int) -> None:
    """One value, within the axis; its interval faint where that goes on beyond."""
    low, high = PARTS
    inside = low <= m.low and m.high <= high
    ends = [min(max(end, low), high) for end in (m.low, m.high)]
    ax.plot(ends, [at, at], color=VERMILLION, lw=0.8, alpha=1.0 if inside else 0.4)
    marker = "<" if m.value < low else ">" if m.value > high else "o"
    ax.plot(min(max(m.value, low), high), at, marker, color=VERMILLION, ms=2.8)
