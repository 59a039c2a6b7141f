"""Forget loss against the budget of an attack. Draws marks, reads nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from figures.marks import Mark, series_of
from figures.panels import clip, limits_of, plain_decades, points, whiskers
from figures.rivals_draw import METHOD_LOOKS, REFERENCE_LOOKS, add_legend
from figures.style import Look, new_figure, settle

LOOKS = METHOD_LOOKS | {
    "never taught": REFERENCE_LOOKS["never taught"]._replace(line=":"),
    "ordinary": REFERENCE_LOOKS["ordinary"],
}
LABELS = {"steps": "attack steps", "examples": "forget examples in the attack"}


def draw(marks: Sequence[Mark], panels: Sequence[str], caption: str) -> Any:
    """The figure of methods, with their legend."""
    figure = curves(marks, panels, caption, LOOKS, "forget loss, nats", log=True)
    add_legend(figure, marks)
    return settle(figure)


def curves(marks: Sequence[Mark], panels: Sequence[str], caption: str, looks: Mapping[str, Look],
           unit: str, log: bool = False) -> Any:  # fmt: skip
    """A row for each label fraction, steps on the left and examples on the right."""
    figure = new_figure(1.75 * len(panels) + 0.6, caption)
    axes = figure.subplots(len(panels), 2, sharex="col", sharey=True, squeeze=False)
    limits = limits_of([m for m in marks if m.panel.split(":")[0] in panels], log)
    for row, panel in zip(axes, panels, strict=True):
        for ax, budget in zip(row, LABELS, strict=True):
            ax.set(ylim=limits, yscale="log" if log else "linear")
            own = [m for m in marks if m.panel == f"{panel}: {budget}"]
            draw_panel(ax, own, budget, looks)
            ax.set_title(panel)
        row[0].set_ylabel(unit)
        if log:
            plain_decades(row[0], *limits)
    for ax, label in zip(axes[-1], LABELS.values(), strict=True):
        ax.set_xlabel(label)
    return figure


def draw_panel(ax: Any, marks: Sequence[Mark], budget: str, looks: Mapping[str, Look]) -> None:
    """One line for each method; examples in even steps of their own order."""
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
