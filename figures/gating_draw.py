"""Points with intervals both ways: a colour for each gate, a marker for each concept."""

from collections.abc import Mapping, Sequence
from typing import Any

from figures.marks import Mark
from figures.panels import limits_of
from figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    new_figure,
    settle,
)

COST = "cost"
PARTS = ("localised", "absorbed")
LABELS = {"localised": "localised, nats", "absorbed": "absorbed share"}
SHARES = (-0.5, 1.6)  # the axis of absorbed shares
COLOURS = (VERMILLION, BLUE, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")


def draw(
    marks: Sequence[Mark], panels: Sequence[str], gates: Sequence[str], levels: Sequence[str],
    caption: str,
) -> Any:  # fmt: skip
    """The figure: a column for each label fraction; absorbed shares above, nats below."""
    parts = [part for part in reversed(PARTS) if any_drawn(marks, part)] or [PARTS[0]]
    figure = new_figure(1.9 * len(parts) + 0.6, caption)
    axes = figure.subplots(len(parts), len(panels), sharex=True, sharey="row", squeeze=False)
    cost = with_zero([m for m in marks if m.panel.endswith(f": {COST}")])
    looks = looks_of(gates, levels)
    for row, part in zip(axes, parts, strict=True):
        own = [m for m in marks if m.panel.endswith(f": {part}")]
        limits = SHARES if part == "absorbed" else with_zero(own)
        for ax, panel in zip(row, panels, strict=True):
            ax.set(xlim=cost, ylim=limits)
            draw_panel(ax, of_panel(marks, panel, COST), of_panel(marks, panel, part), looks)
            say_nothing(ax, of_panel(marks, panel, part))
        row[0].set_ylabel(LABELS[part])
    for ax, panel in zip(axes[0], panels, strict=True):
        ax.set_title(panel)
    for ax in axes[-1]:
        ax.set_xlabel("retain loss, ablated minus unrouted, nats")
    add_legend(figure, gates, levels)
    return settle(figure)


def with_zero(marks: Sequence[Mark]) -> tuple[float, float]:
    """Limits that show every value and 0, the null."""
    return limits_of([*marks, Mark("", "", 0.0, 0.0, 0.0, 0.0, 0)], log=False)


def any_drawn(marks: Sequence[Mark], part: str) -> bool:
    """Whether a part has a value anywhere."""
    return any(m.drawn for m in marks if m.panel.endswith(f": {part}"))


def of_panel(marks: Sequence[Mark], panel: str, part: str) -> Mapping[str, Mark]:
    """The marks of one panel by series."""
    return {m.series: m for m in marks if m.panel == f"{panel}: {part}"}


def looks_of(gates: Sequence[str], levels: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of every gate and concept."""
    return {
        f"{gate}; {level}": (COLOURS[i % len(COLOURS)], MARKERS[j % len(MARKERS)])
        for i, gate in enumerate(gates)
        for j, level in enumerate(levels)
    }


def draw_panel(
    ax: Any, cost: Mapping[str, Mark], value: Mapping[str, Mark],
    looks: Mapping[str, tuple[str, str]],
) -> None:  # fmt: skip
    """One point for each gate and concept, and 0 on both axes."""
    ax.axhline(0, color=GREY, lw=0.6)
    ax.axvline(0, color=GREY, lw=0.6)
    ax.grid(color="#EEEEEE", linewidth=0.4)
    for series, (colour, marker) in looks.items():
        x, y = cost.get(series), value.get(series)
        if x is None or y is None or not (x.drawn and y.drawn):
            continue
        across, up = ends_within(x, *ax.get_xlim()), ends_within(y, *ax.get_ylim())
        at = within(x.value, *ax.get_xlim()), within(y.value, *ax.get_ylim())
        for m, limits, ends in ((x, ax.get_xlim(), across), (y, ax.get_ylim(), up)):
            faint = m.low < limits[0] or m.high > limits[1]
            line = (ends, [at[1]] * 2) if m is x else ([at[0]] * 2, ends)
            ax.plot(*line, color=colour, lw=0.8, alpha=0.4 if faint else 1.0, zorder=3)
        ax.plot(*at, marker, color=colour, ms=4.2, mec="white", mew=0.4, clip_on=False, zorder=5)


def ends_within(m: Mark, low: float, high: float) -> list[float]:
    """The ends of an interval, cut to the axis."""
    return [within(end, low, high) for end in (m.low, m.high)]


def within(x: float, low: float, high: float) -> float:
    """The nearest number within the limits."""
    return min(max(x, low), high)


def say_nothing(ax: Any, value: Mapping[str, Mark]) -> None:
    """In a panel without values, why there are none."""
    if value and not any(m.drawn for m in value.values()):
        why = next(iter(value.values())).why
        ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", fontsize=6, color="#606060")


def add_legend(figure: Any, gates: Sequence[str], levels: Sequence[str]) -> None:
    """Colours for gates, black markers for concepts."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], lw=3, label=gate_label(gate))
        for i, gate in enumerate(gates)
    ]
    handles += [
        Line2D([], [], color="black", marker=MARKERS[j % len(MARKERS)], ls="none", label=level)
        for j, level in enumerate(levels)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(7, len(handles)))


def gate_label(gate: str) -> str:
    """Such as "no gate" or "learned gate, ablated every 4"."""
    kind, comma, rest = gate.partition(",")
    return ("no gate" if kind == "none" else f"{kind} gate") + comma + rest
