"""How many dimensions a feature of a toy gets, by sparsity, and in which polytopes they stand.

After the figures of section 3 of Elhage et al., Toy Models of Superposition, 2022.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.geometry import (
    DROPPED,
    PACKED,
    capacity,
    dimensionality,
    dims_per_feature,
    frames,
)
from absorb.stats.intervals import Interval, mean_t
from figures.marks import Mark, mark, series_of, spoken
from figures.page import Page, Pages
from figures.select import Table
from figures.style import (
    BLACK,
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
from figures.toy_rows import FEATURES, HIDDEN, IMPORTANCE, Row, Study, weights, whole
from figures.toy_sweeps import best_of, best_runs, sparsity_sweeps


class Kind(NamedTuple):
    """A kind of frame: what it is called, the dimensionality of its features, and its colour."""

    words: str
    fraction: Fraction | None
    colour: str


KINDS = {
    "single": Kind("own dimension", Fraction(1), "#404040"),
    "tetrahedron": Kind("tetrahedron", Fraction(3, 4), PURPLE),
    "triangle": Kind("triangle", Fraction(2, 3), GREEN),
    "digon": Kind("digon", Fraction(1, 2), VERMILLION),
    "pentagon": Kind("pentagon", Fraction(2, 5), BLUE),
    "antiprism": Kind("square antiprism", Fraction(3, 8), SKY),
    "other": Kind("another frame", None, ORANGE),
    "dropped": Kind("not learned", Fraction(0), "#C8C8C8"),
}
NUDGE = {"pentagon": 0.012, "antiprism": -0.014}  # of labels that else cover each other
PLATEAUS = (1.0, 0.5)
TOP = 1.12
EACH = "dimensionality of the best"  # the panel of dots, one for each feature


class Point(NamedTuple):
    """One probability: the best run's dimensionalities with their kinds, and all seeds' means.

    `d_star`, the number `learned` and `share_of[kind]`, of the learned, are over seeds; `capacity`
    is Σ Dᵢ of the best run.
    """

    p: float
    dimensionality_F: np.ndarray
    kind_F: tuple[str, ...]
    d_star: Interval
    learned: Interval
    share_of: dict[str, Interval]
    capacity: float
    seeds: int


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each whole sweep over probabilities in which all features matter alike."""
    found = sparsity_sweeps(table, lambda row: row[HIDDEN] > 2 and row[IMPORTANCE] == 1)
    drawn, left_out = whole(found, partial)
    made, said = [], []
    for one in drawn:
        points = [point_of(one, p, row) for p, row in best_runs(one)]
        made.append(page(one, points))
        said.append(in_words(one, points))
    return Pages(made, "\n\n".join(said), left_out)


def page(one: Study, points: Sequence[Point]) -> Page:
    """The figure of one sweep."""
    caption = caption_of(one)
    marks = [m for point in points for m in marks_of(point)]
    return Page(
        f"dimensionality{one.suffix}", lambda: draw(marks, caption), marks, caption, (EACH,)
    )


def point_of(one: Study, p: float, best: Row) -> Point:
    """One probability."""
    w_SMF = [weights(row).w_MF for row in one.ok((p,))]
    kinds_SF = np.array([kinds_of(w_MF) for w_MF in w_SMF])
    learned_S = (kinds_SF != "dropped").sum(axis=1)
    share_of = {
        kind: mean_t((kinds_SF == kind).sum(axis=1) / np.maximum(learned_S, 1))
        for kind in KINDS
        if kind != "dropped"
    }
    d_star = mean_t(np.array([dims_per_feature(w_MF) for w_MF in w_SMF]))
    w_MF = weights(best).w_MF
    return Point(
        p, dimensionality(w_MF), tuple(kinds_of(w_MF)), d_star, mean_t(learned_S.astype(float)),
        share_of, capacity(w_MF), len(w_SMF),
    )  # fmt: skip


def kinds_of(w_MF: np.ndarray) -> list[str]:
    """The kind of each feature's frame; frames without a fraction of their own are "other"."""
    kinds = ["dropped"] * w_MF.shape[1]
    for frame in frames(w_MF):
        for i in frame.features:
            kinds[i] = frame.name if frame.name in KINDS else "other"
    return kinds


def marks_of(one: Point) -> list[Mark]:
    """What is drawn, at 1/p."""
    x = 1 / one.p
    both = zip(one.dimensionality_F.tolist(), one.kind_F, strict=True)
    return [
        mark("D*", "mean over seeds", x, one.d_star),
        mark("features learned", "mean over seeds", x, one.learned),
        *(mark("share of learned features", kind, x, part) for kind, part in one.share_of.items()),
        *(Mark(EACH, kind, x, d, d, d, one.seeds) for d, kind in both),
    ]


def caption_of(one: Study) -> str:
    """What a reader has to know."""
    f, m = one.first[FEATURES], one.first[HIDDEN]
    return (
        f"{f} features of equal importance in {m} hidden dimensions, each active with probability"
        f" p. {one.runs_in_words}.\n"
        f"a: a dot for each feature's dimensionality Dᵢ = |Wᵢ|²/Σⱼ(Ŵᵢ·Wⱼ)² in the {best_of(one)},"
        f" moved aside at random; line: D* = m/‖W‖², mean over seeds with 95 % interval.\n"
        f"b: share of the learned features in each kind of frame, means over seeds (intervals in"
        f" the tables); above, how many are learned. Frames join features with |cosine| >"
        f" {PACKED:g} and are named by the cosines within; learned: longer than {DROPPED:g} of the"
        f" longest."
    )


def draw(marks: Sequence[Mark], caption: str) -> Any:
    """Dimensionalities above, shares of the kinds below, over 1/p."""
    figure = new_figure(4.3, caption)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, 1])
    there = [kind for kind in KINDS if any(m.value > 0 for m in shares_of(marks, kind))]
    places = sorted({m.at for m in marks})
    step = float(np.diff(np.log(places)).min()) if len(places) > 1 else 0.2
    draw_lines(above)
    draw_dots(above, [m for m in marks if m.panel == EACH], 0.36 * step)
    draw_d_star(above, [m for m in marks if m.panel == "D*"])
    draw_shares(below, marks, there, 0.8 * step)
    draw_learned(below, [m for m in marks if m.panel == "features learned"])
    end = np.exp(0.7 * step)
    below.set(xscale="log", xlim=(places[0] / end, places[-1] * end), ylim=(0, 1))
    set_places(below, places[-1])
    below.set_xlabel("1/p")
    above.set(ylabel="dimensionality Dᵢ, and D*", ylim=(-0.04, TOP))
    below.set_ylabel("share of the\nlearned features")
    for ax, letter in ((above, "a"), (below, "b")):
        ax.set_title(letter, loc="left", fontweight="bold", fontsize=6.5, pad=9)
    above.legend(loc="upper right")
    handles, words = below.get_legend_handles_labels()
    below.legend(
        handles[::-1], words[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=6,
        handlelength=1.0,
    )  # fmt: skip
    return settle(figure)


def shares_of(marks: Sequence[Mark], kind: str) -> list[Mark]:
    """The shares of one kind in the order of their places."""
    return series_of([m for m in marks if m.panel == "share of learned features"], kind)


def draw_lines(ax: Any) -> None:
    """The fractions at which features stick, named at the right."""
    for name, kind in KINDS.items():
        if kind.fraction is None:
            continue
        y = float(kind.fraction)
        ax.axhline(y, color=kind.colour, lw=1.0 if y in PLATEAUS else 0.6, alpha=0.7, zorder=1)
        text = f"{kind.fraction} {kind.words}"
        ax.annotate(
            text, (1.01, y + NUDGE.get(name, 0)), xycoords=("axes fraction", "data"),
            va="center", fontsize=6, color=kind.colour if y else GREY,
        )  # fmt: skip


def draw_dots(ax: Any, dots: Sequence[Mark], reach: float) -> None:
    """Every feature, moved aside by up to `reach` in the logarithm; the same at every drawing."""
    aside = np.random.default_rng(0).uniform(-reach, reach, len(dots))
    x = np.array([m.at for m in dots]) * np.exp(aside)
    colours = [KINDS[m.series].colour for m in dots]
    ax.scatter(x, [m.value for m in dots], s=3.5, c=colours, alpha=0.65, lw=0, zorder=2)


def draw_d_star(ax: Any, marks: Sequence[Mark]) -> None:
    """The line of D*, with its intervals; one that is open is not drawn."""
    line = series_of(list(marks), "mean over seeds")
    value = np.array([m.value for m in line])
    ends = np.array([[m.value - m.low, m.high - m.value] for m in line]).T
    ax.errorbar(
        [m.at for m in line], value, yerr=ends, color=BLACK, marker="o", ms=2.6, lw=1.1,
        capsize=1.5, mfc="white", mew=0.8, elinewidth=0.7, zorder=4, label="D* = m/‖W‖²",
    )  # fmt: skip


def draw_shares(ax: Any, marks: Sequence[Mark], there: Sequence[str], width: float) -> None:
    """Stacked bars: the kinds of frames."""
    bottom = 0.0
    for kind in there:
        shares = shares_of(marks, kind)
        x = np.array([m.at for m in shares])
        value = np.array([m.value for m in shares])
        left, right = x * np.exp(-width / 2), x * np.exp(width / 2)
        ax.bar(
            left, value, right - left, bottom, align="edge", color=KINDS[kind].colour, lw=0,
            label=KINDS[kind].words,
        )  # fmt: skip
        bottom = bottom + value


def draw_learned(ax: Any, marks: Sequence[Mark]) -> None:
    """How many features are learned, above the bars."""
    for m in marks:
        ax.annotate(
            f"{m.value:.0f}", (m.at, 1), xytext=(0, 2), textcoords="offset points", ha="center",
            fontsize=5.5, color="#404040",
        )  # fmt: skip


def set_places(ax: Any, last: float) -> None:
    """Round numbers on the logarithmic axis."""
    from matplotlib.ticker import NullLocator

    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if t <= 1.05 * last]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.xaxis.set_minor_locator(NullLocator())


def in_words(one: Study, points: Sequence[Point]) -> str:
    """The finding for the terminal."""
    m = one.first[HIDDEN]
    lines = [f"{one.first[FEATURES]} features in {m}: {one.runs_in_words}"]
    for point in points:
        most = max(point.share_of, key=lambda kind: point.share_of[kind].value)
        lines.append(
            f"  1/p = {1 / point.p:.3g}: D* {spoken(mark('', '', point.p, point.d_star))}, capacity"
            f" {point.capacity:.1f} of {m}, {point.learned.value:.0f} learned, most of them:"
            f" {KINDS[most].words} ({point.share_of[most].value:.0%})"
        )
    return "\n".join(lines)
