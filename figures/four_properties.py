"""Are transfer, failed unlearning, a shared representation and a cost the same thing?"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from absorb.stats.four_properties import MARGIN, agreement, compare_pairs, tau_b
from absorb.stats.intervals import mean_t
from figures.apart import headed
from figures.four_draw import PLANTED, TAU, WITHIN, draw
from figures.marks import Mark, mark, number, spoken
from figures.page import Page, Pages, by_model, pages_of
from figures.pair_tasks import FEATURES, STORIES
from figures.select import Table
from figures.task_pairs import DELTA, HELD, PROPERTIES, Study, studies

FEWEST_PAIRS = 4  # of one view
HOLLOW = "; hollow: over pairs of one view alone"
EXAMPLES = {FEATURES: "vectors", STORIES: "stories"}  # elsewhere pictures
SHARED = (
    " Planted: the share of the column's features that the row has too; of the row's that the"
    " column has, and of the column's subspace that the row spans, where these differ."
)


def pages(table: Table, partial: bool) -> Pages:
    """One figure for each study that is whole: the test of no agreement needs every pair."""
    return pages_of("four_properties", studies(table), page, in_words, ending=ending)


def ending(study: Study) -> str:
    """The ending of a study's files: its model, but features, which one model alone learns."""
    return "-features" if study.rows[0]["world.kind"] == FEATURES else by_model(study)


def page(name: str, study: Study) -> Page:
    """The figure of one study."""
    marks = [m for p in PROPERTIES for m in cells(study, p)]
    marks += [m for name in study.planted for m in planted_cells(study, name)]
    marks += [m for pair in combinations(PROPERTIES, 2) for m in compared(study, *pair)]
    marks += [held_against(study, p, name) for name in study.planted for p in PROPERTIES]
    caption = headed(study.apart, caption_of(study))
    tasks = [task.words for task in study.tasks]
    return Page(name, lambda: draw(marks, tasks, caption), marks, caption)


def cells(study: Study, name: str) -> list[Mark]:
    """One property of every ordered pair; `at` counts rows times tasks, then columns."""
    n = len(study.tasks)
    both = [
        (pair, study.found[name][i], study.found[HELD][i]) for i, pair in enumerate(study.pairs)
    ]
    both += [((i, i), study.same[name][i], study.same[HELD][i]) for i in range(n)]
    return [
        mark(name, f"{study.tasks[i].words} → {study.tasks[j].words}", i * n + j,
             mean_t(value_S), not_held(held_S) if name == "cost" else "")
        for (i, j), value_S, held_S in sorted(both, key=lambda cell: cell[0])
    ]  # fmt: skip


def not_held(held_S: np.ndarray) -> str:
    """What is elicited of the network that a cost is read from, unless it is told to be DELTA."""
    held = mean_t(held_S)
    if np.isnan(held.value) or held.high <= DELTA:
        return ""
    return f"a is {number(held.value)} [{number(held.low)}, {number(held.high)}]"


def planted_cells(study: Study, name: str) -> list[Mark]:
    """What every two tasks share by construction, exactly; a task shares all with itself."""
    n = len(study.tasks)
    share = dict(zip(study.pairs, study.planted[name], strict=True))
    return [
        Mark(f"{PLANTED}{name}", f"{row.words} → {column.words}", i * n + j, x, x, x, 0)
        for i, row in enumerate(study.tasks)
        for j, column in enumerate(study.tasks)
        for x in [float(share.get((i, j), 1.0))]
    ]


def held_against(study: Study, x: str, name: str) -> Mark:
    """τ_b of a property and of what is planted, over all ordered pairs."""
    x_PS = study.found[x]
    if not np.isfinite(x_PS).all():
        return undefined(x, name)
    found = agreement(x_PS.mean(axis=1), study.planted[name], study.pairs)
    return mark(TAU, f"{x} ~ {name}", 0, found.tau, f"P = {found.chance:.2g}")


def undefined(x: str, y: str) -> Mark:
    """No τ_b, since a pair has no value."""
    return Mark(TAU, f"{x} ~ {y}", 0, np.nan, np.nan, np.nan, 0, why="a pair is undefined")


def compared(study: Study, x: str, y: str) -> list[Mark]:
    """τ_b of two properties over all ordered pairs, and the pairs of which they disagree."""
    x_PS, y_PS = study.found[x], study.found[y]
    if not (np.isfinite(x_PS).all() and np.isfinite(y_PS).all()):
        return [undefined(x, y)]
    found = agreement(x_PS.mean(axis=1), y_PS.mean(axis=1), study.pairs)
    verdicts = compare_pairs(x_PS, y_PS)
    count = {v: sum(one.verdict == v for one in verdicts) for v in ("equivalent", "counterexample")}
    words = (
        f"P = {found.chance:.2g}; within {MARGIN:g}: {count['equivalent']}, beyond:"
        f" {count['counterexample']} of {len(verdicts)}"
    )
    marks = [mark(TAU, f"{x} ~ {y}", 0, found.tau, words), *within_views(study, x, y)]
    return marks + [
        mark("counterexample", f"{x} ~ {y}", i, verdict.gap, pair_words(study, i))
        for i, verdict in enumerate(verdicts) if verdict.verdict == "counterexample"
    ]  # fmt: skip


def within_views(study: Study, x: str, y: str) -> list[Mark]:
    """τ_b over the pairs of one view alone, so that two views are not all there is to rank.

    No interval: too few tasks share a view to resample them.
    """
    view_P2 = np.array([[study.tasks[t].view for t in pair] for pair in study.pairs])
    own_P = view_P2[:, 0] == view_P2[:, 1]
    if own_P.all() or own_P.sum() < FEWEST_PAIRS:
        return []
    x_P, y_P = (study.found[name][own_P].mean(axis=1) for name in (x, y))
    value = tau_b(x_P, y_P, np.ones(own_P.sum()))
    return [Mark(WITHIN, f"{x} ~ {y}", 0, value, -np.inf, np.inf, int(own_P.sum()))]


def pair_words(study: Study, i: int) -> str:
    """An ordered pair by its tasks."""
    return " → ".join(study.tasks[t].words for t in study.pairs[i])


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    row = study.rows[0]
    stories = row["world.kind"] == STORIES
    examples = EXAMPLES.get(row["world.kind"], "pictures")
    zero = (
        "as from a network that learned the language alone" if stories else "as from a random start"
    )
    return (
        f"{len(study.rows)} runs, {len(study.seeds)} seeds, {row['model.kind']}; row: the task that"
        " the network is good at, column: the task that is asked of it; the diagonal pairs a task"
        f" with other {examples} of itself. All on one scale: 0 {zero}, 1 as from a"
        " network that learned both. Transfer: loss saved by starting from the row, over log n"
        " forget examples. Failed unlearning: the least elicited capability of the column at a"
        f" capability of the row of {1 - DELTA:g}; where no config had that, 1. Shared"
        " representation: a fresh head on the row's features. Cost: what the row loses where the"
        f" column's elicited capability a is {DELTA:g} or less; the tables say a where it may be"
        " more. Configs are chosen on the other half of the seeds. Blank: no scale, since the same"
        " attack teaches a random start the column's task as well. τ_b over ordered pairs off the"
        " diagonal; 95 % intervals by resampled"
        f" tasks, P by relabelled tasks (QAP){HOLLOW * several_views(study)}."
        f"{SHARED * bool(study.planted)} Attacks:"
        f" {row['measure.attack_kinds']}, rates {row['measure.attack_rates']}, forget examples"
        f" {row['measure.attack_examples']}, {row['measure.attack_steps']} steps."
    )


def span_of(mean_P: np.ndarray) -> str:
    """The least and the greatest of these values, and how many there are not."""
    known_P = mean_P[np.isfinite(mean_P)]
    lacking = f" ({len(mean_P) - len(known_P)} of {len(mean_P)} undefined)"
    said = f"{number(known_P.min())} to {number(known_P.max())}" if len(known_P) else "–"
    return said + lacking * (len(known_P) < len(mean_P))


def several_views(study: Study) -> bool:
    """Whether tasks are seen in more than one way."""
    return len({task.view for task in study.tasks}) > 1


def in_words(study: Study, marks: Sequence[Mark]) -> str:
    """The finding for the terminal."""
    lines = [f"four_properties, {len(study.pairs)} ordered pairs, {len(study.seeds)} seeds:"]
    for name in PROPERTIES:
        means, same = study.found[name].mean(axis=1), study.same[name].mean(axis=1)
        lines.append(f"  {name}: {span_of(means)}, on itself {span_of(same)}")
    for m in marks:
        if m.panel == TAU:
            lines.append(f"  τ_b {m.series}: {spoken(m)} {m.flag or m.why}")
        if m.panel == WITHIN:
            lines.append(f"    within a view: {number(m.value)}, {m.n} pairs")
    found = [m for m in marks if m.panel == "counterexample"]
    lines += [f"  counterexample, {m.series}: {m.flag}, gap {spoken(m)}" for m in found[:12]]
    return "\n".join(lines + [f"  and {len(found) - 12} more"] * (len(found) > 12))
