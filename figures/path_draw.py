"""How alike runs are. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.marks import Mark, series_of
from figures.panels import points, whiskers
from figures.path_cubes import COMPARISONS, ROUTED, SHARED, UNROUTED, UNTRAINED
from figures.style import BLACK, BLUE, VERMILLION, Look, new_figure, settle

LOOKS = {
    ROUTED: Look("routed", VERMILLION, "o", "none", -0.12),
    UNROUTED: Look("not routed", BLUE, "s", "none", 0.12),
    UNTRAINED: Look("not trained, sharing nothing", BLACK, "D", "none", 0.0),
}
COLUMNS = 4


def draw(marks: Sequence[Mark], caption: str) -> Any:
    """A panel for each comparison, and one for where classes live."""
    figure = new_figure(4.6, caption)
    axes = figure.subplots(2, COLUMNS, sharex=False).ravel()
    for place, panel in enumerate(COMPARISONS):
        compared(axes[place], [m for m in marks if m.panel == panel])
        axes[place].set_title(panel)
        labelled(axes[place], place)
    housed(axes[-1], [m for m in marks if m.panel == "lives in the region"])
    legend(figure)
    return settle(figure)


def compared(ax: Any, marks: Sequence[Mark]) -> None:
    """One comparison by what is shared."""
    at = {share: place for place, share in enumerate(SHARED)}
    for name, look in LOOKS.items():
        own = series_of(list(marks), name)
        places = [at[int(m.at)] + look.shift for m in own]
        whiskers(ax, places, own, look.colour)
        points(ax, places, own, look)
    ax.set_xlim(-0.6, len(SHARED) - 0.4)
    ax.axvline(0.5, color="#CCCCCC", lw=0.6)


def labelled(ax: Any, place: int) -> None:
    """What is shared, below the lower panels alone; the upper ones have the same order."""
    below = place >= COLUMNS
    names = list(SHARED.values()) if below else [""] * len(SHARED)
    ax.set_xticks(range(len(SHARED)), names, rotation=90)
    if below:
        ax.set_xlabel("seeds that two runs share")


def housed(ax: Any, marks: Sequence[Mark]) -> None:
    """In which share of runs each class lives in the region."""
    for name in (ROUTED, UNROUTED):
        own, look = series_of(list(marks), name), LOOKS[name]
        places = [m.at + look.shift for m in own]
        whiskers(ax, places, own, look.colour)
        points(ax, places, own, look)
    ax.set_ylim(-0.04, 1.04)
    ax.set_xticks(sorted({int(m.at) for m in marks}))
    ax.set_title("runs that house it in R")
    ax.set_xlabel("class")


def legend(figure: Any) -> None:
    """The three kinds of runs."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=k.colour, marker=k.marker, ls="none", label=k.label)
               for k in LOOKS.values()]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
