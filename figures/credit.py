"""The planted worlds: K's share of the credit in trained networks beside its closed form.

Where the sweep is large, also how often the test for absorption says yes in a world without any.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.dose import absorbs, excess_over_null, excess_over_placebo
from absorb.stats.intervals import Interval, binomial, mean_t
from absorb.stats.nulls import credit_share_depth1, credit_share_depth2
from figures.marks import Mark, mark, series_of, spoken
from figures.page import Page, Pages
from figures.select import ARM, FRACTION, Group, Table, groups
from figures.style import BLACK, LOOKS, VERMILLION, new_figure, settle

SHARE = "kept_share"
REPEAT_SIZES = (5, 10)  # seeds in one repeat of the experiment
FEWEST_REPEATS = 50


class Planted(NamedTuple):
    """The runs of one null world: shares by arm and label fraction, paired by seed.

    `missing` says why there is nothing to draw, or "".
    """

    depth: int
    strength: float
    fractions: tuple[float, ...]
    share_SP: dict[str, np.ndarray]
    missing: str

    @property
    def name(self) -> str:
        """In words."""
        return f"depth {self.depth}"

    def truth(self, p: float) -> float:
        """The closed form: measures of absorption, null."""
        if self.depth == 1:
            return float(credit_share_depth1(p, 1.0))
        return float(credit_share_depth2(p, self.strength, 1.0))


def pages(table: Table, partial: bool) -> Pages:
    """One figure with a panel for each world in the table; the false claims as a headline."""
    del partial  # a planted world needs no arm besides route
    if SHARE not in table:
        return Pages([], "", [])
    worlds = [planted(g.of(table)) for g in groups(table) if found_in(g, table)]
    left_out = [f"{w.name}: {w.missing}" for w in worlds if w.missing]
    worlds = [w for w in worlds if not w.missing and len(w.fractions) > 1]
    worlds.sort(key=lambda w: w.depth)
    if not worlds:
        return Pages([], "", left_out)
    marks = [m for i, w in enumerate(worlds) for m in world_marks(w, f"{i + 1}: {w.name}")]
    rates = [rate for world in worlds for rate in false_claims(world)]
    caption = (
        "Share of the learned slope that K holds after training: means over seeds with 95 %"
        " intervals, beside the closed form. No feature reinforces itself at depth 1."
    )
    page = Page("credit", lambda: draw(marks, caption), [*marks, *rates], caption)
    return Pages([page], in_words(worlds, marks, rates), left_out)


def found_in(group: Group, table: Table) -> bool:
    """Whether the group holds runs of a planted world."""
    return table["model.kind"][group.rows[0]] == "paths"


def planted(columns: dict[str, np.ndarray]) -> Planted:
    """The group's routed and placebo runs, at the fractions and seeds that all arms have."""
    ok = columns["status"] == "ok"
    cells = {
        (a, float(p), int(s)): float(v)
        for a, p, s, v, fine in zip(
            columns[ARM], columns[FRACTION], columns["seed"], columns[SHARE], ok, strict=True
        )
        if fine
    }
    arms = [a for a in ("route", "placebo") if any(key[0] == a for key in cells)]
    each = [{p for a, p, _ in cells if a == arm and p < 1} for arm in arms]
    fractions = sorted(set.intersection(*each)) if "route" in arms else []
    every = [{s for a, p, s in cells if (a, p) == (arm, f)} for arm in arms for f in fractions]
    seeds = sorted(set.intersection(*every)) if every else []
    share_SP = {a: np.array([[cells[a, p, s] for p in fractions] for s in seeds]) for a in arms}
    depth, strength = columns["model.depth"][0], columns["model.strength"][0]
    missing = "no seed has all cells" if len(fractions) > 1 and not seeds else ""
    missing = missing if "route" in arms else "no run of route ended well"
    return Planted(int(depth), float(strength), tuple(fractions), share_SP, missing)


def world_marks(world: Planted, panel: str) -> list[Mark]:
    """Trained shares and closed form at every label fraction."""
    route_SP = world.share_SP["route"]
    marks = []
    for i, p in enumerate(world.fractions):
        truth = world.truth(p)
        marks.append(mark(panel, "trained", p, mean_t(route_SP[:, i])))
        marks.append(Mark(panel, "closed form", p, truth, truth, truth, 0))
    return marks


def false_claims(world: Planted) -> list[Mark]:
    """How often whole repeats of the experiment claim absorption, by seeds in a repeat."""
    marks = []
    for size in REPEAT_SIZES:
        repeats = len(world.share_SP["route"]) // size
        if world.depth != 1 or "placebo" not in world.share_SP or repeats < FEWEST_REPEATS:
            continue
        blocks = [slice(r * size, (r + 1) * size) for r in range(min(repeats, 200))]
        said = sum(claims(world, block) for block in blocks)
        rate: Interval = binomial(said, len(blocks))
        marks.append(mark(f"false claims, {world.name}", f"{size} seeds", size, rate))
    return marks


def claims(world: Planted, seeds: slice) -> bool:
    """Whether the test says yes at any label fraction, which share one error rate of 5 %."""
    p_P = np.array(world.fractions)
    level = 1 - 0.05 / (p_P > 0).sum()
    route_SP, placebo_SP = (world.share_SP[a][seeds] for a in ("route", "placebo"))
    excess = excess_over_null(route_SP, p_P, level, "linear").x
    over = excess_over_placebo(route_SP, placebo_SP, level)
    both = zip(p_P, excess, over, strict=True)
    return any(absorbs(x, over_placebo).claim for p, x, over_placebo in both if p > 0)


def draw(marks: Sequence[Mark], caption: str) -> Any:
    """The figure: K's share against label fraction, one panel per world."""
    panels = list(dict.fromkeys(m.panel for m in marks))
    figure = new_figure(2.4, caption)
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for ax, panel in zip(axes, panels, strict=True):
        own = [m for m in marks if m.panel == panel]
        draw_world(ax, own)
        ax.set_title(f"{panel.split(': ')[1]}, {own[0].n} seeds", loc="left")
        ax.set_xlabel("label fraction p")
    axes[0].set_ylabel("share that K holds")
    axes[0].legend(frameon=False)
    return settle(figure)


def draw_world(ax: Any, marks: Sequence[Mark]) -> None:
    """One world on the axes `ax`."""
    truth, trained = (series_of(list(marks), name) for name in ("closed form", "trained"))
    ax.plot([m.at for m in truth], [m.value for m in truth], color=BLACK,
            linestyle=LOOKS["null"].line, lw=0.9, label="closed form")  # fmt: skip
    value = np.array([m.value for m in trained])
    ends = np.array([[m.value - m.low, m.high - m.value] for m in trained]).T
    ax.errorbar([m.at for m in trained], value, yerr=ends, fmt="o", color=VERMILLION, ms=3.5,
                capsize=2, lw=0.9, label="trained")  # fmt: skip
    ax.set_ylim(0, 0.55)


def in_words(worlds: Sequence[Planted], marks: Sequence[Mark], rates: Sequence[Mark]) -> str:
    """The finding for the terminal: trained against closed form, and the rate of false claims."""
    lines = []
    for i, world in enumerate(worlds):
        own = [m for m in marks if m.panel == f"{i + 1}: {world.name}"]
        for got, truth in zip(
            series_of(own, "trained"), series_of(own, "closed form"), strict=True
        ):
            gap = 100 * (got.value / truth.value - 1)
            text = f"{world.name}, p = {got.at:g}: K holds {spoken(got)}, closed form"
            lines.append(f"{text} {truth.value:.4f} ({gap:+.1f} %, {got.n} seeds)")
    for rate in rates:
        lines.append(f"{rate.panel}, {rate.series}: {spoken(rate)} of {rate.n} repeats")
    return "\n".join(lines)
