"""Every ordered pair of tasks that was searched, with four measures of how the two are related."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.capability import capabilities
from absorb.stats.four_properties import cost, failed_unlearning
from absorb.stats.relearn import best, flattened
from figures.frontier_pairs import VIEWS, Tried, method
from figures.pair_tasks import (
    KEPT,
    WORLDS,
    Pair,
    Scale,
    Task,
    absent,
    planted,
    read,
    scale_of,
    task,
    tasks_of,
)
from figures.searches import losses
from figures.select import Table, config_names, row_groups
from figures.token_runs import Row, Seeded, common

PROPERTIES = ("transfer", "failed unlearning", "shared representation", "cost")
HELD = "elicited at that cost"  # which the cost was to hold at DELTA or less
FREE = ("world.a", "world.b", *VIEWS)
FREE_PARTS = ("routing.", "gate.", "rival.", "train.")
DELTA = 0.1  # what a capability may lose, and what may be left of one
FEWEST_TASKS, FEWEST_SEEDS = 4, 4


class Study(NamedTuple):
    """Measures by property, and HELD, of all ordered pairs (pairs, seeds), the diagonal apart.

    Pair (i, j) asks what of task j is in a network that is good at task i. `same` are tasks paired
    with themselves, (tasks, seeds). `planted` is what pairs share by construction, (pairs,).
    """

    tasks: Sequence[Task]
    pairs: Sequence[tuple[int, int]]
    found: Mapping[str, np.ndarray]
    same: Mapping[str, np.ndarray]
    seeds: Sequence[int]
    rows: Sequence[Row]
    missing: str
    planted: Mapping[str, np.ndarray]
    apart: str = ""  # what tells it from others of its figure


def studies(table: Table) -> list[Study]:
    """Every group of searches over ordered pairs of four tasks or more."""
    kinds = table.get("world.kind", ())
    rows = [i for i, kind in enumerate(kinds) if kind in WORLDS]
    free = [n for n in config_names(table) if n.startswith(FREE_PARTS) or n in FREE]
    every = row_groups(table, rows, free)
    settings = [n for n in free if n not in FREE]
    return [study_of(own, settings) for own in every if len(tasks_of(own)) >= FEWEST_TASKS]


def study_of(rows: Sequence[Row], settings: Sequence[str]) -> Study:
    """One group of rows, by pair, config and seed."""
    tasks = tasks_of(rows)
    place: dict[Task | None, int | None] = {own: i for i, own in enumerate(tasks)}
    place[None] = None
    tried: dict[Pair, Tried] = {}
    for row in rows:
        pair = place[task(row, "b")], place[task(row, "a")]
        key = tuple((name, row.get(name)) for name in settings)
        tried.setdefault(pair, {}).setdefault(key, {})[int(row["seed"])] = read(row)  # type: ignore[arg-type]
    seeds = common([list(runs) for own in tried.values() for runs in own.values()])
    pairs = [(i, j) for i in range(len(tasks)) for j in range(len(tasks)) if i != j]
    missing = lacking(tried, tasks, seeds)
    if missing:
        return Study(tasks, pairs, {}, {}, seeds, rows, missing, {})
    every = [(i, j) for i in range(len(tasks)) for j in range(len(tasks))]
    of = {p: properties(tried[p], scale_of(p, tried, seeds), seeds) for p in every}
    names = (*PROPERTIES, HELD)
    found = {p: np.stack([of[pair][p] for pair in pairs]) for p in names}
    same = {p: np.stack([of[i, i][p] for i in range(len(tasks))]) for p in names}
    return Study(tasks, pairs, found, same, seeds, rows, "", planted(tasks, pairs, rows[0]))


def lacking(tried: Mapping[Pair, Tried], tasks: Sequence[Task], seeds: Sequence[int]) -> str:
    """What is not there, in words; "" where everything is."""
    wanted, pairs = len(tasks) ** 2, [own for (i, _), own in tried.items() if i is not None]
    if len(pairs) < wanted:
        return f"{len(pairs)} of {wanted} ordered pairs of tasks"
    configs = list(dict.fromkeys(config for own in pairs for config in own))
    there = sum(len(set(seeds) & set(own.get(c, {}))) for own in pairs for c in configs)
    if there < wanted * len(configs) * len(seeds):
        return f"{there} of {wanted * len(configs) * len(seeds)} runs"
    if gone := absent(tried, len(tasks)):
        return gone
    return "" if len(seeds) >= FEWEST_SEEDS else f"{len(seeds)} seeds; 4 or more are needed"


def properties(own: Tried, scale: Scale, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """The four measures of one ordered pair, seed by seed: 0 unrelated, about 1 the same task."""
    searched = {str(i): runs for i, runs in enumerate(own.values())
                if method(runs) not in (None, "std")}  # fmt: skip
    alone = {"": scale.alone}
    a_CS = capability(searched, "elicited.forget", scale, seeds)
    b_CS = capabilities(losses(searched, KEPT, seeds), scale.zero_S, losses(alone, KEPT, seeds)[0])
    return {
        "transfer": transfer(scale, seeds),
        "failed unlearning": failed_unlearning(a_CS, b_CS, DELTA),
        "shared representation": capability(alone, "refit.forget", scale, seeds)[0],
        "cost": cost(a_CS, b_CS, DELTA),
        HELD: 1 - cost(a_CS, b_CS, DELTA, told_CS=a_CS),
    }


def capability(configs: Mapping[str, Seeded], column: str, scale: Scale, seeds: Sequence[int]
               ) -> np.ndarray:  # fmt: skip
    """Losses on the task that is asked, by the same means between who cannot and who was taught."""
    ends = (losses({"": runs}, column, seeds)[0] for runs in (scale.neither, scale.both))
    return capabilities(losses(configs, column, seeds), *ends)


def transfer(scale: Scale, seeds: Sequence[int]) -> np.ndarray:
    """Loss saved on the other task by starting from this one, of losses averaged over log n.

    Averaged before they are divided: with the most examples an attack may teach who cannot the
    whole task, and no saving can be told there.
    """
    alone_S, start_S, both_S = (
        np.array([by_examples(runs[seed]).mean() for seed in seeds])
        for runs in (scale.alone, scale.neither, scale.both)
    )
    return capabilities(alone_S[None], start_S, both_S)[0]


def by_examples(row: Row) -> np.ndarray:
    """The test loss of the best attack, by validation, with each number of examples; (E,).

    The numbers of examples have to be evenly spread on a log scale, as the mean over them is taken.
    NaN of a run that did not end well.
    """
    if row["status"] != "ok":
        return np.array([np.nan])
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
