"""Fixed points of the masked update. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.apart import in_lines
from figures.marks import Mark, series_of
from figures.panels import joined, say_why
from figures.style import BLACK, BLUE, GREY, ORANGE, SKY, VERMILLION, Look, new_figure, settle

PLACE = "where it rests"
COLUMNS = ("find a root", "… a stable root", "… training's", "distinct losses", PLACE)
CLOSED = "closed form"
LOOKS = {
    "solver, routed": Look("solver, routed", ORANGE, "s", (0, (4, 1.5)), -0.03),
    "flow, routed": Look("flow, routed", VERMILLION, "o", "-", 0.0),
    "training, routed": Look("training, routed", BLUE, "D", (0, (1, 1)), 0.06),
    "solver, control": Look("solver, not routed", GREY, "P", (0, (3, 1)), -0.06),
    "flow, control": Look("flow, not routed", BLACK, "X", (0, (2, 1)), 0.03),
    "training, control": Look("training, not routed", SKY, "^", (0, (1, 2)), 0.09),
}
ROW_IN = 1.25


def draw(marks: Sequence[Mark], studies: Sequence[str], caption: str) -> Any:
    """A row for each network, a column for each measure."""
    figure = new_figure(ROW_IN * len(studies) + 0.55, caption)
    axes = figure.subplots(len(studies), len(COLUMNS), squeeze=False)
    for row, study in zip(axes, studies, strict=True):
        for ax, column in zip(row, COLUMNS, strict=True):
            panel(ax, [m for m in marks if m.panel == f"{study}: {column}"], column)
        row[0].set_ylabel(in_lines(study))
        row[-1].set_title(f"{'kept share' if study.startswith('paths') else 'distance'}", pad=2)
    for ax, column in zip(axes[0], COLUMNS[:-1], strict=False):
        ax.set_title(f"starts that\n{column}" if column != COLUMNS[3] else column)
    for ax in axes[-1]:
        ax.set_xlabel("label fraction p")
    legend(figure, marks)
    return settle(figure)


def panel(ax: Any, marks: Sequence[Mark], column: str) -> None:
    """One measure against label fraction; shares from 0 to 1."""
    ax.set_ylim(*limits(marks, column))
    ax.set_xlim(-0.12, 1.16)
    ax.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.5)
    for series in (CLOSED, f"{CLOSED}, control"):
        truth = series_of(list(marks), series)
        ax.plot([m.at for m in truth], [m.value for m in truth], color=GREY, lw=2.2, alpha=0.5)
    joined(ax, marks, LOOKS)
    if not any(m.drawn for m in marks):
        say_why(ax, marks)


def limits(marks: Sequence[Mark], column: str) -> tuple[float, float]:
    """Shares whole; others from 0 and the values, and of intervals what lies near."""
    if column in COLUMNS[:3]:
        return -0.06, 1.06
    values = [m.value for m in marks if m.drawn]
    if not values:
        return 0.0, 1.0
    low, high = min([0.0, *values]), max([*values, 0.0])
    reach = 1.3 * (high - low or 1.0)
    ends = [x for m in marks if m.drawn for x in (m.low, m.high) if low - reach < x < high + reach]
    low, high = min([low, *ends]), max([high, *ends])
    margin = 0.06 * (high - low or 1.0)
    return low - margin, high + margin


def legend(figure: Any, marks: Sequence[Mark]) -> None:
    """The series that are there, with the number of seeds."""
    from matplotlib.lines import Line2D

    handles = []
    for name, look in LOOKS.items():
        seeds = sorted({m.n for m in marks if m.series == name})
        if seeds:
            handles.append(Line2D([], [], color=look.colour, marker=look.marker, ls=look.line,
                                  label=f"{look.label} (n = {seeds[-1]})"))  # fmt: skip
    if any(m.series == CLOSED for m in marks):
        handles.append(Line2D([], [], color=GREY, lw=2.2, alpha=0.5, label="closed form"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4, columnspacing=1.0)
