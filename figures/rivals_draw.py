"""Forget loss after relearning against retain loss. Draws marks, reads nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from figures.marks import Mark, series_of
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

FORGET, RETAIN, KEPT = "forget loss", "retain loss", "training kept"
WIDEST = 1.6  # the retain axis ends at this multiple of the least value
METHOD_LOOKS = {
    "route": Look("routed", VERMILLION, "o", "-"),
    "hard": Look("hard experts", BLUE, "s", (0, (4, 1.5))),
    "filter": Look("data filtering", GREEN, "^", (0, (5, 1, 1, 1))),
    "ascent": Look("gradient ascent", PURPLE, "D", (0, (1, 1))),
    "misdirect": Look("misdirection", ORANGE, "v", (0, (3, 1, 1, 1, 1, 1))),
    "distil": Look("noised distillation", SKY, "P", (0, (2, 1))),
    "lora": Look("LoRA, ablated", GREY, "X", (0, (6, 2))),
}
REFERENCE_LOOKS = {
    "ordinary": Look("ordinary", BLACK, "d", (0, (1, 2))),
    "never taught": Look("never taught", BLACK, "*", "none"),
}
LABELS = {name: look.label for name, look in METHOD_LOOKS.items()}


def draw(marks: Sequence[Mark], panels: Sequence[str], before: str, caption: str) -> Any:
    """The figure: a panel for each label fraction, up to three in a row."""
    columns = min(3, max(1, len(panels)))
    rows = -(-len(panels) // columns)
    figure = new_figure(2.5 * rows + 0.45, caption)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    limits = limits_of(marks)
    for i, ax in enumerate(axes.ravel()):
        if i < len(panels):
            ax.set(xlim=limits[RETAIN], ylim=limits[FORGET])
            ax.set_title(panels[i])
            draw_panel(ax, points_of(marks, panels[i]))
            ax.grid(color="#E6E6E6", linewidth=0.5)
        else:
            ax.set_axis_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("forget loss after relearning, nats")
    for ax in axes[-1]:
        ax.set_xlabel(f"retain loss ({before}), nats")
    add_legend(figure, marks)
    return settle(figure)


Point = tuple[Mark, Mark]  # retain, forget


def points_of(marks: Sequence[Mark], panel: str) -> Mapping[str, list[Point]]:
    """The points of one panel by series, in order of their places."""
    of = {axis: [m for m in marks if m.panel == f"{panel}: {axis}"] for axis in (RETAIN, FORGET)}
    found = {}
    for series in dict.fromkeys(m.series for m in of[FORGET]):
        retain, forget = (
            {m.at: m for m in series_of(of[axis], series)} for axis in (RETAIN, FORGET)
        )
        found[series] = [(retain[at], forget[at]) for at in forget if at in retain]
    return found


def limits_of(marks: Sequence[Mark]) -> dict[str, tuple[float, float]]:
    """The axes: all values of forget loss, retain loss up to a multiple of the least."""
    found = {}
    for axis in (RETAIN, FORGET):
        values = [m.value for m in marks if m.panel.endswith(axis) and m.drawn] or [0.0, 1.0]
        low, high = min(values), max(values)
        high = min(high, WIDEST * low) if axis == RETAIN else high
        margin = 0.07 * (high - low or abs(low) or 1.0)
        found[axis] = (low - margin, high + margin)
    return found


def draw_panel(ax: Any, points: Mapping[str, list[Point]]) -> None:
    """Every config small and pale; frontiers and references with intervals both ways."""
    for name, look in METHOD_LOOKS.items():
        own = [place(ax, point) for point in points.get(name, [])]
        if own:
            ax.plot(
                *zip(*own, strict=True), look.marker, color=look.colour, ms=2.2, mew=0, alpha=0.45
            )
        draw_line(ax, points.get(f"{name}, frontier", []), look)
    for name, look in REFERENCE_LOOKS.items():
        draw_line(ax, points.get(name, []), look)


def draw_line(ax: Any, points: Sequence[Point], look: Look) -> None:
    """Points with whiskers both ways, joined in their order."""
    if not points:
        return
    left, right = ax.get_xlim()
    for (retain, forget), (x, y) in zip(points, [place(ax, p) for p in points], strict=True):
        inside = left <= retain.value <= right
        if inside:
            ends = [cut(end, *ax.get_xlim()) for end in (retain.low, retain.high)]
            ax.plot(ends, [y, y], color=look.colour, lw=0.7, alpha=0.8, zorder=3)
        ends = [cut(end, *ax.get_ylim()) for end in (forget.low, forget.high)]
        ax.plot([x, x], ends, color=look.colour, lw=0.7, alpha=0.8, zorder=3)
        marker = look.marker if inside else 5 if retain.value > right else 4  # 4, 5: carets
        ax.plot(x, y, marker=marker, color=look.colour, ms=5 if look.marker == "*" else 4,
                mec="white", mew=0.4, ls="none", clip_on=False, zorder=5)  # fmt: skip
    if look.line != "none":
        ax.plot(*zip(*[place(ax, p) for p in points], strict=True), color=look.colour,
                ls=look.line, lw=0.9, zorder=4)  # fmt: skip


def place(ax: Any, point: Point) -> tuple[float, float]:
    """Where a point is drawn: on the axis' end if it lies beyond."""
    retain, forget = point
    return cut(retain.value, *ax.get_xlim()), cut(forget.value, *ax.get_ylim())


def cut(x: float, low: float, high: float) -> float:
    """The nearest number within the limits."""
    return min(max(x, low), high)


def add_legend(figure: Any, marks: Sequence[Mark]) -> None:
    """The methods and references that are there."""
    from matplotlib.lines import Line2D

    there = {m.series.split(",")[0] for m in marks if m.drawn}
    handles = [
        Line2D([], [], color=k.colour, marker=k.marker, ls=k.line, label=k.label)
        for name, k in {**METHOD_LOOKS, **REFERENCE_LOOKS}.items()
        if name in there
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, handlelength=2.4)
