"""Entanglement frontiers. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.apart import in_lines
from figures.marks import Mark, series_of
from figures.style import BLACK, BLUE, GREEN, VERMILLION, Look, new_figure, settle

LOOKS = {
    "asked": Look("A against B", VERMILLION, "o", "-"),
    "identical": Look("identical tasks", BLUE, "s", (0, (4, 1.5))),
    "separable": Look("separable tasks", GREEN, "^", (0, (5, 1, 1, 1))),
}
ROOM = (-0.25, 1.25)  # of both axes; what lies beyond is drawn at the edge
NUMBERS = (-0.25, 2.05)


def draw(marks: Sequence[Mark], tasks: Sequence[str], caption: str) -> Any:
    """The figure: a row for each task, frontiers on the left, numbers on the right."""
    figure = new_figure(2.5 * len(tasks) + 0.3, caption)
    axes = figure.subplots(len(tasks), 2, squeeze=False, width_ratios=[1.15, 1])
    for (left, right), task in zip(axes, tasks, strict=True):
        frontiers(left, marks, task)
        numbers(right, [m for m in marks if m.panel == f"{task}: numbers"])
        left.set_title(in_lines(task))
    legend(figure)
    return settle(figure)


def frontiers(ax: Any, marks: Sequence[Mark], task: str) -> None:
    """Configs as dots, surfaces as steps."""
    for name, look in LOOKS.items():
        of = {axis: series_of([m for m in marks if m.panel == f"{task}: {axis}"], name)
              for axis in ("a", "b", "surface")}  # fmt: skip
        b_at = {m.at: m for m in of["b"]}
        points = [(cut(m.value), cut(b_at[m.at].value)) for m in of["a"] if m.at in b_at]
        if points:
            ax.plot(*zip(*points, strict=True), look.marker, color=look.colour, ms=3, mew=0,
                    alpha=0.5)  # fmt: skip
        alpha = [m.at for m in of["surface"]]
        ax.step(alpha, [m.value for m in of["surface"]], where="post", color=look.colour,
                ls=look.line, lw=1.1)  # fmt: skip
        ax.fill_between(alpha, [m.low for m in of["surface"]], [m.high for m in of["surface"]],
                        step="post", color=look.colour, alpha=0.15, lw=0)  # fmt: skip
    ax.plot([0, 1], [0, 1], color=BLACK, lw=0.6, ls=(0, (1, 2)))
    ax.set(xlim=ROOM, ylim=ROOM, xlabel="a, elicited capability of A", ylabel="b, capability of B")
    ax.grid(color="#E6E6E6", linewidth=0.5)


def numbers(ax: Any, marks: Sequence[Mark]) -> None:
    """Each number with its interval, one below the other."""
    for place, m in enumerate(marks):
        look = LOOKS.get(m.series.rpartition(", ")[2], LOOKS["asked"])
        ends = [min(max(end, NUMBERS[0]), NUMBERS[1]) for end in (m.low, m.high)]
        if m.drawn:
            ax.plot(ends, [place, place], color=look.colour, lw=1.0)
            ax.plot(min(max(m.value, NUMBERS[0]), NUMBERS[1]), place, look.marker,
                    color=look.colour, ms=4, mec="white", mew=0.4, clip_on=False)  # fmt: skip
        else:
            ax.text(0.02, place, m.why, fontsize=6, va="center")
    ax.set_yticks(range(len(marks)), [m.series for m in marks])
    ax.set(xlim=NUMBERS, ylim=(len(marks) - 0.4, -0.6))
    for x in (0.0, 1.0):
        ax.axvline(x, color=BLACK, lw=0.6, ls=(0, (1, 2)))


def cut(x: float) -> float:
    """The nearest number that the axes show."""
    return min(max(x, ROOM[0]), ROOM[1])


def legend(figure: Any) -> None:
    """The three pairs."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=k.colour, marker=k.marker, ls=k.line, label=k.label)
               for k in LOOKS.values()]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=3, handlelength=2.4)
