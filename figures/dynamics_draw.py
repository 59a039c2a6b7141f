"""Curl, stability and interference. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from figures.dynamics_runs import INTERFERENCE, STABILITY, Measure, panel_name
from figures.marks import Mark, number, series_of
from figures.panels import joined, plain_decades, say_why
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

LOOKS = {
    "parameter": Look("routed by parameter", VERMILLION, "o", "-"),
    "activation": Look("routed by activation", BLUE, "s", (0, (4, 1.5)), 0.02),
    "update": Look("routed by update", GREEN, "^", (0, (5, 1, 1, 1)), -0.02),
    "placebo": Look("placebo labels", PURPLE, "D", (0, (1, 1)), 0.04),
    "hard": Look("hard", SKY, "P", (0, (3, 1)), -0.03),
    "filter": Look("filtered", ORANGE, "v", (0, (3, 1)), 0.03),
    "std": Look("ordinary, 1 − p of F", ORANGE, "p", (0, (1, 2)), 0.03),
    "control": Look("control: labelled, not routed", BLACK, "X", (0, (2, 1)), -0.04),
}
CLOSED, PLANTED, FORETOLD = "closed form", "planted", "foretold"
REACH, STEPS, ETA = 1.5, 60, 0.1  # of the planted panels
RANKS = (SKY, BLACK, ORANGE, GREEN)
STARTS = ((-1.2, 0.9), (0.9, -1.2), (1.3, 1.1), (-0.4, -1.3), (0.2, 1.3))


def draw(marks: Sequence[Mark], lengths: Sequence[int], caption: str) -> Any:
    """A row for each length of training, a column for each measure; planted fields below."""
    figure = new_figure(1.45 * len(lengths) + 2.35, caption)
    above, below = figure.subfigures(2, 1, height_ratios=(1.45 * len(lengths) + 0.5, 1.8))
    grid(above, marks, lengths, STABILITY)
    cases = list(dict.fromkeys(m.panel for m in marks if m.panel.startswith(PLANTED)))
    for ax, case in zip(below.subplots(1, len(cases)), cases, strict=True):
        planted(ax, {m.series: m.value for m in marks if m.panel == case})
    return settle(figure)


def draw_interference(marks: Sequence[Mark], lengths: Sequence[int], caption: str) -> Any:
    """The same for interference; below, which measure foretells the last loss."""
    told = [m for m in marks if m.panel.startswith(FORETOLD)]
    height = 1.45 * len(lengths) + 0.5
    figure = new_figure(height + 1.5 * bool(told), caption)
    if not told:
        grid(figure, marks, lengths, INTERFERENCE)
        return settle(figure)
    above, below = figure.subfigures(2, 1, height_ratios=(height, 1.5))
    grid(above, marks, lengths, INTERFERENCE)
    ranks(below.subplots(1, 1), told)
    return settle(figure)


def grid(figure: Any, marks: Sequence[Mark], lengths: Sequence[int], of: dict[str, Measure]
         ) -> None:  # fmt: skip
    """Panels of measures by lengths, each with a scale of its own."""
    axes = figure.subplots(len(lengths), len(of), sharex=True, squeeze=False)
    for row, length in enumerate(lengths):
        for ax, (name, measure) in zip(axes[row], of.items(), strict=True):
            panel(ax, [m for m in marks if m.panel == panel_name(length, name)], measure)
        axes[row][0].set_ylabel(f"after {length} epochs")
    for top, bottom, measure in zip(axes[0], axes[-1], of.values(), strict=True):
        top.set_title(measure.label)
        bottom.set(xlabel="label fraction p", xlim=(-0.07, 1.09))
    legend(figure, marks)


def panel(ax: Any, marks: Sequence[Mark], measure: Measure) -> None:
    """One measure against label fraction; a log axis where its values span a factor of three."""
    value = [m.value for m in marks if m.drawn]
    wide = measure.log and bool(value) and max(value) > 3 * min(value)
    low, high = measure.limits or ends(marks, measure, wide)
    if wide:
        ax.set_yscale("log")
        plain_decades(ax, low, high)
    ax.set_ylim(low, high)
    ax.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.5)
    if measure.rule is not None and low < measure.rule < high:
        ax.axhline(measure.rule, color=GREY, linewidth=0.7)
    truth = series_of(list(marks), CLOSED)
    ax.plot([m.at for m in truth], [m.value for m in truth], color=GREY, lw=1.6, alpha=0.7)
    joined(ax, marks, LOOKS)
    if not value:
        say_why(ax, marks)


def ends(marks: Sequence[Mark], measure: Measure, wide: bool) -> tuple[float, float]:
    """Limits that show every interval with an end, and on a plain axis the line that matters."""
    every = [x for m in marks if m.drawn for x in (m.value, m.low, m.high) if np.isfinite(x)]
    if not every:
        return 0.0, 1.0
    if wide:
        return min(every) / 1.25, max(every) * 1.25
    ruled = [measure.rule] if measure.rule is not None and not measure.log else []
    low, high = min([*every, *ruled]), max([*every, *ruled])
    margin = 0.06 * (high - low) + max(measure.span - (high - low), 0) / 2
    return low - (margin or 0.05), high + (margin or 0.05)


def ranks(ax: Any, marks: Sequence[Mark]) -> None:
    """Rank correlations, one measure below the other; an earlier length above a later one."""
    panels = list(dict.fromkeys(m.panel for m in marks))
    for i, name in enumerate(panels):
        own, colour = [m for m in marks if m.panel == name], RANKS[i % len(RANKS)]
        shift = 0.22 * (2 * i - len(panels) + 1)
        for m in own:
            at = m.at + shift
            ax.plot([max(m.low, -1), min(m.high, 1)], [at, at], color=colour, lw=1)
            ax.plot(m.value, at, "o", color=colour, ms=3.6)
        ax.plot([], [], "o-", color=colour, label=name.removeprefix(f"{FORETOLD} "))
    places = {m.at: m.series for m in marks}
    ax.axvline(0, color=GREY, lw=0.7)
    ax.set(xlim=(-1.02, 1.02), ylim=(len(places) - 0.5, -0.5),
           xlabel="rank correlation with the training loss after the last length")  # fmt: skip
    ax.set_yticks(list(places), list(places.values()))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def planted(ax: Any, said: dict[str, float]) -> None:
    """The field −F of two coupled losses, and training from a few starts."""
    jacobian = np.array([[1.0, said["a"]], [said["b"], 1.0]])
    side = np.linspace(-REACH, REACH, 11)
    x, y = np.meshgrid(side, side)
    u, v = -(jacobian @ np.stack([x.ravel(), y.ravel()]))
    length = np.maximum(np.hypot(u, v), 1e-9)
    ax.quiver(x.ravel(), y.ravel(), u / length, v / length, color=GREY, width=0.006, scale=17)
    for start in STARTS:
        path = trajectory(jacobian, np.array(start))
        ax.plot(*path.T, color=VERMILLION, lw=0.9)
        ax.plot(*start, "o", color=VERMILLION, ms=2.6)
    ax.plot(0, 0, "o", color=BLACK, ms=2.6)
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=(), yticks=())
    case = f"a = {said['a']:g}, b = {said['b']:g}".replace("-", "−")
    ax.set_title(f"{case}, curl {number(said['curl'])}\nλ = {lambdas(said)}", fontsize=6.5)


def trajectory(jacobian: np.ndarray, start: np.ndarray) -> np.ndarray:
    """θ, θ − ηJθ, …"""
    path = [start]
    for _ in range(STEPS):
        path.append(path[-1] - ETA * jacobian @ path[-1])
    return np.array(path)


def lambdas(said: dict[str, float]) -> str:
    """Both eigenvalues, for a title."""
    if said["Im λ"]:
        return f"{number(said['greatest Re λ'])} ± {number(abs(said['Im λ']))} i"
    return f"{number(said['least Re λ'])}, {number(said['greatest Re λ'])}"


def legend(figure: Any, marks: Sequence[Mark]) -> None:
    """The series that are there, with the number of seeds."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, ls=look.line,
               label=f"{look.label} (n = {seeds_of(marks, name)})")
        for name, look in LOOKS.items() if any(m.series == name for m in marks)
    ]  # fmt: skip
    if any(m.series == CLOSED for m in marks):
        handles.append(Line2D([], [], color=GREY, lw=1.6, label="closed form"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4, columnspacing=1.0)


def seeds_of(marks: Sequence[Mark], series: str) -> str:
    """The number of seeds, or its range."""
    found = sorted({m.n for m in marks if m.series == series})
    return f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"
