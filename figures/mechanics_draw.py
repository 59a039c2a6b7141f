"""How a region comes by a concept. Draws marks, reads nothing."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from figures.marks import Mark, series_of
from figures.panels import arrows, points, whiskers
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

BY_FRACTION = {
    "route": Look("routed", VERMILLION, "o", "-"),
    "placebo": Look("placebo labels", PURPLE, "D", (0, (1, 1)), 0.02),
    "hard": Look("hard", BLUE, "s", (0, (4, 1.5)), -0.02),
    "capacity": Look("not routed", BLACK, "X", "none"),
    "untrained": Look("not trained", GREY, "P", "none", 0.03),
}
COURSES = (VERMILLION, ORANGE, GREEN, SKY)


class Panel(NamedTuple):
    """A panel's title, axes and limits; `rules` are values that mean something.

    What lies beyond the limits is a caret at the edge. scales: of the two axes, by matplotlib's
    names.
    """

    title: str
    below: str
    limits: tuple[float, float]
    rules: tuple[float, ...] = ()
    scales: tuple[str, str] = ("linear", "linear")


COURSE = ("log", "linear")
PANELS = {
    "share": Panel("R's share of the concept", "epoch", (-1.0, 3.0), (0, 1), COURSE),
    "suppression": Panel("suppression of K's gradient", "epoch", (-0.5, 1.1), (0, 1), COURSE),
    "credit": Panel("R's credit from unlabelled F", "label fraction p", (-0.1, 1.1), (0, 0.5, 1)),
    "probe": Panel("probe of K (nats)", "label fraction p", (-0.05, 0.5), (0,)),
    "labels stop": Panel("share, labels stop", "part of training with labels", (-1.0, 3.0), (0, 1),
                         COURSE),
    "gain": Panel("gain of a nudge", "when (part of training)", (-0.5, 1.5), (0, 1)),
    "slope": Panel("self-reinforcement", "label fraction p", (-1.0, 2.0), (0, 1)),
    "form": Panel("form: distance ratio", "label fraction p", (0.5, 60), (1,), ("linear", "log")),
}  # fmt: skip


def draw(marks: Sequence[Mark], caption: str) -> Any:
    """A panel for each question."""
    figure = new_figure(4.4, caption)
    for ax, (name, panel) in zip(figure.subplots(2, 4).ravel(), PANELS.items(), strict=True):
        own = [m for m in marks if m.panel == name]
        ax.set(title=panel.title, xlabel=panel.below)
        ax.set(xscale=panel.scales[0], yscale=panel.scales[1], ylim=panel.limits)
        for rule in panel.rules:
            ax.axhline(rule, color="#CCCCCC", lw=0.6, zorder=0)
        for series, look in looks_of(own).items():
            curve(ax, series_of(own, series), look, panel.scales[0] == "linear")
        if name in ("share", "suppression", "labels stop"):
            named(ax, looks_of(own))
    legend(figure)
    return settle(figure)


def looks_of(marks: Sequence[Mark]) -> Mapping[str, Look]:
    """A look for every series: by arm, or one colour after the other, what is paired hollow-ish."""
    names = list(dict.fromkeys(m.series for m in marks))
    if all(name in BY_FRACTION for name in names):
        return {name: BY_FRACTION[name] for name in names}
    found, colours = {}, {}
    for name in names:
        base = name.removesuffix(", random").removesuffix(", then").removesuffix(", at the end")
        paired = name.endswith((", random", ", then"))
        found[name] = look_of(base, paired, colours, name)
    return found


def look_of(base: str, paired: bool, colours: dict[str, str], name: str) -> Look:
    """The look of one course; a control or an earlier value is dotted."""
    if base == "not routed":
        colour = BLACK
    elif base.startswith("placebo"):
        colour = PURPLE
    else:
        routed = [c for c in COURSES if c not in colours.values()] or [GREY]
        colour = colours.setdefault(base, routed[0])
    dotted = paired or base.startswith("placebo")
    return Look(name.removeprefix("route, "), colour, "." if dotted else "o",
                (0, (1, 1)) if dotted else "-")  # fmt: skip


def curve(ax: Any, own: Sequence[Mark], look: Look, shifted: bool) -> None:
    """Values with their intervals, joined where they lie within the axis."""
    at = [m.at + look.shift * shifted for m in own]
    low, high = ax.get_ylim()
    if look.line != "none":
        within = [m.value if low <= m.value <= high else math.nan for m in own]
        ax.plot(at, within, color=look.colour, ls=look.line, lw=0.9)
    whiskers(ax, at, own, look.colour)
    points(ax, at, own, look)
    arrows(ax, at, own, look.colour)


def named(ax: Any, looks: Mapping[str, Look]) -> None:
    """A legend of its own, for the courses; controls and placebos share one entry."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, ls=look.line, ms=3, label=look.label)
        for name, look in looks.items()
        if not name.endswith(", random") and not name.startswith("placebo")
    ]
    ax.legend(handles=handles, loc="best", fontsize=5.5, handlelength=1.6, labelspacing=0.2)


def legend(figure: Any) -> None:
    """The arms, above all panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, ls=look.line, label=look.label)
        for look in BY_FRACTION.values()
    ]
    handles.append(
        Line2D([], [], color=GREY, marker=".", ls=(0, (1, 1)),
               label="dotted: random units; placebo; when labels stopped")
    )  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=6, handlelength=1.8,
                  columnspacing=1.0)  # fmt: skip
