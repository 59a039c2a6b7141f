"""One panel: arms against label fraction, each value with its interval. Draws on the axes given."""

import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from figures.marks import Mark, series_of, without_zero
from figures.style import GREY, LOOKS, TOLERANCE, Look

BANDS = ("std", "null", "whole")  # references: a line with a band, no markers


class Axis(NamedTuple):
    """How one panel's value axis is drawn; `limits` None: from the values.

    `rule` is a horizontal line at a value that means something.
    """

    label: str
    limits: tuple[float, float] | None = None
    log: bool = False
    rule: float | None = None


def draw(ax: Any, marks: Sequence[Mark], axis: Axis) -> None:
    """Every series of one panel on the matplotlib axes `ax`."""
    low, high = axis.limits or limits_of(marks, axis.log)
    if axis.log:
        ax.set_yscale("log")
        plain_decades(ax, low, high)
    ax.set_ylim(low, high)
    ax.set_xlim(-0.07, 1.09)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.5)
    if axis.rule is not None:
        ax.axhline(axis.rule, color=GREY, linewidth=0.6)
    for series in LOOKS:
        own = series_of(list(marks), series)
        (band if series in BANDS else line)(ax, own, series)
    allowed = series_of(list(marks), "tolerance")
    ax.fill_between(
        [m.at for m in allowed], [clip(ax, m.value) for m in allowed], high, color=TOLERANCE, lw=0,
        zorder=0,
    )  # fmt: skip
    if not any(m.drawn for m in marks):
        say_why(ax, marks)
    for m in marks:
        if m.flag == "claim":
            ax.plot(m.at, 0.95, "*", transform=ax.get_xaxis_transform(), color="black", ms=5)


def band(ax: Any, own: list[Mark], series: str) -> None:
    """A reference: its mean as a line, its interval as a band."""
    look = LOOKS[series]
    at = [m.at for m in own]
    ends = [(clip(ax, m.low), clip(ax, m.high)) for m in own]
    ax.fill_between(at, *zip(*ends, strict=True), color=look.colour, alpha=0.15, lw=0) if own else 0
    ax.plot(at, [m.value for m in own], color=look.colour, linestyle=look.line, lw=0.9, zorder=2)


def line(ax: Any, own: list[Mark], series: str) -> None:
    """An arm: markers with intervals, joined; hollow where the network is damaged."""
    look = LOOKS[series]
    at = [m.at + look.shift for m in own]
    values = [clip(ax, m.value) for m in own]
    if look.line != "none":
        ax.plot(at, values, color=look.colour, linestyle=look.line, lw=0.8, alpha=0.8, zorder=3)
    whiskers(ax, at, own, look.colour)
    points(ax, at, own, look)
    arrows(ax, at, own, look.colour)


def joined(ax: Any, marks: Sequence[Mark], looks: Mapping[str, Look]) -> None:
    """Every series that has a look: its values joined, with their intervals."""
    for name, look in looks.items():
        own = series_of(list(marks), name)
        at = [m.at + look.shift for m in own]
        ax.plot(at, [clip(ax, m.value) for m in own], color=look.colour, ls=look.line, lw=0.8)
        whiskers(ax, at, own, look.colour)
        points(ax, at, own, look)


def points(ax: Any, at: Sequence[float], own: Sequence[Mark], look: Look) -> None:
    """The values, hollow if damaged; a caret stands for one that lies beyond the axis."""
    low, high = ax.get_ylim()
    drawn: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for x, m in zip(at, own, strict=True):
        marker = "v" if m.value < low else "^" if m.value > high else look.marker
        face = "white" if m.flag == "damaged" else look.colour
        drawn.setdefault((marker, face), []).append((x, clip(ax, m.value)))
    size = 4.2 if look.marker == "X" else 3.6
    for (marker, face), places in drawn.items():
        ax.plot(
            *zip(*places, strict=True), marker, color=look.colour, markerfacecolor=face,
            markersize=size, markeredgewidth=0.8, clip_on=False, zorder=5,
        )  # fmt: skip


def arrows(ax: Any, at: Sequence[float], own: Sequence[Mark], colour: str) -> None:
    """A small caret above or below each censored value: the truth lies beyond."""
    from matplotlib.transforms import offset_copy

    for side, marker, censored in ((1, 6, "above"), (-1, 7, "below")):  # 6 and 7: bare carets
        places = [(x, clip(ax, m.value)) for x, m in zip(at, own, strict=True)
                  if m.censored == censored]  # fmt: skip
        if places:
            beside = offset_copy(ax.transData, ax.figure, y=3.2 * side, units="points")
            ax.plot(
                *zip(*places, strict=True), color=colour, marker=marker, ls="none", markersize=3,
                transform=beside, clip_on=False, zorder=5,
            )  # fmt: skip


def whiskers(ax: Any, at: Sequence[float], own: Sequence[Mark], colour: str) -> None:
    """The intervals; one that goes on beyond the axis is faint and has no cap there."""
    bottom, top = ax.get_ylim()
    for open_, alpha in ((False, 1.0), (True, 0.4)):
        some = [(x, m) for x, m in zip(at, own, strict=True)
                if (m.low < bottom or m.high > top) == open_]  # fmt: skip
        ends = [(clip(ax, m.low), clip(ax, m.high)) for _, m in some]
        ax.vlines([x for x, _ in some], [e[0] for e in ends], [e[1] for e in ends], color=colour,
                  lw=0.8, alpha=alpha, zorder=4)  # fmt: skip
    caps = [(x, end) for x, m in zip(at, own, strict=True) for end in (m.low, m.high)
            if bottom < end < top]  # fmt: skip
    if caps:
        ax.plot(*zip(*caps, strict=True), "_", color=colour, ms=3, mew=0.8, zorder=4)


def say_why(ax: Any, marks: Sequence[Mark]) -> None:
    """In a panel without any value, why there is none."""
    reasons = Counter(m.why for m in marks if m.why)
    why = reasons.most_common(1)[0][0] if reasons else "nothing measured"
    ax.text(0.5, 0.6, textwrap.fill(why, 26), transform=ax.transAxes, ha="center", va="center",
            fontsize=6, color="#606060")  # fmt: skip


def clip(ax: Any, y: float) -> float:
    """The nearest place on the value axis."""
    low, high = ax.get_ylim()
    return min(max(y, low), high)


def limits_of(marks: Sequence[Mark], log: bool) -> tuple[float, float]:
    """Limits that show every value, and of the intervals what lies within reach of the values."""
    values = [m.value for m in marks if m.drawn and (m.value > 0 or not log)]
    if not values:
        return (0.1, 1.0) if log else (0.0, 1.0)
    least, most = min(values), max(values)
    if log:
        ends = [e for m in marks for e in (m.low, m.high) if least / 3 < e < most * 3]
        return min([least, *ends]) / 1.25, max([most, *ends]) * 1.25
    reach = 0.5 * (most - least or abs(most) or 1.0)
    ends = [e for m in marks for e in (m.low, m.high) if least - reach < e < most + reach]
    margin = 0.06 * (max([most, *ends]) - min([least, *ends]) or 1.0)
    return min([least, *ends]) - margin, max([most, *ends]) + margin


def plain_decades(ax: Any, low: float, high: float) -> None:
    """Ticks of a log axis as plain numbers: at 1, 2 and 5 where the axis is short."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    steps = (1.0,) if math.log10(high / low) > 2 else (1.0, 3.0)
    steps = (1.0, 2.0, 5.0) if math.log10(high / low) < 1 else steps
    ax.yaxis.set_major_locator(FixedLocator([s * 10.0**d for d in decades for s in steps]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: without_zero(f"{y:g}")))
