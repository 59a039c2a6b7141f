"""Is the attack strong enough? What it brings back within each budget, arm by arm.

A headline about elicited losses stands only where the curve is flat at its right end.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.intervals import fieller_ratio
from absorb.stats.relearn import best_by_examples
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages
from figures.relearning import Attacks, attacked, by_steps, curves
from figures.saturation_draw import draw, draw_cells
from figures.select import ARM, FRACTION, Table, described, groups, plain, suffix, telling
from figures.token_runs import Row, Seeded, common, finished

ARMS = ("route", "hard", "filter", "placebo", "std")
ADDED = "added at the end"


class Study(NamedTuple):
    """Runs with attack curves by arm, label fraction and seed; the fractions that are drawn."""

    cells: Mapping[tuple[str, float], Seeded]
    fractions: Sequence[float]
    seeds: Sequence[int]
    missing: str
    settings: Mapping[str, Any]
    suffix: str
    apart: str

    @property
    def arms(self) -> set[str]:
        """The arms at the fractions that are drawn."""
        return {arm for arm, p in self.cells if p in self.fractions}


def pages(table: Table, partial: bool) -> Pages:
    """A figure for each whole experiment of several arms, and one for all that have but one."""
    found = studies(table)
    drawn = [study for study in found if partial or not study.missing]
    left_out = [f"saturation{s.suffix}: {s.missing}" for s in found if s.missing and not partial]
    left_out += [f"saturation{s.suffix}: no run ended well" for s in drawn if not some_ended(s)]
    drawn = [study for study in drawn if some_ended(study)]
    compared = [study for study in drawn if len(study.arms) > 1]
    alone = [study for study in drawn if len(study.arms) == 1]
    cells = [page_of_cells(alone)] if alone else []
    said = [in_words(study) for study in compared] + [cells_in_words(one.marks) for one in cells]
    return Pages([page(study) for study in compared] + cells, "\n\n".join(said), left_out)


def some_ended(study: Study) -> bool:
    """Whether any run that would be drawn ended well."""
    runs = [runs for (_, p), runs in study.cells.items() if p in study.fractions]
    return any(finished(own) for own in runs)


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
    several = [g for g in found if len({columns[ARM][i] for i in g.rows}) > 1]
    made = []
    for part in (several, [g for g in found if g not in several]):
        files = telling([group.settings for group in part])
        for group in part:
            own = [{name: column[i] for name, column in columns.items()} for i in group.rows]
            apart = described(group.settings, files)
            names = suffix(group.settings, files)
            made.append(study_of(own, group.settings, names, apart))
    return [study for study in made if study.fractions]


def study_of(
    rows: Sequence[Row], settings: Mapping[str, Any], file_suffix: str, apart: str
) -> Study:
    """One group of runs; drawn are fractions at which a part of the concept is labelled."""
    cells: dict[tuple[str, float], dict[int, Row]] = {}
    for row in rows:
        cells.setdefault((row[ARM], float(row[FRACTION])), {})[int(row["seed"])] = row
    fractions = sorted({p for arm, p in cells if arm == "route" and 0 < p < 1})
    own = [runs for (arm, p), runs in cells.items() if p in fractions]
    seeds = common(own) if own else []
    there = sum(len(set(seeds) & set(runs)) for runs in own)
    missing = f"{there} of {len(own) * len(seeds)} runs" if there < len(own) * len(seeds) else ""
    return Study(cells, fractions, seeds, missing, settings, file_suffix, apart)


def page(study: Study) -> Page:
    """The figure of one experiment."""
    marks = [m for p in study.fractions for m in at_fraction(study, p)]
    caption, panels = caption_of(study), [f"p = {p:g}" for p in study.fractions]
    return Page(f"saturation{study.suffix}", lambda: draw(marks, panels, caption), marks, caption)


def page_of_cells(alone: Sequence[Study]) -> Page:
    """The figure of all experiments of one arm: what the end of each budget adds."""
    said, unsaid = labels([study.settings for study in alone])
    marks = [
        m._replace(series=label + (f", p = {p:g}" if len(study.fractions) > 1 else ""))
        for label, study in sorted(zip(said, alone, strict=True), key=lambda pair: pair[0])
        for p in study.fractions
        for m in at_fraction(study, p)
        if m.panel.startswith(ADDED)
    ]
    row = next(iter(next(iter(alone[0].cells.values())).values()))
    seeds = min(len(study.seeds) for study in alone)
    caption = (
        f"{len(alone)} experiments of one arm, {seeds} seeds or more; {row['model.kind']},"
        f" {row['world.kind']}, routed; where nothing else is said {unsaid}. The part of the whole"
        " fall of the loss on the concept that the second half of an attack's steps, and the last"
        " of its numbers of forget examples, bring: near 0 more of it would bring no more back."
        " Ratios of means, 95 % intervals (Fieller); faint where an interval goes on."
    )
    return Page("saturation_cells", lambda: draw_cells(marks, caption), marks, caption)


def labels(settings: Sequence[Mapping[str, Any]]) -> tuple[list[str], str]:
    """Settings in few words, and what goes without saying: one of two values, or of most."""
    names = telling(settings)
    common = {name: Counter(one.get(name) for one in settings).most_common() for name in names}
    most = 0.8 * len(settings)
    unsaid = {n: c[0][0] for n, c in common.items() if len(c) == 2 or c[0][1] > most}
    said = [
        ", ".join(word(name, one.get(name)) for name in names if one.get(name) != unsaid.get(name))
        for one in settings
    ]
    return said, ", ".join(word(name, value) for name, value in unsaid.items())


def word(name: str, value: Any) -> str:
    """One setting, such as "concept 1"; of a longer list its ends."""
    items = str(value).strip("[]").split(",")
    text = ", ".join(items) if len(items) < 3 else f"{items[0]} to {items[-1]}"
    return f"{name.split('.')[-1].replace('_', ' ')} {text or 'none'}"


def cells_in_words(marks: Sequence[Mark]) -> str:
    """How many experiments of one arm saturate, for the terminal."""
    lines = ["saturation of experiments of one arm: part of the fall that the end adds"]
    for budget in ("steps", "examples"):
        value = np.array([m.value for m in marks if m.panel == f"{ADDED}: {budget}" and m.drawn])
        lines.append(
            f"  {budget}: median {np.median(value):.3f}, most {value.max():.3f},"
            f" above .2 in {(value > 0.2).sum()} of {len(value)}"
            if value.size
            else f"  {budget}: –"
        )
    return "\n".join(lines)


def at_fraction(study: Study, p: float) -> list[Mark]:
    """Every arm's curves at one label fraction, and what the end of the budget adds."""
    marks = []
    for arm in ARMS:
        runs = study.cells.get((arm, p), {})
        each = attacked(runs, sorted(runs))
        marks += curves(f"p = {p:g}", arm, each, "")
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
        " the right end: more of it would bring no more back. Means and 95 % t"
        " intervals, none where a run did not end well."
    )


def in_words(study: Study) -> str:
    """The finding for the terminal: how much the end of an attack on routed networks adds.

    The other arms stand in the figure and its tables.
    """
    marks = [m for p in study.fractions for m in at_fraction(study, p)]
    lines = [
        f"saturation {study.apart}".rstrip() + ": part of the fall that the end of the budget adds"
    ]
    for budget in ("steps", "examples"):
        own = [m for m in marks if m.panel == f"{ADDED}: {budget}" and m.series == "route"]
        words = ", ".join(f"p = {m.at:g} {spoken(m)}" for m in own)
        lines.append(f"  {budget}, route: {words}")
    return "\n".join(lines)
