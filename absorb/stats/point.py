"""Every measure of one arm at one label fraction after one treatment."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from absorb.stats.absorption import (
    Absorption,
    Damage,
    ablation_absorption,
    damage,
    difference_at_equal_retain,
    kept_share,
)
from absorb.stats.dose import Decision, absorbs, excess_at, minus_log
from absorb.stats.dose_equivalent import DoseEquivalent, both_undefined, dose_equivalent
from absorb.stats.intervals import Interval, difference_t, fieller_ratio, mean_t, undefined
from absorb.stats.runs import Cell, Loss, Runs, fractions, labelled_share, noise, paired

ROUTED = ("route", "placebo")  # arms with a region that labels may fill
NOISES = ("false_negative", "false_positive")
OTHER_ARM = "not a measure of this arm"


class Settings(NamedTuple):
    """How the table is made.

    `link` is the shape of the loss that the null of the claim assumes (`nulls.null_share`);
    `tolerance` the rise of the retain loss, as a part of the forget loss's own rise, beyond which K
    counts as damaged; `tests` how many label fractions share the error rate of the claim.
    """

    level: float = 0.95
    link: str = "convex"
    tolerance: float = 0.1
    tests: int = 1


class Treated(NamedTuple):
    """One arm at one label fraction after one treatment; losses in their own unit.

    `forget` and `retain` are mean held-out losses. `kept` is K's share, `worth` what a share of 1
    is worth as a loss. `a_abl` is ablation absorption, with the loss difference `over_hard` beside
    it and the same at equal retain loss; `a_dose` is dose-equivalent absorption with `n_eq` beside
    it. `excess` is X(p) with the claim's link, `excess_linear` takes loss shares for credit shares.
    """

    treatment: str
    forget: Interval
    retain: Interval
    damage: Damage
    kept: Interval
    worth: Interval
    a_abl: Interval
    over_hard: Interval
    over_hard_at_equal_retain: Interval
    a_dose: Interval
    n_eq: Interval
    excess: Interval
    excess_linear: Interval
    over_placebo: Interval
    absorbs: Decision


class Point(NamedTuple):
    """What the measures of one treatment of one cell are computed from."""

    runs: Runs
    cell: Cell
    treatment: str
    settings: Settings

    def losses(self, cells: list[Cell], part: str = "forget") -> np.ndarray:
        """This treatment's losses in these cells, one row per cell, paired by seed."""
        return paired(self.runs, [Loss(cell, f"{self.treatment}.{part}") for cell in cells]).loss_LS


def reference(runs: Runs, label_fraction: float) -> Cell:
    """Ordinary training: without the concept at 1, with all of it at 0.

    `filter` is the same, unless label noise keeps it from dropping what it should.
    """
    std, kin = Cell("std", label_fraction), Cell("filter", label_fraction)
    same = runs.row_of.get(kin) and labelled_share(runs, kin) == label_fraction
    return kin if not runs.row_of.get(std) and same else std


def absent(runs: Runs, cells: list[Cell]) -> str:
    """Which of these cells has no finished run, in words, or ""."""
    empty = [f"{c.arm} at {c.label_fraction:g}" for c in cells if not runs.row_of.get(c)]
    return f"no finished run of {', '.join(empty)}" if empty else ""


def of_losses(point: Point, cells: list[Cell], measure: Callable[..., Interval]) -> Interval:
    """A measure of the paired forget losses of these cells; undefined where a cell is empty."""
    if why := absent(point.runs, cells):
        return undefined(0, why)
    return measure(*point.losses(cells))


def treated(point: Point) -> Treated:
    """All measures of one treatment of one cell."""
    never, whole = reference(point.runs, 1.0), reference(point.runs, 0.0)
    level = point.settings.level
    cells = [point.cell, never, whole]
    worth = of_losses(point, cells, lambda m, n, w: kept_share(m, n, w, level).worth)
    harm = damage_of(point, whole)
    ablation, equal = against_hard(point)
    dose = dose_of(point)
    excess, over_placebo, claim = claim_of(point, harm)
    return Treated(
        treatment=point.treatment,
        forget=mean_t(point.losses([point.cell])[0], level),
        retain=mean_t(point.losses([point.cell], "retain")[0], level),
        damage=harm,
        kept=of_losses(point, cells, lambda m, n, w: kept_share(m, n, w, level).share),
        worth=worth,
        a_abl=ablation.ratio,
        over_hard=ablation.raw,
        over_hard_at_equal_retain=equal,
        a_dose=dose.a_dose,
        n_eq=dose.n_eq,
        excess=excess,
        excess_linear=excess_of(point, level, "linear"),
        over_placebo=over_placebo,
        absorbs=claim,
    )


def damage_of(point: Point, whole: Cell) -> Damage:
    """The rise of the retain loss against ordinary networks after the same treatment.

    It is tolerated up to a part of the forget loss's own rise, since what hurts both alike removed
    no concept, or of the retain loss itself where the forget loss hardly rose.
    """
    if why := absent(point.runs, [point.cell, whole]):
        return Damage(undefined(0, why), np.nan, damaged=True, cleared=False)
    own_S, untouched_S = point.losses([point.cell, whole], "retain")
    forget_S, untouched_forget_S = point.losses([point.cell, whole])
    allowed = max(float(np.mean(forget_S - untouched_forget_S)), float(np.mean(untouched_S)))
    return damage(own_S, untouched_S, point.settings.tolerance * allowed, point.settings.level)


def against_hard(point: Point) -> tuple[Absorption, Interval]:
    """Ablation absorption, and the difference to `hard` at equal retain loss."""
    p, level = point.cell.label_fraction, point.settings.level
    hard, full = Cell("hard", p), Cell("route", 1.0)
    why = absent(point.runs, [point.cell, hard]) if point.cell.arm in ROUTED else OTHER_ARM
    if why:
        return Absorption(undefined(0, why), undefined(0, why)), undefined(0, why)
    route_S, hard_S = point.losses([point.cell, hard])
    retain_S, hard_retain_S = point.losses([point.cell, hard], "retain")
    equal = difference_at_equal_retain(route_S, hard_S, retain_S, hard_retain_S, level)
    ratio = of_losses(
        point, [point.cell, hard, full], lambda r, h, f: ablation_absorption(r, h, f, level).ratio
    )
    return Absorption(ratio, difference_t(route_S, hard_S, level)), equal


def dose_of(point: Point) -> DoseEquivalent:
    """Dose-equivalent absorption against the std arm's curve; for `std` itself it means nothing."""
    doses = [Cell("std", p) for p in reversed(fractions(point.runs, "std"))]
    if point.cell.arm == "std":
        return both_undefined(0, OTHER_ARM)
    if why := absent(point.runs, [point.cell]):
        return both_undefined(0, why)
    if len(doses) < 2:
        return both_undefined(0, "the std arm has fewer than two doses")
    loss_LS = point.losses([point.cell, *doses])
    own_S, std_SG = loss_LS[0], loss_LS[1:].T
    count, share = point.runs.forget_count, labelled_share(point.runs, point.cell)
    n_G = np.array([1 - dose.label_fraction for dose in doses]) * count
    return dose_equivalent(own_S, std_SG, n_G, share, count, point.settings.level)


def excess_of(point: Point, level: float, link: str) -> Interval:
    """X(p) of a routed arm; both start from `route` at 0, where no label acts."""
    if point.cell.arm not in ROUTED:
        return undefined(0, OTHER_ARM)

    def excess(m_S: np.ndarray, at_0_S: np.ndarray, never_S: np.ndarray, whole_S: np.ndarray):
        own_level = point.settings.level
        share, at_0 = (kept_share(x_S, never_S, whole_S, own_level) for x_S in (m_S, at_0_S))
        if np.isnan(share.share.value):
            return share.share
        labelled = labelled_share(point.runs, point.cell)
        return excess_at(share.share_S, at_0.share_S, labelled, level, link)

    ends = [reference(point.runs, p) for p in (1.0, 0.0)]
    return of_losses(point, [point.cell, Cell("route", 0.0), *ends], excess)


def over_placebo_of(point: Point, level: float) -> Interval:
    """X of `route` minus X of `placebo` at one label fraction: the null and the worth cancel."""
    if point.cell.arm != "route":
        return undefined(0, OTHER_ARM)
    if any(noise(point.runs, point.cell, name) for name in NOISES):
        return undefined(0, "labels are noisy, and placebo does not draw as many")
    never, placebo = reference(point.runs, 1.0), Cell("placebo", point.cell.label_fraction)
    return of_losses(
        point,
        [point.cell, placebo, never],
        lambda m, other, none: minus_log(fieller_ratio(none - m, none - other, level)),
    )


def claim_of(point: Point, harm: Damage) -> tuple[Interval, Interval, Decision]:
    """X, X over placebo, and whether they carry the claim at the shared error rate."""
    level, tests, link = point.settings.level, point.settings.tests, point.settings.link
    shown = excess_of(point, level, link), over_placebo_of(point, level)
    strict = 1 - (1 - level) / tests
    tested = excess_of(point, strict, link), over_placebo_of(point, strict)
    claim = absorbs(*tested, damaged=harm.damaged)
    return *shown, claim
