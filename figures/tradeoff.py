"""The raw tradeoff of a search: the lowest loss on B where an attack leaves A at a loss of τ.

Losses need no scale within a pair: where an attack teaches a random start nearly the whole task,
capabilities cannot be told, and this is left to read.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from absorb.stats.entanglement import Tradeoff, least_loss
from absorb.stats.frontier import halves
from absorb.stats.intervals import mean_t
from figures.apart import in_lines
from figures.frontier_draw import LOOKS, legend
from figures.frontier_pairs import Search, Study
from figures.marks import Mark, mark, series_of
from figures.page import Page
from figures.panels import say_why
from figures.style import GREY, new_figure, settle

GRID = 25  # values of τ


def tradeoff_page(whole: Sequence[Study]) -> Page:
    """The figure of all studies."""
    marks = [m for study in whole for m in marks_of(study)]
    tasks, caption = [study.task for study in whole], caption_of(whole)
    return Page("tradeoff", lambda: draw(marks, tasks, caption), marks, caption)


def marks_of(study: Study) -> list[Mark]:
    """T(τ) of every search, what is elicited there, and what references give up."""
    marks: list[Mark] = []
    for name, search in study.searches.items():
        for one in tradeoff(search):
            flag = said(search, one.config)
            marks.append(mark(f"{study.task}: T(τ)", name, one.tau, one.loss, flag))
            marks.append(mark(f"{study.task}: elicited", name, one.tau, one.elicited, flag))
        for kind, loss_S in (("cannot", search.cannot_S), ("can", search.can_S)):
            marks.append(mark(f"{study.task}: {kind}", name, 0, mean_t(loss_S)))
    return marks


def tradeoff(search: Search) -> list[Tradeoff]:
    """T(τ) up to what the attack elicits from a random start: who cannot is at no more of a loss.

    A random start that answers B by the best constant is a config as well: it costs all of B.
    """
    elicited_CS = np.vstack([search.elicited_CS, search.cannot_S])
    loss_CS = np.vstack([search.loss_CS, search.constant_S])
    select = halves(range(elicited_CS.shape[1])).select
    mean_C = search.elicited_CS.mean(axis=1)
    if not np.isfinite(mean_C).any():
        return []  # every config lost a run
    least = np.nanmin(mean_C)
    most = search.cannot_S[select].mean()
    return least_loss(elicited_CS, loss_CS, np.linspace(min(least, most), most, GRID))


def said(search: Search, config: int | None) -> str:
    """The config that was chosen."""
    if config == len(search.words):
        return "a random start with a constant"
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
            ax.plot(tau[-1:], [m.value for m in own[-1:]], look.marker, color=look.colour, ms=5)
        both_learned(ax, marks, task)
        own = [m for m in marks if m.panel == f"{task}: T(τ)"]
        if any(m.drawn for m in own):
            ax.set_yscale("log")
        else:
            say_why(ax, own)
        ax.set(title=in_lines(task), ylabel="lowest loss on B",
               xlabel="τ, what is elicited of A is at least this loss")  # fmt: skip
        ax.grid(color="#E6E6E6", linewidth=0.5)
    legend(figure)
    return settle(figure)


def both_learned(ax: Any, marks: Sequence[Mark], task: str) -> None:
    """What the attack elicits from a network that learned both tasks."""
    (m,) = (m for m in marks if (m.panel, m.series) == (f"{task}: can", "asked"))
    ax.axvline(m.value, color=GREY, lw=0.8, ls=(0, (4, 2)))
    ax.text(m.value, 0.99, " both learned", transform=ax.get_xaxis_transform(), rotation=90,
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
        f" 95 %, t over {report} seeds; what is elicited from it on them is in the table. A random"
        " start that answers B by a constant is a config as well. Every line ends (marker) at what"
        " is elicited from a random start of its own pair: who cannot do A is at no more of a loss,"
        " and pairs compare by where they stand on that way, not at one τ. Classification in nats,"
        " reconstruction in squared error. Dashed: a network that learned both tasks asked for."
    )
