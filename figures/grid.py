"""A figure as a grid of panels: which marks go where, one legend, one note."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from figures.marks import Mark
from figures.panels import Axis, draw
from figures.style import LOOKS, TOLERANCE, new_figure, settle

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Panel(NamedTuple):
    """One panel: its name, which its marks carry, how its value axis is drawn, and its titles."""

    name: str
    axis: Axis
    title: str = ""


class Grid(NamedTuple):
    """Rows of panels with the marks of all; `heads` stand above equal blocks of columns.

    `note` says below the figure what the reader has to know of runs, seeds and signs.
    """

    rows: Sequence[Sequence[Panel]]
    marks: Sequence[Mark]
    note: str
    heads: Sequence[str] = ()
    row_height_in: float = 1.45


def draw_grid(grid: Grid) -> Any:
    """The figure."""
    extra = 0.75 + 0.15 * bool(grid.heads)
    figure = new_figure(grid.row_height_in * len(grid.rows) + extra, grid.note)
    columns = len(grid.rows[0])
    axes = figure.subplots(len(grid.rows), columns, sharex=True, squeeze=False)
    for r, row in enumerate(grid.rows):
        for c, panel in enumerate(row):
            ax = axes[r][c]
            draw(ax, [m for m in grid.marks if m.panel == panel.name], panel.axis)
            if c == 0 or panel.axis.label != row[c - 1].axis.label:
                ax.set_ylabel(panel.axis.label)
            elif panel.axis.limits and panel.axis.limits == row[c - 1].axis.limits:
                ax.tick_params(labelleft=False)
            title = panel.title if r == 0 or panel.title != grid.rows[r - 1][c].title else ""
            ax.set_title(f"{LETTERS[r]}{c + 1}", loc="left", fontweight="bold", fontsize=6.5)
            ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xlabel("label fraction p")
    add_heads(figure, axes[0], grid.heads)
    add_legend(figure, grid.marks)
    return settle(figure)


def add_heads(figure: Any, top_axes: Any, heads: Sequence[str]) -> None:
    """A heading above each block of columns."""
    each = len(top_axes) // max(1, len(heads))
    for i, head in enumerate(heads):
        ax = top_axes[i * each]
        ax.annotate(
            head, (0, 1), xytext=(0, 18), xycoords="axes fraction", textcoords="offset points",
            fontsize=8.5, fontweight="bold",
        )  # fmt: skip


def add_legend(figure: Any, marks: Sequence[Mark]) -> None:
    """The series that are there, and the signs that are used."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    there = {m.series for m in marks if m.drawn}
    handles: list[Any] = [
        Line2D([], [], color=k.colour, marker=k.marker or None, linestyle=k.line, label=k.label)
        for series, k in LOOKS.items()
        if series in there
    ]
    if any(m.flag == "damaged" for m in marks):
        ring = Line2D([], [], marker="o", color="black", mfc="white", ls="none")
        ring.set_label("hollow: damaged")
        handles.append(ring)
    if "tolerance" in there:
        handles.append(Patch(color=TOLERANCE, label="damage of routed"))
    if any(m.flag == "claim" for m in marks):
        handles.append(
            Line2D([], [], marker="*", color="black", ls="none", label="absorption claimed")
        )
    figure.legend(
        handles=handles, loc="outside upper center", ncols=5, handlelength=2.2, columnspacing=1.2
    )
