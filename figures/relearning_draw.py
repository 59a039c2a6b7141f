"""Forget loss against the budget of an attack. Draws marks, reads nothing."""

from collections.abc import Sequence
from typing import Any

from figures.marks import Mark, series_of
from figures.panels import clip, limits_of, points, whiskers
from figures.rivals_draw import METHOD_LOOKS, REFERENCE_LOOKS, add_legend
from figures.style import new_figure, settle

LABELS = {"steps": "attack steps", "examples": "forget examples in the attack"}


def draw(marks: Sequence[Mark], panels: Sequence[str], caption: str) -> Any:
    """The figure: a row for each label fraction, steps on the left and examples on the right."""
    figure = new_figure(1.75 * len(panels) + 0.6, caption)
    axes = figure.subplots(len(panels), 2, sharex="col", sharey=True, squeeze=False)
    limits = limits_of(marks, log=False)
    for row, panel in zip(axes, panels, strict=True):
        for ax, budget in zip(row, LABELS, strict=True):
            ax.set_ylim(limits)
            draw_panel(ax, [m for m in marks if m.panel == f"{panel}: {budget}"], budget)
            ax.set_title(panel)
        row[0].set_ylabel("forget loss, nats")
    for ax, label in zip(axes[-1], LABELS.values(), strict=True):
        ax.set_xlabel(label)
    add_legend(figure, marks)
    return settle(figure)


def draw_panel(ax: Any, marks: Sequence[Mark], budget: str) -> None:
    """One line for each method; examples in even steps of their own order."""
    looks = METHOD_LOOKS | {"never taught": REFERENCE_LOOKS["never taught"]._replace(line=":")}
    there = [series for series in looks if series_of(list(marks), series)]
    places = sorted({m.at for m in marks})
    width = (places[-1] - places[0]) if budget == "steps" and len(places) > 1 else len(places) - 1
    for i, series in enumerate(there):
        own, look = series_of(list(marks), series), looks[series]
        shift = 0.012 * (i - (len(there) - 1) / 2) * (width or 1)
        at = [shift + (m.at if budget == "steps" else places.index(m.at)) for m in own]
        ax.plot(at, [clip(ax, m.value) for m in own], color=look.colour, ls=look.line, lw=0.8)
        whiskers(ax, at, own, look.colour)
        points(ax, at, own, look)
    ticks = places if budget == "steps" else range(len(places))
    ax.set_xticks(list(ticks), [f"{at:g}" for at in places])
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.5)
