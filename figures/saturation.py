"""Is the attack strong enough? What it brings back within each budget, arm by arm.

A headline about elicited losses stands only where the curve is flat at its right end.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import fieller_ratio
from absorb.stats.relearn import best_by_examples
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.relearning import Attacks, attacks_of, by_steps, curves
from figures.saturation_draw import draw
from figures.select import ARM, FRACTION, Table, described, groups, plain, suffix, telling
from figures.token_runs import Row, Seeded, common

ARMS = ("route", "hard", "filter", "placebo", "std")
ADDED = "added at the end"


class Study(NamedTuple):
    """Runs with attack curves by arm, label fraction and seed; the fractions that are drawn."""

    cells: Mapping[tuple[str, float], Seeded]
    fractions: Sequence[float]
    seeds: Sequence[int]
    missing: str
    suffix: str
    apart: str


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each absorption experiment with attack curves that is whole."""
    found = studies(table)
    drawn = [study for study in found if partial or not study.missing]
    left_out = [f"saturation{s.suffix}: {s.missing}" for s in found if s.missing and not partial]
    said = "\n\n".join(in_words(study) for study in drawn)
    return Pages([page(study) for study in drawn], said, left_out)


def studies(table: Table) -> list[Study]:
    """The groups of rows that differ in arm, label fraction and seed, and were attacked."""
    names = [name for name in table if name.startswith("attack.") and name.endswith(".validation")]
    rows = [
        i
        for i, arm in enumerate(table.get(ARM, []))
        if arm in ARMS and any(plain(table[name][i]) is not None for name in names)
    ]
    if not rows:
        return []
    columns = {name: [plain(column[i]) for i in rows] for name, column in table.items()}
    found = [g for g in groups(columns) if "route" in {columns[ARM][i] for i in g.rows}]
    files = telling([group.settings for group in found])
    made = []
    for group in found:
        own = [{name: column[i] for name, column in columns.items()} for i in group.rows]
        apart = described(group.settings, files)
        made.append(study_of(own, suffix(group.settings, files), apart))
    return [study for study in made if study.fractions]


def study_of(rows: Sequence[Row], file_suffix: str, apart: str) -> Study:
    """One group of runs; drawn are fractions at which a part of the concept is labelled."""
    cells: dict[tuple[str, float], dict[int, Row]] = {}
    for row in rows:
        cells.setdefault((row[ARM], float(row[FRACTION])), {})[int(row["seed"])] = row
    fractions = sorted({p for arm, p in cells if arm == "route" and 0 < p < 1})
    own = [runs for (arm, p), runs in cells.items() if p in fractions]
    seeds = common(own) if own else []
    there = sum(len(set(seeds) & set(runs)) for runs in own)
    missing = f"{there} of {len(own) * len(seeds)} runs" if there < len(own) * len(seeds) else ""
    return Study(cells, fractions, seeds, missing, file_suffix, apart)


def page(study: Study) -> Page:
    """The figure of one experiment."""
    marks = [m for p in study.fractions for m in at_fraction(study, p)]
    caption, panels = caption_of(study), [f"p = {p:g}" for p in study.fractions]
    return Page(f"saturation{study.suffix}", lambda: draw(marks, panels, caption), marks, caption)


def at_fraction(study: Study, p: float) -> list[Mark]:
    """Every arm's curves at one label fraction, and what the end of the budget adds."""
    marks = []
    for arm in ARMS:
        runs = study.cells.get((arm, p), {})
        marks += curves(f"p = {p:g}", arm, runs, "")
        each = [a for row in runs.values() if row["status"] == "ok" and (a := attacks_of(row))]
        if each:
            marks += added(arm, p, each)
    return marks


def added(arm: str, p: float, each: Sequence[Attacks]) -> list[Mark]:
    """What the second half of the steps, and the most forget examples, add to an attack.

    As parts of the whole fall of the loss from before the attack, ratios of means.
    """
    steps_SK = np.array([by_steps(a) for a in each])
    examples_SE = np.array([best_by_examples(a.validation_REK, a.forget_REK) for a in each])
    half_S, end_S = steps_SK[:, (steps_SK.shape[1] - 1) // 2], steps_SK[:, -1]
    fewer_S = examples_SE[:, max(examples_SE.shape[1] - 2, 0)]
    found = {"steps": half_S - end_S, "examples": fewer_S - end_S}
    whole_S = steps_SK[:, 0] - end_S
    return [mark(f"{ADDED}: {name}", arm, p, fieller_ratio(part_S, whole_S))
            for name, part_S in found.items()]  # fmt: skip


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    row = next(iter(next(iter(study.cells.values())).values()))
    part = f" (PARTIAL: {study.missing})" if study.missing else ""
    return (
        f"{len(study.seeds)} seeds{part}; {row['model.kind']}, {row['world.kind']}, concept"
        f" {row['routing.concept']}{'; ' if study.apart else ''}{study.apart}. Loss on the concept"
        " after the attack that validation says is best within the budget, region at 0, on test."
        f" Attacks: {row['measure.attack_kinds']}, rates {row['measure.attack_rates']}, forget"
        f" examples {row['measure.attack_examples']}, {row['measure.attack_steps']} steps; left by"
        " steps with any number of examples, right by examples with any number of steps. Flat at"
        " the right end: more of it would bring no more back. Means and 95 % t intervals."
    )


def in_words(study: Study) -> str:
    """The finding for the terminal: how much of what an attack does its last part does."""
    marks = [m for p in study.fractions for m in at_fraction(study, p)]
    lines = [
        f"saturation {study.apart}".rstrip() + ": part of the fall that the end of the budget adds"
    ]
    for budget in ("steps", "examples"):
        for arm in ARMS:
            own = [m for m in marks if m.panel == f"{ADDED}: {budget}" and m.series == arm]
            if own:
                words = ", ".join(f"p = {m.at:g} {spoken(m)}" for m in own)
                lines.append(f"  {budget}, {arm}: {words}")
    return "\n".join(lines)
