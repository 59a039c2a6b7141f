"""The geometry of a toy with two hidden dimensions: its features as vectors, dense to sparse.

After the first figure of Elhage et al., Toy Models of Superposition, 2022.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.geometry import DROPPED, PACKED, dropped, frames
from absorb.stats.intervals import binomial, mean_t
from figures.marks import Mark, mark, number
from figures.page import Page, Pages
from figures.select import Table
from figures.style import GREY, new_figure, settle
from figures.toy_rows import FEATURES, HIDDEN, IMPORTANCE, LOSS, Row, Study, weights, whole
from figures.toy_sweeps import best_of, best_runs, sparsity_sweeps

PANELS = 5
GROUND = "#FCFBF8"  # the paper's
REACH = 1.35  # of an axis, in lengths


class Panel(NamedTuple):
    """The best run at one probability: its features, their frames, and what other seeds show.

    `alike` of the runs but the best have frames of the same names as it.
    """

    p: float
    w_MF: np.ndarray
    names: tuple[str, ...]
    alike: int
    losses_S: np.ndarray

    @property
    def seeds(self) -> int:
        """From how many runs the best one is."""
        return len(self.losses_S)

    @property
    def title(self) -> str:
        """Its probability, as tables say it."""
        return f"p = {self.p:.3g}"


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each sweep over probabilities with two hidden dimensions that is whole."""
    found = sparsity_sweeps(table, lambda row: row[HIDDEN] == 2 and row[FEATURES] > 2)
    drawn, left_out = whole(found, partial)
    made, said = [], []
    for one in drawn:
        panels = panels_of(one)
        caption = caption_of(one)
        marks = [m for panel in panels for m in marks_of(panel)]
        made.append(page(f"superposition{one.suffix}", panels, one.first, marks, caption))
        said.append(in_words(panels))
    return Pages(made, "\n\n".join(said), left_out)


def page(name: str, panels: list[Panel], row: Row, marks: list[Mark], caption: str) -> Page:
    """The figure of one sweep."""
    importance_F = float(row[IMPORTANCE]) ** np.arange(int(row[FEATURES]))
    return Page(name, lambda: draw(panels, importance_F, caption), marks, caption)


def panels_of(one: Study) -> list[Panel]:
    """Five of the probabilities, evenly from the densest to the sparsest."""
    runs = best_runs(one)
    chosen = np.unique(np.linspace(0, len(runs) - 1, PANELS).round().astype(int))
    return [panel_of(one, *runs[i]) for i in chosen]


def panel_of(one: Study, p: float, best: Row) -> Panel:
    """One probability."""
    runs = one.ok((p,))
    w_MF = weights(best).w_MF
    others = [row for row in runs if row is not best]
    alike = sum(names_of(weights(row).w_MF) == names_of(w_MF) for row in others)
    return Panel(p, w_MF, names_of(w_MF), alike, np.array([row[LOSS] for row in runs]))


def names_of(w_MF: np.ndarray) -> tuple[str, ...]:
    """The names of the frames, many-cornered first, then how many features are dropped."""
    packed = sorted(frames(w_MF), key=lambda one: (-len(one.features), one.name))
    counted = Counter(frame.name for frame in packed)
    names = tuple(name if n == 1 else f"{n} × {name}" for name, n in counted.items())
    lost = int(dropped(w_MF).sum())
    return names + ((f"{lost} dropped",) if lost else ())


def marks_of(panel: Panel) -> list[Mark]:
    """Every coordinate, the frames, and the losses of all seeds."""
    k = panel.seeds
    marks = [
        Mark(panel.title, f"feature {i}, hidden dimension {d}", i, x, x, x, k)
        for i, w_M in enumerate(panel.w_MF.T)
        for d, x in enumerate(w_M.tolist())
    ]
    for frame in frames(panel.w_MF):
        features = ", ".join(map(str, frame.features))
        size = len(frame.features)
        marks.append(
            Mark(panel.title, f"frame: {frame.name} of {features}", panel.p, size, size, size, k)
        )
    rate = binomial(panel.alike, k - 1)
    marks.append(mark(panel.title, f"other seeds with {', '.join(panel.names)}", panel.p, rate))
    least = float(panel.losses_S.min())
    marks.append(Mark(panel.title, "loss of the best", panel.p, least, least, least, k))
    marks.append(mark(panel.title, "loss, mean over seeds", panel.p, mean_t(panel.losses_S)))
    return marks


def caption_of(one: Study) -> str:
    """What a reader has to know."""
    return (
        f"Columns of W as vectors in the plane of the two hidden dimensions, in the"
        f" {best_of(one)}. Each feature is active with probability p; 1 − p is the sparsity."
        f" Dotted circle: length 1.\n"
        f"Below each panel: its packed frames (features joined where |cosine| > {PACKED:g}; a"
        f" feature below {DROPPED:g} of the longest is dropped; a digon has cosine near −1,"
        f" two digons at right angles are the square), and in how many of the other seeds the"
        f" frames are the same. {one.runs_in_words}."
    )


def draw(panels: Sequence[Panel], importance_F: np.ndarray, caption: str) -> Any:
    """The row of panels."""
    from matplotlib import colormaps

    span = max(importance_F.max() - importance_F.min(), 1e-9)
    shade_F = 0.92 - 0.87 * (importance_F.max() - importance_F) / span
    colours = colormaps["viridis"](shade_F)
    figure = new_figure(2.3, caption)
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    reach = max([REACH, *(1.1 * np.linalg.norm(one.w_MF, axis=0).max() for one in panels)])
    for ax, one in zip(axes, panels, strict=True):
        draw_panel(ax, one, colours, reach)
    add_legend(figure, colours, importance_F)
    return settle(figure)


def draw_panel(ax: Any, one: Panel, colours: Any, reach: float) -> None:
    """One probability: a line and a dot for every feature."""
    from matplotlib.patches import Circle

    ax.set_facecolor(GROUND)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=(), yticks=())
    for side in ax.spines.values():
        side.set(visible=True, color="#D8D4C8")
    ax.axhline(0, color="#C8C4B8", lw=0.6, zorder=0)
    ax.axvline(0, color="#C8C4B8", lw=0.6, zorder=0)
    ax.add_patch(Circle((0, 0), 1, fill=False, ec=GREY, lw=0.5, ls=(0, (1, 2)), zorder=1))
    for (x, y), colour in zip(one.w_MF.T, colours, strict=True):
        ax.plot([0, x], [0, y], color=colour, lw=1.4, solid_capstyle="round", zorder=2)
        ax.plot([x], [y], "o", color=colour, ms=4.5, mec="#303030", mew=0.4, zorder=3)
    ax.set_title(f"1 − p = {1 - one.p:.3g}\n{one.title}", fontsize=7)
    shown = "\n".join([", ".join(one.names), f"{one.alike} of {one.seeds - 1} other seeds"])
    ax.set_xlabel(shown, fontsize=6.5)


def add_legend(figure: Any, colours: Any, importance_F: np.ndarray) -> None:
    """Which colour means which importance."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker="o", ms=4.5, mec="#303030", mew=0.4, lw=1.4, label=text)
        for colour, text in zip(colours, (f"{x:.2g}" for x in importance_F), strict=True)
    ]
    figure.legend(
        handles=handles[:12], title="importance of the feature", loc="outside upper center",
        ncols=12, title_fontsize=6.5,
    )  # fmt: skip


def in_words(panels: Sequence[Panel]) -> str:
    """The finding for the terminal."""
    lines = [
        f"p = {one.p:.3g}: {', '.join(one.names)} in {one.alike} of {one.seeds - 1} other seeds,"
        f" best loss {number(float(one.losses_S.min()))}"
        for one in panels
    ]
    return "\n".join(lines)
