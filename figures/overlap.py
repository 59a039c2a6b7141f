"""How the features of a toy share its hidden dimensions, by sparsity: WᵀW, b, lengths, overlap.

After the figures of section 2 of Elhage et al., Toy Models of Superposition, 2022.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.geometry import DROPPED, dropped, lengths, overlap
from absorb.stats.intervals import mean_t
from figures.marks import Mark, mark, number
from figures.page import Page, Pages
from figures.select import Table
from figures.style import BLACK, GREY, new_figure, settle
from figures.toy_rows import FEATURES, HIDDEN, IMPORTANCE, LOSS, Row, Study, weights, whole
from figures.toy_sweeps import best_of, best_runs, sparsity_sweeps

FEW = 20  # features: up to here every entry of a matrix is in the tables
LISTED = 0.1  # above, only entries of at least this magnitude
SHADES = 1.0  # of WᵀW and b, either way
BARS = 1.25  # length at which the axis of the bars ends


class Column(NamedTuple):
    """One probability: the best run's overlaps, biases, lengths, and the overlap of each feature.

    `shared_F` is Σⱼ (Ŵᵢ·Wⱼ)² over the other features j, 0 where i is dropped.
    """

    p: float
    overlap_FF: np.ndarray
    bias_F: np.ndarray
    length_F: np.ndarray
    shared_F: np.ndarray
    kept_F: np.ndarray
    losses_S: np.ndarray
    kept_S: np.ndarray

    @property
    def kept(self) -> int:
        """How many features the best run keeps."""
        return int(self.kept_F.sum())

    @property
    def title(self) -> str:
        """Its probability, as tables say it."""
        return f"p = {self.p:.3g}"


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each whole sweep over probabilities in which importance differs."""
    found = sparsity_sweeps(table, lambda row: row[HIDDEN] > 2 and row[IMPORTANCE] != 1)
    drawn, left_out = whole(found, partial)
    made, said = [], []
    for one in drawn:
        columns = [column_of(one, p, row) for p, row in best_runs(one)]
        made.append(page(one, columns))
        said.append(in_words(one, columns))
    return Pages(made, "\n\n".join(said), left_out)


def page(one: Study, columns: Sequence[Column]) -> Page:
    """The figure of one sweep."""
    caption, m = caption_of(one), int(one.first[HIDDEN])
    marks = [mark for column in columns for mark in marks_of(column)]
    return Page(f"overlap{one.suffix}", lambda: draw(columns, m, caption), marks, caption)


def column_of(one: Study, p: float, best: Row) -> Column:
    """One probability."""
    runs = one.ok((p,))
    w_MF, bias_F, _ = weights(best)
    kept_S = np.array([np.count_nonzero(~dropped(weights(row).w_MF)) for row in runs], float)
    return Column(
        p, overlap(w_MF), bias_F, lengths(w_MF), superposition(w_MF),
        ~dropped(w_MF), np.array([row[LOSS] for row in runs]), kept_S,
    )  # fmt: skip


def superposition(w_MF: np.ndarray) -> np.ndarray:
    """Σⱼ (Ŵᵢ·Wⱼ)² over the features j other than i, shape (features,); 0 where i is dropped."""
    squared_FF = overlap(w_MF) ** 2
    np.fill_diagonal(squared_FF, 0.0)
    length_F = lengths(w_MF)
    none_F = np.zeros(len(length_F))
    return np.divide(squared_FF.sum(axis=1), length_F**2, out=none_F, where=~dropped(w_MF))


def marks_of(one: Column) -> list[Mark]:
    """What is drawn: the matrix is symmetric, its upper half is enough."""
    k = len(one.losses_S)

    def exact(what: str, series: str, at: float, x: float) -> Mark:
        return Mark(f"{one.title}, {what}", series, at, float(x), float(x), float(x), k)

    drawn_F = (("bias", one.bias_F), ("length", one.length_F), ("shared", one.shared_F))
    marks = [exact(name, name, i, x) for name, x_F in drawn_F for i, x in enumerate(x_F)]
    marks += [exact("WᵀW", f"row {i}", j, x) for i, j, x in entries(one.overlap_FF)]
    marks.append(exact("runs", "loss of the best", one.p, one.losses_S.min()))
    marks.append(mark(f"{one.title}, runs", "loss, mean over seeds", one.p, mean_t(one.losses_S)))
    marks.append(exact("runs", "features kept by the best", one.p, one.kept))
    kept = mean_t(one.kept_S)
    marks.append(mark(f"{one.title}, runs", "features kept, mean over seeds", one.p, kept))
    return marks


def entries(overlap_FF: np.ndarray) -> list[tuple[int, int, float]]:
    """The entries of the upper half to be listed: all of a small matrix, the visible of a large."""
    least = LISTED if len(overlap_FF) > FEW else 0.0
    row_P, column_P = np.triu_indices(len(overlap_FF))
    found = zip(row_P.tolist(), column_P.tolist(), overlap_FF[row_P, column_P], strict=True)
    return [(i, j, float(x)) for i, j, x in found if abs(x) >= least]


def caption_of(one: Study) -> str:
    """What a reader has to know."""
    row = one.first
    f, m = int(row[FEATURES]), int(row[HIDDEN])
    least = f" Tables list entries of WᵀW of magnitude {LISTED:g} or more." if f > FEW else ""
    return (
        f"{f} features in {m} hidden dimensions, the {best_of(one)}; feature i has importance"
        f" {row[IMPORTANCE]:.3g}ⁱ.\n"
        f"p: the probability that a feature is active. Above: WᵀW and b. Below: the length of each"
        f" feature, coloured by how much others share its direction; grey: dropped; dashed: as"
        f" many features as dimensions; kept: features longer than {DROPPED:g} of the longest."
        f" {one.runs_in_words}.{least}"
    )


def draw(columns: Sequence[Column], m: int, caption: str) -> Any:
    """A column of two panels for each probability."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    matrix = ScalarMappable(Normalize(-SHADES, SHADES), colormaps["RdBu_r"])
    shared = ScalarMappable(Normalize(0, 1), colormaps["viridis"])
    figure = new_figure(2.9, caption)
    axes = figure.subplots(2, len(columns), height_ratios=[1, 1.9], squeeze=False, sharey="row")
    for i, one in enumerate(columns):
        draw_matrix(axes[0][i], one, matrix)
        draw_bars(axes[1][i], one, shared, m)
    axes[1][0].set_ylabel("feature, most important first")
    bars = dict(aspect=14, pad=0.01, fraction=0.05)
    above = figure.colorbar(matrix, ax=axes[0].tolist(), extend="both", ticks=[-1, 0, 1], **bars)
    above.set_label("WᵀW, b")
    below = figure.colorbar(shared, ax=axes[1].tolist(), extend="max", ticks=[0, 0.5, 1], **bars)
    below.set_label("superposition Σⱼ (Ŵᵢ·Wⱼ)²")
    for bar in (above, below):
        bar.outline.set_linewidth(0.4)
    return settle(figure)


def draw_matrix(ax: Any, one: Column, shades: Any) -> None:
    """WᵀW, and b beside it as one column."""
    f = len(one.bias_F)
    look = {"cmap": shades.cmap, "norm": shades.norm, "interpolation": "nearest"}
    start, end = 1.08 * f, 1.08 * f + max(1.0, f / 12)
    ax.imshow(one.overlap_FF, extent=(0, f, f, 0), **look)
    ax.imshow(one.bias_F[:, None], extent=(start, end, f, 0), **look)
    for left, right in ((0, f), (start, end)):
        ax.plot([left, right, right, left, left], [0, 0, f, f, 0], color=BLACK, lw=0.4)
    ax.set(xlim=(-0.02 * f, end + 0.02 * f), ylim=(1.02 * f, -0.02 * f), aspect="equal")
    ax.set_xticks([f / 2, (start + end) / 2], ["WᵀW", "b"])
    ax.tick_params(length=0, labelleft=False, pad=1)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.set_title(one.title, fontsize=6.5)


def draw_bars(ax: Any, one: Column, shades: Any, m: int) -> None:
    """The length of each feature, the first on top."""
    from matplotlib.colors import to_rgba

    f = len(one.bias_F)
    colours = shades.cmap(shades.norm(one.shared_F))
    colours[~one.kept_F] = to_rgba(GREY)
    ax.barh(np.arange(f), one.length_F, height=0.9 if f <= FEW else 1.0, color=colours)
    ax.axhline(m - 0.5, color=BLACK, lw=0.5, ls=(0, (3, 2)))
    ax.set(xlim=(0, max(BARS, one.length_F.max())), ylim=(f - 0.5, -0.5), xticks=(0, 1))
    ax.set_xlabel(f"|Wᵢ|\n{one.kept} kept", fontsize=6.5)


def in_words(one: Study, columns: Sequence[Column]) -> str:
    """The finding for the terminal."""
    head = f"{one.first[FEATURES]} features in {one.first[HIDDEN]}: {one.runs_in_words}"
    lines = [
        f"  {c.title}: {c.kept} kept, {np.count_nonzero(c.shared_F > 0.5)} of them share more than"
        f" half, best loss {number(float(c.losses_S.min()))}"
        for c in columns
    ]
    return "\n".join([head, *lines])
