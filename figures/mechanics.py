"""How a region comes by a concept: growth of its share, suppression, credit, causes, form."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from absorb.stats.intervals import difference_t, fieller_ratio, mean_t
from absorb.stats.mechanics import (
    credit_share,
    gain,
    probe_absorption,
    reinforcement,
    rotation,
    share,
)
from figures.apart import headed
from figures.marks import Mark, mark, spoken
from figures.mechanics_draw import draw
from figures.mechanics_runs import (
    CAPACITY,
    Cell,
    Study,
    activations,
    course,
    credits_of,
    studies,
)
from figures.page import Page, Pages, by_model, pages_of
from figures.select import Table

ARMS = ("route", "placebo", "hard")
LOOKS = 12  # at which courses are drawn


def pages(table: Table, partial: bool) -> Pages:
    """One figure for each study that is whole."""
    return pages_of("mechanics", studies(table), page, in_words, ending=by_model)


def page(name: str, study: Study) -> Page:
    """The figure of one study."""
    marks = [*growth(study), *suppression(study), *earned(study), *probed(study)]
    marks += [*stopped(study), *nudged(study), *slopes(study), *turned(study)]
    caption = headed(study.apart, caption_of(study))
    return Page(name, lambda: draw(marks, caption), marks, caption)


def label(cell: Cell) -> str:
    """A cell's name in a legend."""
    return "not routed" if cell == CAPACITY else f"{cell.arm}, p = {cell.p:g}"


def looks(study: Study) -> np.ndarray:
    """The looks that are drawn: early ones closer to each other than late ones."""
    return np.unique(np.geomspace(1, study.epochs, LOOKS).round().astype(int))


def growth(study: Study) -> list[Mark]:
    """The region's share of what the network says of the concept, over training.

    Of placebo labels at one label fraction, the middle one.
    """
    marks, placebos = [], study.where("placebo")
    for cell in [*study.where("route"), CAPACITY, *placebos[len(placebos) // 2 :][:1]]:
        strength_SE, whole_SE = (course(study.of(cell), name) for name in ("strength", "whole"))
        marks += [
            mark("share", label(cell), e, fieller_ratio(strength_SE[:, e], whole_SE[:, e]))
            for e in looks(study)
        ]
    return marks


def suppression(study: Study) -> list[Mark]:
    """What the region takes from the rest's gradient, and what as many random units take."""
    marks = []
    for cell in [*study.where("route"), CAPACITY]:
        runs = study.of(cell)
        for name, series in (("suppress", label(cell)), ("control", f"{label(cell)}, random")):
            seen_SE = course(runs, name)
            marks += [mark("suppression", series, e, mean_t(seen_SE[:, e])) for e in looks(study)]
    return marks


def earned(study: Study) -> list[Mark]:
    """The region's part of the credit that unlabelled data of the concept earned."""
    cells = [cell for arm in ARMS for cell in study.where(arm) if cell.p < 1]
    marks = [mark("credit", cell.arm, cell.p, credit_share(credits_of(study.of(cell))))
             for cell in cells]  # fmt: skip
    return [*marks, mark("credit", "capacity", 0, credit_share(credits_of(study.of(CAPACITY))))]


def probed(study: Study) -> list[Mark]:
    """What a probe knows from the rest's units, beyond what it makes up, by label fraction."""
    cells = [cell for arm in ARMS for cell in study.where(arm)]
    marks = [mark("probe", cell.arm, cell.p, information(study, cell)) for cell in cells]
    marks.append(mark("probe", "capacity", 0, information(study, CAPACITY)))
    at_start = difference_t(values(study, CAPACITY, "start"), values(study, CAPACITY, "shuffled"))
    return [*marks, mark("probe", "untrained", 0, at_start), *probe_absorptions(study)]


def values(study: Study, cell: Cell, name: str) -> np.ndarray:
    """One score of the probe for every seed."""
    return np.array([row[f"usable.{name}"] for row in study.of(cell)], float)


def information(study: Study, cell: Cell):
    """Nats of a probe of the rest, less those of shuffled answers."""
    return difference_t(values(study, cell, "information"), values(study, cell, "shuffled"))


def probe_absorptions(study: Study) -> list[Mark]:
    """A_probe at each label fraction at which the hard gate was trained, and its null: not routed.

    The hard gate keeps the region silent on labelled data, so K may come to say more than without
    a region that takes part: an unrouted network need not read 0.
    """
    full, marks = Cell("route", 1.0), []
    for hard in study.where("hard"):
        route = Cell("route", hard.p)
        for cell in (route, CAPACITY) if {full, route} <= set(study.cells) else ():
            own_S, hard_S, full_S = (values(study, c, "information") for c in (cell, hard, full))
            found = probe_absorption(own_S, hard_S, full_S)
            marks.append(mark("A_probe", cell.arm, hard.p, found))
    return marks


def stopped(study: Study) -> list[Mark]:
    """The region's share at the end, and when labels stopped."""
    marks = []
    for cell in [*study.where("route", stopped=True), *study.where("route")]:
        if cell.until == 1 and not any(c.p == cell.p for c in study.where("route", stopped=True)):
            continue
        strength_SE, whole_SE = (course(study.of(cell), name) for name in ("strength", "whole"))
        at = math.ceil(Fraction(str(cell.until)) * study.epochs)  # as routing itself counts
        for when, look in (("at the end", -1), ("then", at)):
            found = fieller_ratio(strength_SE[:, look], whole_SE[:, look])
            marks.append(mark("labels stop", f"p = {cell.p:g}, {when}", cell.until, found))
    return marks


def nudged(study: Study) -> list[Mark]:
    """How much of a difference made on the way is there at the end."""
    marks = []
    for arm in ("route", "capacity"):
        cells = study.where(arm, nudged=True)
        for at in sorted({cell.at for cell in cells}):
            pair = [cell for cell in cells if cell.at == at]
            if len(pair) == 2:  # the weaker first
                weaker_SE, stronger_SE = (
                    share(course(study.of(c), "strength"), course(study.of(c), "whole"))
                    for c in pair
                )
                found = gain(weaker_SE, stronger_SE, round(at * study.epochs))
                marks.append(mark("gain", arm, at, found))
    return marks


def slopes(study: Study) -> list[Mark]:
    """How far the region's strength makes strength."""
    cells = [*study.where("route"), *study.where("placebo"), CAPACITY]
    return [mark("slope", cell.arm, cell.p, mean_t(slopes_of(study, cell))) for cell in cells]


def slopes_of(study: Study, cell: Cell) -> np.ndarray:
    """The slope of every run."""
    strength_SE, residual_SE = (course(study.of(cell), n) for n in ("strength", "residual"))
    return np.array([reinforcement(*pair) for pair in zip(strength_SE, residual_SE, strict=True)])


def turned(study: Study) -> list[Mark]:
    """Whether routed networks are further from unrouted ones than these are from each other."""
    plain_SNU = activations(study.of(CAPACITY))
    cells = [cell for arm in ARMS for cell in study.where(arm)]
    return [mark("form", cell.arm, cell.p, rotation(activations(study.of(cell)), plain_SNU))
            for cell in cells]  # fmt: skip


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    row = study.rows[0]
    return (
        f"{len(study.rows)} runs, {len(study.seeds)} seeds; {row['model.kind']},"
        f" {row['world.kind']}, concept {row['routing.concept']},"
        f" {row['routing.mechanism']} routing, {study.epochs} epochs of"
        f" {row['train.optimizer']}. Seen on held-out data of the concept. Share: how far the"
        " region moves the output towards the target, of how far it is; mean ablation, a ratio of"
        " means. Suppression: 1 − ⟨g, g′⟩/‖g′‖² of the rest's gradient with and without the region;"
        " random: as many units of the rest. Credit: the region's part of the fall of the loss that"
        " steps on unlabelled data of the concept brought about. Probe: nats that a linear probe"
        " knows of the concept from the rest's units, region at 0, cross-validated, less shuffled."
        " Labels stop: the share at the end by the part of training with labels, beside the share"
        " then. Gain: of a difference in share made by scaling the region by .8 and 1.2, what is"
        " there at the end. Slope of ln(growth/residual) on ln strength: 0 nothing reinforces"
        " itself, 1 the strongest takes all (under gradient descent). Form: Procrustes distance of"
        " routed and unrouted units over that of two unrouted ones, other seeds. 95 % intervals"
        " over seeds (t, Fieller; jackknife over pairs for form)."
    )


def in_words(study: Study, marks: Sequence[Mark]) -> str:
    """The finding for the terminal."""
    row = study.rows[0]
    lines = [f"mechanics, {row['model.kind']}, {row['world.kind']}, {len(study.seeds)} seeds:"]
    for panel in ("credit", "probe", "A_probe", "labels stop", "gain", "slope", "form"):
        own = [m for m in marks if m.panel == panel]
        lines.append(f"  {panel}: " + "; ".join(f"{m.series} {m.at:g} {spoken(m)}" for m in own))
    for panel in ("share", "suppression"):
        last = [m for m in marks if m.panel == panel and m.at == study.epochs]
        lines.append(f"  {panel}, end: " + "; ".join(f"{m.series} {spoken(m)}" for m in last))
    return "\n".join(lines)
