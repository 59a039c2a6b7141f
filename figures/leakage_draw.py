"""Leakage by label fraction, by parameters, and its slope. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.apart import in_lines
from figures.grid import add_legend
from figures.marks import Mark, series_of
from figures.panels import Axis, clip, limits_of, points, whiskers
from figures.panels import draw as draw_arms
from figures.style import BLACK, GREY, Look, new_figure, settle

LEAK, RETAIN, SIZES, SLOPE = "leakage", "retain loss", "leakage by parameters", "slope"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
TOP = 1.6  # of the axis of leakage
AXES = {LEAK: Axis("leakage", (-0.05, TOP), rule=0.0), RETAIN: Axis("retain loss, nats")}


def draw(marks: Sequence[Mark], sizes: Sequence[str], caption: str) -> Any:
    """The figure: leakage and retain loss for each size, below them leakage against size."""
    figure = new_figure(4.6, caption)
    above, below = figure.subfigures(2, 1, height_ratios=(2.9, 1.6))
    axes = above.subplots(2, len(sizes), sharex=True, squeeze=False)
    for c, size in enumerate(sizes):
        axes[0][c].set_title(in_lines(size))
        for r, what in enumerate((LEAK, RETAIN)):
            own = [m for m in marks if m.panel == f"{size}: {what}"]
            draw_arms(axes[r][c], own, AXES[what])
            if c == 0:
                axes[r][c].set_ylabel(AXES[what].label)
        axes[0][c].axhline(1, color=GREY, lw=0.6, ls=(0, (3, 2)))
        axes[1][c].set_xlabel("label fraction p")
    add_legend(above, [m for m in marks if ": " in m.panel])
    left, right = below.subplots(1, 2, width_ratios=(1.5, 1))
    draw_sizes(left, [m for m in marks if m.panel == SIZES])
    draw_slopes(right, [m for m in marks if m.panel == SLOPE])
    return settle(figure)


def draw_sizes(ax: Any, marks: Sequence[Mark]) -> None:
    """Leakage against parameters, a line for each label fraction."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    series = sorted({m.series for m in marks}, key=lambda s: float(s.split("= ")[1]))
    ax.set_xscale("log")
    ax.set_ylim(-0.05, TOP)
    for i, name in enumerate(series):
        colour = to_hex(colormaps["cividis"](0.9 * i / max(1, len(series) - 1)))
        own = series_of(list(marks), name)
        at = [m.at * 1.035 ** (i - (len(series) - 1) / 2) for m in own]
        ax.plot(at, [clip(ax, m.value) for m in own], color=colour, lw=0.8, alpha=0.8)
        whiskers(ax, at, own, colour)
        points(ax, at, own, Look(name, colour, MARKERS[i % len(MARKERS)], "-"))
        ax.plot([], [], MARKERS[i % len(MARKERS)], color=colour, label=name, ls="-")
    places = sorted({m.at for m in marks})
    ax.xaxis.set_major_locator(FixedLocator(places))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: thousands(x)))
    if places:
        ax.set_xlim(places[0] / 1.5, places[-1] * 1.5)
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.5)
    ax.axhline(1, color=GREY, lw=0.6, ls=(0, (3, 2)))
    ax.set_xlabel("parameters without embeddings")
    ax.set_ylabel("leakage, routed")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.05), handlelength=1.6)


def draw_slopes(ax: Any, marks: Sequence[Mark]) -> None:
    """The slope against p; 0 is the null."""
    low, high = limits_of(marks, log=False)
    axis = Axis("leakage per\ntenfold parameters", (min(low, -0.1), max(high, 0.1)))
    draw_arms(ax, marks, axis)
    ax.axhline(0, color=BLACK, lw=0.6, ls=(0, (3, 2)))
    ax.set_ylabel(axis.label)
    ax.set_xlabel("label fraction p")


def thousands(x: float) -> str:
    """Such as "98k" or "1.2M"."""
    return f"{x / 1e6:.3g}M" if x >= 1e6 else f"{x / 1e3:.3g}k"
