"""Barriers between runs. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.barrier_pairs import APART, CHANCE, COSINE, IN_REGION, LOSSES, ORDERS, SHUFFLED
from figures.marks import Mark, series_of
from figures.panels import limits_of, points, whiskers
from figures.path_cubes import ROUTED, UNROUTED, UNTRAINED
from figures.style import BLACK, BLUE, GREY, VERMILLION, Look, new_figure, settle

LOOKS = {
    ROUTED: Look("routed", VERMILLION, "o", "none", -0.16),
    f"{ROUTED}, {SHUFFLED}": Look("routed, random order", VERMILLION, "x", "none", -0.3),
    UNROUTED: Look("not routed", BLUE, "s", "none", 0.16),
    f"{UNROUTED}, {SHUFFLED}": Look("not routed, random order", BLUE, "+", "none", 0.3),
    UNTRAINED: Look("not trained", BLACK, "D", "none", 0.0),
}
PLACES = {shared: place for place, shared in enumerate(APART)}


def draw(marks: Sequence[Mark], caption: str) -> Any:
    """A row for each order of units: a column for each loss, and how they were matched beside."""
    panels = list(dict.fromkeys(m.panel for m in marks))
    orders = [text for text in ORDERS.values() if any(p.startswith(text) for p in panels)]
    losses = [text for text in LOSSES.values() if any(p.endswith(f": {text}") for p in panels)]
    beside = [p for p in panels if p.startswith(IN_REGION)][: len(orders) - 1]
    beside.append(f"{COSINE}: {ORDERS['matched']}")
    figure = new_figure(1.5 * len(orders) + 0.9, caption)
    axes = figure.subplots(len(orders), len(losses) + 1, squeeze=False)
    for row, order in enumerate(orders):
        for ax, loss in zip(axes[row], losses, strict=False):
            panel(ax, marks, f"{order}: {loss}", loss if row == 0 else "")
        axes[row][0].set_ylabel(f"barrier, {order}")
    for ax, name in zip(axes[:, -1], beside, strict=False):
        panel(ax, marks, name, name.replace(": ", "\n"))
    for ax in axes[len(beside) :, -1]:
        ax.set_axis_off()
    for place, column in enumerate(axes.T):
        labelled(column if place < len(losses) else column[: len(beside)])
    legend(figure, marks)
    return settle(figure)


def labelled(column: Sequence[Any]) -> None:
    """What differs, below the lowest panel of a column alone."""
    for ax in column[:-1]:
        ax.set_xticklabels([])
    column[-1].set_xlabel("seeds that differ")


def panel(ax: Any, marks: Sequence[Mark], name: str, title: str) -> None:
    """One quantity by the seeds in which two runs differ."""
    own = [m for m in marks if m.panel == name]
    ax.set_ylim(*limits_of(own, log=False))
    ax.set_xlim(-0.6, len(PLACES) - 0.4)
    for series, look in LOOKS.items():
        some = series_of(own, series)
        places = [PLACES[int(m.at)] + look.shift for m in some]
        whiskers(ax, places, some, look.colour)
        points(ax, places, some, look)
    for m in series_of(own, CHANCE):
        at = PLACES[int(m.at)]
        ax.plot([at - 0.4, at + 0.4], [m.value] * 2, color=GREY, ls=(0, (1, 1)), lw=1.0)
    ax.set_title(title)
    ax.set_xticks(range(len(PLACES)), list(APART.values()), rotation=90)


def legend(figure: Any, marks: Sequence[Mark]) -> None:
    """The series that are there, each with its number of cells."""
    from matplotlib.lines import Line2D

    cells = {m.series: m.n for m in marks if m.series in LOOKS}
    handles = [Line2D([], [], color=look.colour, marker=look.marker, ls="none",
                      label=f"{look.label} ({cells[name]} cells)")
               for name, look in LOOKS.items() if name in cells]  # fmt: skip
    if any(m.series == CHANCE for m in marks):
        handles.append(Line2D([], [], color=GREY, ls=(0, (1, 1)), label="by chance"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
