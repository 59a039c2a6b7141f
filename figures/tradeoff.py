"""The raw tradeoff of a search: the lowest loss on B where an attack leaves A at a loss of τ.

Unlike capabilities, losses need no scale: where an attack teaches a random start the whole task,
nothing else is left to read.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from absorb.stats.entanglement import least_loss
from absorb.stats.intervals import mean_t
from figures.frontier_draw import LOOKS, legend
from figures.frontier_pairs import Search, Study
from figures.marks import Mark, mark, series_of
from figures.page import Page
from figures.style import GREY, new_figure, settle

GRID = 25  # values of τ
BEYOND = 1.25  # of what is elicited from a random start: more than that is damage
REFERENCES = {"cannot": ("a random start", (0, (1, 2))), "can": ("both learned", (0, (4, 2)))}


def tradeoff_page(whole: Sequence[Study]) -> Page:
    """The figure of all studies."""
    marks = [m for study in whole for m in marks_of(study)]
    tasks, caption = [study.task for study in whole], caption_of(whole)
    return Page("tradeoff", lambda: draw(marks, tasks, caption), marks, caption)


def marks_of(study: Study) -> list[Mark]:
    """T(τ) of every search, and what the attack elicits from its references."""
    marks, tau_G = [], grid(list(study.searches.values()))
    for name, search in study.searches.items():
        marks += [
            mark(f"{study.task}: T(τ)", name, one.tau, one.loss, said(search, one.config))
            for one in least_loss(search.elicited_CS, search.loss_CS, tau_G)
        ]
        for kind, loss_S in (("cannot", search.cannot_S), ("can", search.can_S)):
            marks.append(mark(f"{study.task}: {kind}", name, 0, mean_t(loss_S)))
    return marks


def grid(searches: Sequence[Search]) -> np.ndarray:
    """Values of τ from the least elicited loss of any config to beyond that of random starts."""
    least = min(np.nanmin(search.elicited_CS.mean(axis=1)) for search in searches)
    cannot = max(float(search.cannot_S.mean()) for search in searches)
    return np.linspace(least, BEYOND * cannot, GRID)


def said(search: Search, config: int | None) -> str:
    """The config that was chosen."""
    return "" if config is None else f"{search.methods[config]}: {search.words[config]}"


def draw(marks: Sequence[Mark], tasks: Sequence[str], caption: str) -> Any:
    """A panel for each task."""
    figure = new_figure(2.9, caption)
    axes = figure.subplots(1, len(tasks), squeeze=False)[0]
    for ax, task in zip(axes, tasks, strict=True):
        for name, look in LOOKS.items():
            own = series_of([m for m in marks if m.panel == f"{task}: T(τ)"], name)
            tau = [m.at for m in own]
            ax.step(tau, [m.value for m in own], color=look.colour, ls=look.line, lw=1.1)
            ax.fill_between(tau, [m.low for m in own], [m.high for m in own], color=look.colour,
                            step="pre", alpha=0.15, lw=0)  # fmt: skip
        references(ax, marks, task)
        ax.set(title=task, yscale="log", xlabel="τ, what is elicited of A is at least this loss",
               ylabel="lowest loss on B")  # fmt: skip
        ax.grid(color="#E6E6E6", linewidth=0.5)
    legend(figure)
    return settle(figure)


def references(ax: Any, marks: Sequence[Mark], task: str) -> None:
    """What the attack elicits from a random start and from a network that learned both tasks."""
    for kind, (words, line) in REFERENCES.items():
        (m,) = (m for m in marks if (m.panel, m.series) == (f"{task}: {kind}", "asked"))
        ax.axvline(m.value, color=GREY, lw=0.8, ls=line)
        ax.text(m.value, 0.99, f" {words}", transform=ax.get_xaxis_transform(), rotation=90,
                va="top", ha="right", fontsize=5.5)  # fmt: skip


def caption_of(whole: Sequence[Study]) -> str:
    """What a reader has to know."""
    first = whole[0]
    report = len(first.seeds) - len(first.seeds) // 2
    pairs = "; ".join(f"{name}: {search.pair}" for name, search in first.searches.items())
    return (
        f"{sum(study.runs for study in whole)} runs, {len(first.seeds)} seeds. {pairs}.\n"
        "Of the configs from which the strongest attack elicits a loss on A of at least τ, the one"
        " of lowest loss on B, chosen on half of the seeds; the loss on B of the others, shaded:"
        f" 95 %, t over {report} seeds. A line ends where no config reaches τ. Classification in"
        " nats, reconstruction in squared error. Upright lines: what the same attack elicits from a"
        " random start and from a network that learned both tasks, for the pair that is asked."
    )
