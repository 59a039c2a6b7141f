"""Four properties of pairs of tasks. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from figures.heat import heat
from figures.marks import Mark
from figures.style import BLACK, new_figure, settle
from figures.task_pairs import PROPERTIES

ROOM = (-1.0, 1.02)
TAU, WITHIN = "Kendall τ_b", "Kendall τ_b within a view"
PLANTED = "planted: "  # what a panel of shares by construction begins with
RANKS = 6  # of four properties, two and two


def draw(marks: Sequence[Mark], tasks: Sequence[str], caption: str) -> Any:
    """A heat map for each property above the ranks that they share."""
    rows = [m.series for m in marks if m.panel == TAU]
    figure = new_figure(4.1 + 0.2 * (len(rows) - RANKS), caption)
    share = 1 + 0.13 * (len(rows) - RANKS)
    above, below = figure.subfigures(2, 1, height_ratios=(1.7, share))
    panels = [*PROPERTIES, *planted_panels(marks)[:1]]
    axes = above.subplots(1, len(panels), sharey=True)
    image: Any = None
    for ax, name in zip(axes, panels, strict=True):
        image = cells(ax, [m for m in marks if m.panel == name], tasks, 20 / len(panels))
        ax.set_title(name.split(":")[0].replace(" ", "\n"))
    axes[0].set_yticks(range(len(tasks)), tasks)
    axes[0].set_ylabel("good at")
    bar = above.colorbar(image, ax=list(axes), shrink=0.7, aspect=16, extend="both")
    bar.outline.set_linewidth(0.4)
    ax = below.subplots()
    ranks(ax, [m for m in marks if m.panel == TAU])
    for m in marks:
        if m.panel == WITHIN:
            ax.plot(m.value, rows.index(m.series), "D", color=BLACK, mfc="white", ms=3.6)
    return settle(figure)


def planted_panels(marks: Sequence[Mark]) -> list[str]:
    """The panels of what is shared by construction, in order; the first of them is drawn."""
    return list(dict.fromkeys(m.panel for m in marks if m.panel.startswith(PLANTED)))


def cells(ax: Any, marks: Sequence[Mark], tasks: Sequence[str], letters: float) -> Any:
    """One property: rows are what a network is good at, columns what is asked of it."""
    n = len(tasks)
    value = np.full((n, n), np.nan)
    for m in marks:
        value[divmod(int(m.at), n)] = m.value
    ax.set_xticks(range(n), tasks, rotation=90)
    return heat(ax, value, letters)


def ranks(ax: Any, marks: Sequence[Mark]) -> None:
    """τ_b of every two properties, with what is said of it."""
    for place, m in enumerate(marks):
        if m.drawn:
            ax.plot([m.low, m.high], [place, place], color=BLACK, lw=1)
            ax.plot(m.value, place, "o", color=BLACK, ms=3.6)
        ax.text(1.04, place, m.flag or m.why, fontsize=6, va="center")
    ax.axvline(0, color=BLACK, lw=0.6, ls=(0, (1, 2)))
    ax.set(xlim=ROOM, ylim=(len(marks) - 0.5, -0.5), xlabel="Kendall τ_b over ordered pairs")
    ax.set_yticks(range(len(marks)), [m.series for m in marks])
