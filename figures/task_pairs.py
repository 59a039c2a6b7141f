"""Every ordered pair of tasks that was searched, with four measures of how the two are related."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.capability import capabilities
from absorb.stats.four_properties import cost, failed_unlearning
from absorb.stats.relearn import best, flattened
from figures.frontier_pairs import VIEWS, method, references
from figures.searches import losses
from figures.select import Table, config_names, row_groups
from figures.token_runs import Row, Seeded, common

PROPERTIES = ("transfer", "failed unlearning", "shared representation", "cost")
FREE = ("world.a", "world.b", *VIEWS)
FREE_PARTS = ("routing.", "gate.", "rival.", "train.")
DELTA = 0.1  # what a capability may lose, and what may be left of one
FEWEST_TASKS, FEWEST_SEEDS = 4, 4

Task = tuple[tuple[int, ...], str]  # its digits, and how it shows them


class Study(NamedTuple):
    """Measures by property, of all ordered pairs of tasks (pairs, seeds), the diagonal apart.

    Pair (i, j) asks what of task j is in a network that is good at task i. `same` are tasks paired
    with themselves, (tasks, seeds).
    """

    tasks: Sequence[Task]
    pairs: Sequence[tuple[int, int]]
    found: Mapping[str, np.ndarray]
    same: Mapping[str, np.ndarray]
    seeds: Sequence[int]
    rows: Sequence[Row]
    missing: str


def studies(table: Table) -> list[Study]:
    """Every group of searches over ordered pairs of four tasks or more."""
    kinds = table.get("world.kind", ())
    rows = [i for i, kind in enumerate(kinds) if kind == "pair"]
    free = [n for n in config_names(table) if n.startswith(FREE_PARTS) or n in FREE]
    every = row_groups(table, rows, free)
    settings = [n for n in free if n not in FREE]
    return [study_of(own, settings) for own in every if len(tasks_of(own)) >= FEWEST_TASKS]


def task(row: Row, role: str) -> Task:
    """Task A or B of a run."""
    return tuple(json.loads(row[f"world.{role}"])), str(row[f"world.{role}_view"])


def tasks_of(rows: Sequence[Row]) -> list[Task]:
    """All tasks, upright ones first."""
    found = {task(row, role) for row in rows for role in "ab"}
    return sorted(found, key=lambda own: (own[1] != "upright", own[1], own[0]))


def study_of(rows: Sequence[Row], settings: Sequence[str]) -> Study:
    """One group of rows, by pair, config and seed."""
    tasks = tasks_of(rows)
    tried: dict[tuple[int, int], dict[tuple, dict[int, Row]]] = {}
    for row in rows:
        pair = tasks.index(task(row, "b")), tasks.index(task(row, "a"))
        key = tuple((name, row.get(name)) for name in settings)
        tried.setdefault(pair, {}).setdefault(key, {})[int(row["seed"])] = row
    seeds = common([list(runs) for own in tried.values() for runs in own.values()])
    pairs = [(i, j) for i in range(len(tasks)) for j in range(len(tasks)) if i != j]
    missing = lacking(tried, tasks, seeds)
    if missing:
        return Study(tasks, pairs, {}, {}, seeds, rows, missing)
    of = {pair: properties(own, seeds) for pair, own in tried.items()}
    found = {p: np.stack([of[pair][p] for pair in pairs]) for p in PROPERTIES}
    same = {p: np.stack([of[i, i][p] for i in range(len(tasks))]) for p in PROPERTIES}
    return Study(tasks, pairs, found, same, seeds, rows, "")


def lacking(tried: Mapping, tasks: Sequence[Task], seeds: Sequence[int]) -> str:
    """What is not there, in words; "" where everything is."""
    wanted = len(tasks) ** 2
    if len(tried) < wanted:
        return f"{len(tried)} of {wanted} ordered pairs of tasks"
    configs = list(dict.fromkeys(config for own in tried.values() for config in own))
    there = sum(len(set(seeds) & set(own.get(c, {}))) for own in tried.values() for c in configs)
    if there < wanted * len(configs) * len(seeds):
        return f"{there} of {wanted * len(configs) * len(seeds)} runs"
    if gone := [name for name, runs in references(next(iter(tried.values()))).items() if not runs]:
        return f"no run of {', '.join(gone)}"
    return "" if len(seeds) >= FEWEST_SEEDS else f"{len(seeds)} seeds; 4 or more are needed"


def properties(own: Mapping[tuple, Seeded], seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """The four measures of one ordered pair, seed by seed: 0 unrelated, about 1 the same task."""
    start, both, alone = references(own).values()  # type: ignore[arg-type]
    searched = {str(i): runs for i, runs in enumerate(own.values())
                if method(runs) not in (None, "std")}  # fmt: skip
    a_CS = scale(losses(searched, "elicited.forget", seeds), "elicited.forget", start, both, seeds)
    constant_S = losses({"": alone}, "trivial.retain", seeds)[0]
    b_CS = capabilities(losses(searched, "raw.retain", seeds), constant_S,
                        losses({"": alone}, "raw.retain", seeds)[0])  # fmt: skip
    refit = losses({"": alone}, "refit.forget", seeds)
    return {
        "transfer": transfer(alone, start, both, seeds),
        "failed unlearning": failed_unlearning(a_CS, b_CS, DELTA),
        "shared representation": scale(refit, "refit.forget", start, both, seeds)[0],
        "cost": cost(a_CS, b_CS, DELTA),
    }


def scale(loss_CS: np.ndarray, column: str, start: Seeded, both: Seeded, seeds: Sequence[int]
          ) -> np.ndarray:  # fmt: skip
    """Losses between what a random start reaches by the same means and both tasks taught."""
    cannot_S, can_S = (losses({"": runs}, column, seeds)[0] for runs in (start, both))
    return capabilities(loss_CS, cannot_S, can_S)


def transfer(alone: Seeded, start: Seeded, both: Seeded, seeds: Sequence[int]) -> np.ndarray:
    """Loss saved on the other task by starting from this one, of losses averaged over log n.

    Averaged before they are divided: with the most examples an attack may teach a random start the
    whole task, and no saving can be told there.
    """
    alone_S, start_S, both_S = (
        np.array([by_examples(runs[seed]).mean() for seed in seeds])
        for runs in (alone, start, both)
    )
    return capabilities(alone_S[None], start_S, both_S)[0]


def by_examples(row: Row) -> np.ndarray:
    """The test loss of the best attack, by validation, with each number of examples; (E,).

    The numbers of examples have to be evenly spread on a log scale, as the mean over them is taken.
    """
    kinds, rates, examples = (
        json.loads(str(row[f"measure.attack_{name}"])) for name in ("kinds", "rates", "examples")
    )
    validation, test = (
        np.stack([flattened(row[f"attack.{kind}.{part}"], len(rates), len(examples))
                  for kind in kinds])
        for part in ("validation", "forget")
    )  # fmt: skip
    validation = np.where(np.isfinite(validation), validation, np.inf)
    return np.array([best(validation[:, :, e], test[:, :, e]) for e in range(len(examples))])
