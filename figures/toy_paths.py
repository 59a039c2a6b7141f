"""Which features of unrouted toys become partners, over seeds, against random matching."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.coabsorption import CoAbsorption, co_absorption
from absorb.stats.intervals import binomial
from absorb.stats.pairing import (
    PairRates,
    Uniformity,
    pair_counts,
    pair_rates,
    partners_of,
    uniformity,
)
from figures.marks import Mark, mark, series_of, spoken
from figures.page import Page, Pages
from figures.panels import points, whiskers
from figures.select import Table
from figures.style import BLACK, BLUE, GREY, VERMILLION, Look, new_figure, settle
from figures.toy_rows import (
    FEATURES,
    HIDDEN,
    IMPORTANCE,
    MECHANISM,
    Row,
    Study,
    studies,
    unrouted,
    weights,
    whole,
)
from figures.toy_rows import in_words as in_words_of

FIXED, ANY, NULL = "features 0 and 1", "any two features", "random matching"
RATE, MATCHED = "rate", "matched"  # panels beside the heat maps
LOOKS = {
    FIXED: Look("features 0 and 1, one trial per run", VERMILLION, "o", "none", -0.08),
    ANY: Look("mean over all pairs, runs as clusters", BLUE, "s", "none", 0.08),
    MATCHED: Look("every feature has a partner", BLACK, "D", "none"),
}
ALONE = "one run of a size ended well; 2 or more are needed"
LEGIBLE = 12  # features up to which the cells of a heat map have room for numbers


class Paths(NamedTuple):
    """The runs with m hidden dimensions: who pairs with whom, and what that says.

    `housed` takes every antipodal pair as one home and asks whether runs house features alike.
    """

    m: int
    partner_RF: np.ndarray
    rates: PairRates
    uniform: Uniformity
    housed: CoAbsorption

    @property
    def title(self) -> str:
        """Its size."""
        return f"m = {self.m}"


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each study of 2m equal features in m dimensions, for all m that it has."""
    drawn, left_out = whole(unrouted_pairs(table), partial)
    made, said = [], []
    for one in drawn:
        paths = paths_of(one)
        if not paths:
            left_out.append(in_words_of(one._replace(missing=ALONE)))
            continue
        marks = [m for path in paths for m in marks_of(path)]
        made.append(page(f"toy_paths{one.suffix}", paths, marks, caption_of(one, paths)))
        said.append(in_words(paths))
    return Pages(made, "\n\n".join(said), left_out)


def unrouted_pairs(table: Table) -> list[Study]:
    """Unrouted runs in which m antipodal pairs would fit, by their size.

    No setting of routing or measures can matter to them, so none sets them apart.
    """
    idle = ("routing.", "measure.")
    own = {n: column for n, column in table.items() if not n.startswith(idle) or n == MECHANISM}
    return studies(own, (HIDDEN, FEATURES), lambda row: unrouted(row) and pairs_fit(row))


def pairs_fit(row: Row) -> bool:
    """Whether there are 2m equal features for m dimensions, two of these at least."""
    return row[FEATURES] == 2 * row[HIDDEN] and row[HIDDEN] > 1 and row[IMPORTANCE] == 1


def paths_of(one: Study) -> list[Paths]:
    """Each size of a study."""
    found = []
    for cell in one.cells:
        runs = one.ok(cell)
        if len(runs) > 1:
            partner_RF = partners_of(np.stack([weights(row).w_MF for row in runs]))
            rates = pair_rates(partner_RF, 0, 1)
            uniform, housed = uniformity(partner_RF), co_absorption(homes(partner_RF))
            found.append(Paths(int(cell[0]), partner_RF, rates, uniform, housed))
    return found


def homes(partner_RF: np.ndarray) -> np.ndarray:
    """The pair of each feature, named by its first member; −1 without one."""
    own_F = np.arange(partner_RF.shape[1])
    return np.where(partner_RF < 0, -1, np.minimum(own_F, partner_RF))


def page(name: str, paths: Sequence[Paths], marks: Sequence[Mark], caption: str) -> Page:
    """The figure of one study."""
    return Page(name, lambda: draw(paths, marks, caption), marks, caption)


def marks_of(path: Paths) -> list[Mark]:
    """The rate of every pair, of the fixed one and of any, and how many runs are matchings."""
    runs, features = path.partner_RF.shape
    count_FF, rates = pair_counts(path.partner_RF), path.rates
    marks = [
        mark(path.title, f"{i} and {j}", i, binomial(int(count_FF[i, j]), runs))
        for i in range(features)
        for j in range(i + 1, features)
    ]
    marks += [
        mark(RATE, FIXED, path.m, rates.pair),
        mark(RATE, f"{FIXED}, matchings alone", path.m, rates.pair_if_matched),
        mark(RATE, ANY, path.m, rates.any_pair),
        Mark(RATE, NULL, path.m, rates.null, rates.null, rates.null, 0),
        mark(MATCHED, MATCHED, path.m, rates.matched),
    ]
    p, test = path.uniform.p_value, path.uniform
    why = test.why or f"chi-square {test.statistic:.1f}, {test.degrees} degrees"
    marks += [Mark("all matchings alike", "p-value", path.m, p, p, p, test.runs, why=why)]
    own = path.housed
    null = Mark("co-absorption", "permuted homes", path.m, own.null_mean, own.null_low,
                own.null_high, own.runs)  # fmt: skip
    value = own.agreement
    return [*marks, Mark("co-absorption", "agreement", path.m, value, value, value, own.runs), null]


def caption_of(one: Study, paths: Sequence[Paths]) -> str:
    """What a reader has to know."""
    apart = f"{one.apart}\n" if one.apart else ""
    agree = [
        f"m = {path.m} {'yes' if path.rates.agrees else 'NO'} (P = {path.rates.p_value:.2g})"
        for path in paths
    ]
    return (
        f"{apart}{one.runs_in_words}; unrouted, 2m equal features in m dimensions, each active with"
        f" p = {one.first['world.active']:.3g}. Partners: cosine below −0.9, the least of both."
        f" Cells: percent of runs, colour relative to random matching.\n"
        f"Among perfect matchings, 1/(2m−1) in the exact 95 % interval of the pair (0, 1):"
        f" {', '.join(agree)}. All matchings alike: {', '.join(uniform_words(p) for p in paths)}."
        f" Whiskers: 95 %, exact binomial over runs, t over runs for the mean over all pairs, which"
        f" is 1/(2m−1) in any matching and falls below it only where features stay alone."
    )


def uniform_words(path: Paths) -> str:
    """The chi-square test of one size."""
    test = path.uniform
    if test.why:
        return f"m = {path.m} untested ({test.why})"
    return f"m = {path.m} P = {test.p_value:.2g} (χ² {test.statistic:.0f}, {test.degrees} df)"


def housed_words(own: CoAbsorption) -> str:
    """Whether the same features are housed together in every run."""
    return (
        f"co-absorption {own.agreement:.4f}, with permuted homes {own.null_mean:.4f}"
        f" [{own.null_low:.4f}, {own.null_high:.4f}] (P = {own.p:.2g})"
    )


def draw(paths: Sequence[Paths], marks: Sequence[Mark], caption: str) -> Any:
    """Heat maps of who pairs with whom above the rates by size."""
    figure = new_figure(4.3, caption)
    above, below = figure.subfigures(2, 1, height_ratios=(2.5, 1.8))
    axes = above.subplots(1, len(paths), squeeze=False)[0]
    image: Any = None
    for ax, path in zip(axes, paths, strict=True):
        image = draw_pairs(ax, path)
    axes[0].set_ylabel("feature")
    bar = above.colorbar(image, ax=list(axes), shrink=0.8, aspect=18, ticks=[0, 1, 2])
    bar.set_label("rate ÷ random matching")
    rates, share = below.subplots(1, 2, width_ratios=(1.7, 1))
    draw_rates(rates, paths, marks)
    draw_matched(share, paths, marks)
    return settle(figure)


def draw_pairs(ax: Any, path: Paths) -> Any:
    """In which share of runs i and j are partners: white at random matching, the diagonal grey."""
    rate_FF = pair_counts(path.partner_RF) / len(path.partner_RF)
    features = len(rate_FF)
    shown_FF = np.where(np.eye(features, dtype=bool), np.nan, rate_FF / path.rates.null)
    ax.set_facecolor("#DDDDDD")
    image = ax.imshow(shown_FF, cmap="PuOr_r", vmin=0, vmax=2)
    if features <= LEGIBLE:
        size = 6.5 if features <= 6 else 4.6
        for i, j in np.argwhere(~np.eye(features, dtype=bool)):
            colour = "white" if abs(shown_FF[i, j] - 1) > 0.7 else "black"
            text = f"{100 * rate_FF[i, j]:.0f}"
            ax.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)
    ax.set_xticks(range(features))
    ax.set_yticks(range(features))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    percent = 100 * path.rates.null
    ax.set_title(f"{path.title}, {len(path.partner_RF)} runs: {percent:.1f} % at random")
    ax.set_xlabel("feature")
    return image


def draw_rates(ax: Any, paths: Sequence[Paths], marks: Sequence[Mark]) -> None:
    """Rates by size: every pair as a dot, the fixed one and the mean with intervals, the null."""
    own = [m for m in marks if m.panel == RATE]
    at = {path.m: place for place, path in enumerate(paths)}
    rng = np.random.default_rng(0)  # only to spread dots
    for path in paths:
        value = [m.value for m in marks if m.panel == path.title]
        spread = at[path.m] + 0.3 + 0.1 * rng.uniform(-1, 1, len(value))
        ax.plot(spread, value, ".", color=GREY, ms=3.2, mew=0, alpha=0.8)
        ax.plot([at[path.m] - 0.3, at[path.m] + 0.45], [path.rates.null] * 2, color=BLACK,
                lw=0.9, ls=(0, (3, 2)))  # fmt: skip
    ax.plot([], [], ".", color=GREY, ms=4, mew=0, label="each pair")
    ax.plot([], [], color=BLACK, lw=0.9, ls=(0, (3, 2)), label="random matching, 1/(2m−1)")
    top = max(m.high for m in own if m.drawn)
    ax.set_ylim(0, 1.2 * max(top, *(m.value for m in marks if m.panel in {p.title for p in paths})))
    for series in (FIXED, ANY):
        draw_series(ax, own, series, at)
    ax.set_xlim(-0.5, len(paths) - 0.4)
    ax.set_xticks(list(at.values()), [path.title for path in paths])
    ax.set_ylabel("rate of antipodal pairs")
    ax.legend(loc="upper right")


def draw_matched(ax: Any, paths: Sequence[Paths], marks: Sequence[Mark]) -> None:
    """The share of runs in which every feature has a partner."""
    at = {path.m: place for place, path in enumerate(paths)}
    ax.set_ylim(0, 1.08)
    draw_series(ax, marks, MATCHED, at)
    ax.set_xlim(-0.5, len(paths) - 0.5)
    ax.set_xticks(list(at.values()), [path.title for path in paths])
    ax.set_ylabel("share of perfect matchings")


def draw_series(ax: Any, marks: Sequence[Mark], series: str, at: dict[int, int]) -> None:
    """One series with its intervals, at the places of its sizes."""
    look, own = LOOKS[series], series_of(list(marks), series)
    places = [at[int(m.at)] + look.shift for m in own]
    whiskers(ax, places, own, look.colour)
    points(ax, places, own, look)
    ax.plot([], [], look.marker, color=look.colour, label=look.label)


def in_words(paths: Sequence[Paths]) -> str:
    """The finding for the terminal."""
    lines = []
    for path in paths:
        fixed = mark("", "", 0, path.rates.pair_if_matched)
        share = mark("", "", 0, path.rates.matched)
        says = "agrees with" if path.rates.agrees else "DIFFERS from"
        lines.append(
            f"toy_paths, m = {path.m}: features 0 and 1 are partners in {spoken(fixed)} of"
            f" {fixed.n} perfect matchings, which {says} 1/(2m−1) = {path.rates.null:.3f}"
            f" (P = {path.rates.p_value:.2g}); {spoken(share)} of {share.n} runs are perfect"
            f" matchings; all matchings alike: {uniform_words(path)}; {housed_words(path.housed)}"
        )
    return "\n".join(lines)
