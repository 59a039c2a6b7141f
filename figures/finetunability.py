"""Fine-tunability as a proxy: how well "it came back" tells what had been taught."""

from collections.abc import Mapping

import numpy as np

from absorb.stats.finetunability import Proxy, proxy
from absorb.stats.intervals import share_t
from figures.apart import headed
from figures.finetuned_draw import draw
from figures.finetuned_runs import BUDGETS, NEVER, TAUGHT, Study, studies
from figures.marks import Mark, mark, number, spoken
from figures.page import Page, Pages, pages_of
from figures.select import Table

GRID = 12  # places at which movement is drawn


def pages(table: Table, partial: bool) -> Pages:
    """One figure for each study that is whole; without a control nothing can be told."""
    return pages_of("finetunability", studies(table), page, in_words)


def page(name: str, study: Study) -> Page:
    """The figure of one study."""
    marks = [m for budget in BUDGETS for m in (*back(study, budget), *tested(study, budget))]
    caption = headed(study.apart, caption_of(study))
    return Page(name, lambda: draw(marks, caption), marks, caption)


def back(study: Study, budget: str) -> list[Mark]:
    """The share of networks of each kind that came back within a budget, over seeds."""
    own = study.distances[budget]
    return [
        mark(f"{budget}: came back", kind, at, share_t((own_SN <= at).mean(axis=1)))
        for kind, own_SN in own.items()
        for at in places(own, budget)
    ]


def places(own: Mapping[str, np.ndarray], budget: str) -> np.ndarray:
    """The budgets at which shares are drawn: all there are, or a grid over movement."""
    every = np.concatenate([own_SN.ravel() for own_SN in own.values()])
    every = np.unique(every[np.isfinite(every)])
    if budget != "movement" or len(every) <= GRID:
        return every
    return np.quantile(every, np.linspace(0, 1, GRID))


def tested(study: Study, budget: str) -> list[Mark]:
    """The distance as a test: of all networks, and of each kind against each control."""
    own = study.distances[budget]
    taught = [kind for kind in TAUGHT if kind in own]
    whole = proxy(joined(own, taught), joined(own, NEVER))
    marks = [
        Mark(f"{budget}: test", name, at, value, value, value, whole.auc.n)
        for name, value_T in (("precision", whole.precision_T), ("recall", whole.recall_T))
        for at, value in zip(whole.threshold_T, value_T, strict=True)
    ]
    marks += chosen(budget, whole)
    marks.append(mark(f"{budget}: AUC", "all against all", 0, whole.auc))
    pairs = [(a, b) for a in taught for b in NEVER]
    return marks + [
        mark(f"{budget}: AUC", f"{a} against {b}", i + 1, proxy(own[a], own[b]).auc)
        for i, (a, b) in enumerate(pairs)
    ]


def chosen(budget: str, whole: Proxy) -> list[Mark]:
    """Precision and recall at the threshold that the other seeds chose."""
    return [
        mark(f"{budget}: chosen", name, whole.chosen, interval)
        for name, interval in (("precision", whole.precision), ("recall", whole.recall))
    ]


def joined(own: Mapping[str, np.ndarray], kinds) -> np.ndarray:
    """The distances of several kinds of networks side by side, (seeds, networks)."""
    return np.concatenate([own[kind] for kind in kinds], axis=1)


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    row = study.rows[0]
    own = study.distances["steps"]
    counts = ", ".join(f"{own_SN.shape[1]} {kind}" for kind, own_SN in own.items())
    return (
        f"{len(study.rows)} runs, {len(study.seeds)} seeds; networks of each seed: {counts};"
        f" {row['world.kind']}, concept {row['routing.concept']}. Back: a test loss of"
        f" {number(study.target)} nats or less, half-way between a constant"
        f" ({number(study.cannot)}) and the network that was not suppressed"
        f" ({number(study.can)}), by the attack that validation says is best within the budget."
        f" Attacks: {row['measure.attack_kinds']}, rates {row['measure.attack_rates']}, forget"
        f" examples {row['measure.attack_examples']}, {row['measure.attack_steps']} steps."
        " Movement: Euclidean distance of all parameters. Test: called taught within the"
        " threshold; precision as if both kinds were equally frequent; points at the threshold of"
        " greatest F1 on half of the seeds, reported on the other half. AUC: the chance that a"
        " taught network comes back sooner than one never taught, .5 by chance. 95 % intervals"
        " over seeds (t, jackknife; at least exact where seeds read nearly the same; binomial for"
        " recall)."
    )


def in_words(study: Study, marks) -> str:
    """The finding for the terminal."""
    lines = [f"finetunability, {study.rows[0]['world.kind']}, {len(study.seeds)} seeds:"]
    for budget in BUDGETS:
        own = [m for m in marks if m.panel == f"{budget}: AUC"]
        at = {m.series: m for m in marks if m.panel == f"{budget}: chosen"}
        lines.append(f"  {budget}: AUC " + ", ".join(f"{m.series} {spoken(m)}" for m in own))
        lines.append(
            f"    threshold {number(at['precision'].at)}: precision {spoken(at['precision'])},"
            f" recall {spoken(at['recall'])}"
        )
    return "\n".join(lines)
