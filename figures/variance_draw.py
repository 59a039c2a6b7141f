"""Components of variance. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.apart import in_lines
from figures.marks import Mark, number
from figures.style import BLACK, BLUE, GREY, VERMILLION, new_figure, settle

COLUMNS = 4
ROOM = (-0.25, 1.1)  # of shares; what lies beyond is drawn to the edge


def draw(marks: Sequence[Mark], caption: str) -> Any:
    """A panel for each score of each design, its components one below the other."""
    panels = list(dict.fromkeys(m.panel for m in marks))
    rows = -(-len(panels) // COLUMNS)
    figure = new_figure(1.75 * rows + 0.2, caption)
    axes = figure.subplots(rows, COLUMNS, squeeze=False)
    for place, (ax, panel) in enumerate(zip(axes.ravel(), panels, strict=True)):
        components(ax, [m for m in marks if m.panel == panel], place % COLUMNS == 0)
        if place >= len(panels) - COLUMNS:
            ax.set_xlabel("share of variance")
    return settle(figure)


def components(ax: Any, marks: Sequence[Mark], named: bool) -> None:
    """Shares with intervals; main effects in one colour, interactions in another."""
    own = [m for m in marks if m.at >= 0]
    mean, spread = (next(m for m in marks if m.at == at) for at in (-2, -1))
    for m in own:
        colour = GREY if "rerun" in m.series else BLUE if ":" in m.series else VERMILLION
        low, high = max(m.low, ROOM[0]), min(m.high, ROOM[1])
        ax.plot([low, high], [m.at, m.at], color=colour, lw=1.1)
        if m.drawn and not m.flag:
            ax.plot(m.value, m.at, "o", color=colour, ms=3.6)
        if not m.drawn:
            ax.text(0.02, m.at, m.why, fontsize=5, va="center")
    ax.axvline(0, color=BLACK, lw=0.6, ls=(0, (1, 2)))
    ax.set(xlim=ROOM, ylim=(len(own) - 0.5, -0.5))
    ax.set_yticks(range(len(own)), [m.series for m in own] if named else [""] * len(own))
    task, score = marks[0].panel.rsplit(": ", 1)
    ax.set_title(
        f"{in_lines(task)}\n{score}\n{number(mean.value)}, SD {number(spread.value)}", fontsize=6.5
    )
