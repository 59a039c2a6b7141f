"""Searches for networks that are good at B and unable to do A, on a pair and on both controls."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.capability import capabilities
from figures.apart import full_name, told_apart
from figures.searches import losses, method_of
from figures.select import Table, config_names, described, differing, row_groups
from figures.token_runs import Row, Seeded, common

CONTROLS = ("asked", "identical", "separable")
TASKS = {"mlp": "classification", "autoencoder": "reconstruction"}
VIEWS = ("world.a_view", "world.b_view")
FREE = ("world.a", "world.b", *VIEWS)  # what a figure compares, with the parts that are searched
FREE_PARTS = ("routing.", "gate.", "rival.", "train.")
ELICITED, KEPT, TRIVIAL = "elicited.forget", "raw.retain", "trivial.retain"


class Search(NamedTuple):
    """All configs tried on one pair: capabilities and losses, shapes (configs, seeds).

    `elicited_CS` of A and `loss_CS` of B are nats or squared errors. `cannot_S` and `can_S`: what
    the same attack elicits from a random start and from a network that learned both. `constant_S`:
    the loss on B of the best constant. `alone` is the place of the config that learned B alone:
    what it knows of A cost nothing. `methods` and `words` say of each config what it is.
    """

    pair: str
    methods: Sequence[str]
    words: Sequence[str]
    a_CS: np.ndarray
    b_CS: np.ndarray
    elicited_CS: np.ndarray
    loss_CS: np.ndarray
    cannot_S: np.ndarray
    can_S: np.ndarray
    constant_S: np.ndarray
    alone: int


class Study(NamedTuple):
    """One model on a pair and on both controls, at the seeds that all have.

    `task` tells it from others of the table.
    """

    task: str
    searches: Mapping[str, Search]
    seeds: Sequence[int]
    first: Row
    runs: int
    missing: str


Tried = dict[tuple[tuple[str, Any], ...], dict[int, Row]]  # runs by config, by seed


def studies(table: Table) -> list[Study]:
    """Every model's runs in the world `pair`."""
    kinds = table.get("world.kind", ())
    rows = [i for i, kind in enumerate(kinds) if kind == "pair"]
    free = [n for n in config_names(table) if n.startswith(FREE_PARTS) or n in FREE]
    every = row_groups(table, rows, free)
    every = [own for own in every if pairs_of(own) <= len(CONTROLS)]
    found = [study_of(own, free) for own in every]
    places = told_apart([study.task for study in found], every)
    return [found[i]._replace(task=full_name(found[i].task, words)) for i, words in places]


def pairs_of(rows: Sequence[Row]) -> int:
    """How many pairs of tasks were tried; more than with both controls are another question."""
    return len({tuple(row[name] for name in FREE) for row in rows})


def study_of(rows: Sequence[Row], free: Sequence[str]) -> Study:
    """One group of rows, sorted by control, config and seed."""
    tried: dict[str, Tried] = {}
    settings = [n for n in free if n not in FREE]
    for row in rows:
        key = tuple((name, row.get(name)) for name in settings)
        tried.setdefault(control_of(row), {}).setdefault(key, {})[int(row["seed"])] = row
    seeds = common([list(runs) for own in tried.values() for runs in own.values()])
    missing = lacking(tried, seeds)
    found = {} if missing else {c: search_of(tried[c], seeds) for c in CONTROLS}
    task = TASKS.get(str(rows[0]["model.kind"]), str(rows[0]["model.kind"]))
    return Study(task, found, seeds, rows[0], len(rows), missing)


def control_of(row: Row) -> str:
    """Which of the three a run belongs to: what was asked, or a control."""
    a_view, b_view = (row[name] for name in VIEWS)
    if a_view != b_view and "elsewhere" in (a_view, b_view):
        return "separable"
    same = a_view == b_view and json.loads(row["world.a"]) == json.loads(row["world.b"])
    return "identical" if same else "asked"


def lacking(tried: Mapping[str, Tried], seeds: Sequence[int]) -> str:
    """What is not there, in words; "" where everything is."""
    if absent := [control for control in CONTROLS if control not in tried]:
        return f"no runs of {', '.join(absent)}"
    every = [row for own in tried.values() for runs in own.values() for row in runs.values()]
    if not any(row["status"] == "ok" for row in every):
        return "no run ended well"
    configs = list(dict.fromkeys(config for own in tried.values() for config in own))
    there = sum(len(set(seeds) & set(own.get(c, {}))) for own in tried.values() for c in configs)
    wanted = len(tried) * len(configs) * len(seeds)
    if there < wanted:
        return f"{there} of {wanted} runs"
    for control, own in tried.items():
        if gone := [name for name, runs in references(own).items() if not runs]:
            return f"{control}: no run of {', '.join(gone)}"
    return "" if len(seeds) >= 4 else f"{len(seeds)} seeds; a frontier needs 4 or more"


def references(own: Tried) -> dict[str, Seeded]:
    """The random start, the network that learned both tasks, and the one that learned B alone."""
    found: dict[str, Seeded] = {"the random start": {}, "both tasks": {}, "B alone": {}}
    longest = dict.fromkeys(found, 0)
    for runs in own.values():
        row = next(iter(runs.values()))
        epochs, arm, p = row["train.epochs"], row["routing.arm"], row["routing.label_fraction"]
        name = {("std", 0.0): "both tasks", ("filter", 1.0): "B alone"}.get((arm, float(p)))
        if arm == "std" and epochs == 0:
            found["the random start"] = runs
        elif name and epochs > longest[name]:
            found[name], longest[name] = runs, epochs
    return found


def search_of(own: Tried, seeds: Sequence[int]) -> Search:
    """Capabilities of every config that a method tried, on the scale that the references span."""
    configs = {key: runs for key, runs in own.items() if method(runs) not in (None, "std")}
    row = next(iter(next(iter(configs.values())).values()))
    start, both, alone = ({"": runs} for runs in references(own).values())
    constant_S = losses(alone, TRIVIAL, seeds)[0]
    cannot_S, can_S = (losses(runs, ELICITED, seeds)[0] for runs in (start, both))
    best_S = losses(alone, KEPT, seeds)[0]
    each = {str(i): runs for i, runs in enumerate(configs.values())}
    elicited_CS, loss_CS = (losses(each, column, seeds) for column in (ELICITED, KEPT))
    settings = [dict(key) for key in configs]
    names = differing(settings)
    return Search(
        pair_words(row),
        [str(method(runs)) for runs in configs.values()],
        [described(one, names) for one in settings],
        capabilities(elicited_CS, cannot_S, can_S),
        capabilities(loss_CS, constant_S, best_S),
        elicited_CS,
        loss_CS,
        cannot_S,
        can_S,
        constant_S,
        [runs is alone[""] for runs in configs.values()].index(True),
    )


def method(runs: Seeded) -> str | None:
    """The method of a config."""
    return method_of(next(iter(runs.values())))


def pair_words(row: Row) -> str:
    """Such as "0 to 4, elsewhere, against 5 to 9"."""
    return " against ".join(
        digit_words(json.loads(row[f"world.{task}"]), row[f"world.{task}_view"]) for task in "ab"
    )


def digit_words(digits: Sequence[int], view: str) -> str:
    """The digits of a task as its view shows them."""
    whole = sorted(digits) == list(range(min(digits), max(digits) + 1)) and len(digits) > 2
    said = f"{min(digits)} to {max(digits)}" if whole else ", ".join(map(str, sorted(digits)))
    return said if view == "upright" else f"{said} ({view})"
