"""Where concepts live in runs of a crossed design: the same ones in every run?"""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.coabsorption import against, both_apart
from absorb.stats.crossed import crossed
from absorb.stats.home_agreement import fleiss_kappa, mean_rand
from absorb.stats.intervals import jackknife_t, undefined
from absorb.stats.variance import variance
from figures.apart import headed
from figures.homes_draw import draw
from figures.housed import AGREEMENT, LOST, REGION, homes_of, known
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages, pages_of
from figures.path_cubes import FACTORS, SEEDS, level
from figures.select import Table, plain, row_groups
from figures.token_runs import CONCEPT, MECHANISM, Row, concept_count, ended_badly, level_words
from figures.variance import separate

FEWEST = 4  # levels of initialisation and of data order
DRAWS = 1000
SHARE = "variance of living in the region: init"
COEFFICIENTS = {"Fleiss κ": fleiss_kappa, "Rand index": mean_rand, "co-absorption": both_apart}


class Study(NamedTuple):
    """One crossed design: homes (runs, concepts), and runs by initialisation and by shift.

    In each column of `run_IS` no two runs share initialisation or order; they draw labels in turn.
    """

    rows: Sequence[Row]
    home_RC: np.ndarray
    run_IS: np.ndarray
    missing: str
    apart: str = ""  # what tells it from others of its figure

    @property
    def lost(self) -> list[int]:
        """The concepts whose homes are not known."""
        return np.setdiff1d(np.arange(self.home_RC.shape[1]), known(self.home_RC)).tolist()

    @property
    def words(self) -> list[str]:
        """The concepts, of stories by level."""
        stories = self.rows[0]["world.kind"] == "stories"
        return [level_words(c) if stories else f"concept {c}" for c in range(self.home_RC.shape[1])]


def pages(table: Table, partial: bool) -> Pages:
    """One figure for each design that is whole."""
    return pages_of("homes", studies(table), page, in_words)


def studies(table: Table) -> list[Study]:
    """Every crossed design of transformers whose runs say what ablations cost each concept."""
    said, kinds = table.get("homes.loss", ()), table.get("model.kind", ())
    rows = [i for i, loss in enumerate(said)
            if plain(loss) is not None and plain(kinds[i]) == "transformer"]  # fmt: skip
    every = row_groups(table, rows, SEEDS)
    return [study_of(own) for own in every if any(separate(row) for row in own)]


def study_of(rows: Sequence[Row]) -> Study:
    """One design, or what it lacks."""
    levels = {factor: sorted({level(row, factor) for row in rows}) for factor in FACTORS}
    at = {tuple(level(row, factor) for factor in FACTORS): i for i, row in enumerate(rows)}
    inits, orders, labels = levels.values()
    home_RC = homes_of(rows, concept_count(rows[0]))
    if missing := lacking(rows, levels):
        return Study(rows, home_RC, np.zeros((0, 0), int), missing)
    n = min(len(inits), len(orders))
    run_IS = [
        [at[inits[i], orders[(i + s) % n], labels[(i + s) % len(labels)]] for s in range(n)]
        for i in range(n)
    ]
    return Study(rows, home_RC, np.array(run_IS), "")


def lacking(rows: Sequence[Row], levels: dict[str, list[int]]) -> str:
    """What a design lacks, in words; "" where it is whole."""
    wanted = int(np.prod([len(own) for own in levels.values()]))
    whole = sum(row["status"] == "ok" for row in rows)
    if whole != wanted:
        return f"{whole} of {wanted} runs{ended_badly(rows)}"
    few = min(len(levels["init"]), len(levels["order"]))
    return f"{few} initialisations or data orders; {FEWEST} are needed" if few < FEWEST else ""


def page(name: str, study: Study) -> Page:
    """The figure of one design."""
    marks = [*by_init(study), *shares_of_init(study), *agreements(study)]
    caption = headed(study.apart, caption_of(study))
    return Page(name, lambda: draw(marks, study.words, caption), marks, caption)


def by_init(study: Study) -> list[Mark]:
    """The share of an initialisation's runs that house each concept; no interval: they share it."""
    init_R = np.array([level(row, "init") for row in study.rows])
    marks = []
    for init in np.unique(init_R):
        own_RC = study.home_RC[init_R == init] == REGION
        marks += [
            Mark("housed", word, init, share, -np.inf, np.inf, len(own_RC))
            if c not in study.lost
            else mark("housed", word, init, undefined(len(own_RC), LOST))
            for c, (word, share) in enumerate(zip(study.words, own_RC.mean(axis=0), strict=True))
        ]
    return marks


def shares_of_init(study: Study) -> list[Mark]:
    """Of the variance of living in the region or not, the share of the initialisation."""
    seeds = {factor: [level(row, factor) for row in study.rows] for factor in FACTORS}
    marks = []
    for c, word in enumerate(study.words):
        housed_R = (study.home_RC[:, c] == REGION).astype(float)
        if c in study.lost:
            share = undefined(len(housed_R), LOST)
        elif not 0 < housed_R.mean() < 1:
            share = undefined(len(housed_R), "it is the same in all runs")
        else:
            share = variance(crossed(housed_R, seeds).y, FACTORS).of("init").share
        marks.append(mark(SHARE, word, c, share))
    return marks


def agreements(study: Study) -> list[Mark]:
    """How far runs agree that share neither initialisation nor order: three sets of concepts."""
    home_ISC = study.home_RC[study.run_IS]
    labelled = json.loads(str(study.rows[0][CONCEPT]))
    told = known(study.home_RC).tolist()
    rest = [c for c in told if c not in labelled]
    sets = {
        "all concepts": told,
        "not the labelled": rest,
        "nor the traits": [c for c in rest if "trait" not in study.words[c]],
    }
    none = float((home_ISC[..., told] < 0).mean())
    marks = [Mark(AGREEMENT, "homes that are not told", 0, none, -np.inf, np.inf,
                  home_ISC[..., 0].size)]  # fmt: skip
    for name, own in sets.items():
        for word, statistic in COEFFICIENTS.items() if len(own) > 1 else ():
            marks.append(agreed(f"{word}, {name}", statistic, home_ISC[:, :, own]))
    return marks


def agreed(name: str, statistic: Callable[[np.ndarray], float], home_ISC: np.ndarray) -> Mark:
    """A coefficient averaged over shifts, with the jackknife over initialisations and its null."""

    def mean(own_ISC: np.ndarray) -> float:
        return float(np.mean([statistic(own_ISC[:, s]) for s in range(own_ISC.shape[1])]))

    value, rng = jackknife_t(mean, home_ISC), np.random.default_rng(0)
    null = against(value.value, np.array([mean(relabelled(rng, home_ISC)) for _ in range(DRAWS)]))
    return mark(AGREEMENT, name, 0, value, f"permuted homes {null.mean:.3f}, P = {null.p:.2g}")


def relabelled(rng: np.random.Generator, home_ISC: np.ndarray) -> np.ndarray:
    """Concepts permuted, in one way in all runs of an initialisation: these are not independent."""
    inits, _, concepts = home_ISC.shape
    order_IC = rng.permuted(np.tile(np.arange(concepts), (inits, 1)), axis=1)
    return np.take_along_axis(home_ISC, order_IC[:, None, :], axis=2)


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    first = study.rows[0]
    levels = " × ".join(str(len({level(row, factor) for row in study.rows})) for factor in FACTORS)
    return (
        f"{len(study.rows)} runs, {levels} initialisations, data orders and draws of labels;"
        f" {first['world.kind']}, {first[MECHANISM]} routing of"
        f" {study.words[json.loads(str(first[CONCEPT]))[0]]}, {first['routing.label_fraction']:g}"
        f" of it labelled. Home: the part, region or rest, of which the ablation costs a concept's"
        f" tokens most, by Shapley value, told from 0; to κ none is a home like any other. Right of"
        f" the map: the share that initialisation has of the variance of living in the region."
        f" Agreement of {len(study.run_IS)} runs that share neither initialisation nor order (some"
        f" share their labels), averaged over {study.run_IS.shape[1]} such choices, beside the same"
        f" with the concepts of every initialisation permuted (one-sided P, not corrected for their"
        f" number)."
        f" Whiskers: 95 %, modified large samples, jackknife over initialisations."
        f"{lost_in_words(study)}"
    )


def lost_in_words(study: Study) -> str:
    """Which concepts are left out, or ""."""
    names = ", ".join(study.words[c] for c in study.lost)
    return f" Left out of all: {names} ({LOST})." if names else ""


def in_words(study: Study, marks: Sequence[Mark]) -> str:
    """The finding for the terminal."""
    lines = [f"homes, {len(study.rows)} runs, concepts by the share of initialisation:"]
    for m in marks:
        if m.panel == SHARE:
            lines.append(f"  {m.series}: {spoken(m)}{f' ({m.why})' if m.why else ''}")
        elif m.panel == AGREEMENT:
            lines.append(f"  {m.series}: {spoken(m)}{f' ({m.flag})' if m.flag else ''}")
    return "\n".join(lines)
