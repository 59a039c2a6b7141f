"""Networks of known truth under attack: taught and suppressed, or never taught; their distances."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from absorb.stats.finetunability import distance
from absorb.stats.relearn import flattened
from figures.relearning import checkpoints
from figures.select import ARM, FRACTION, Table, plain, row_groups
from figures.token_runs import MECHANISM, Row, Seeded, common, ended_badly, finished

EPOCHS, RIVAL = "train.epochs", "rival.kind"
FREE = (ARM, FRACTION, MECHANISM, EPOCHS, RIVAL, "rival.rate", "rival.strength", "rival.hold",
        "rival.steps")  # fmt: skip
TAUGHT, NEVER = ("ascent", "misdirect"), ("never shown", "random start")
REFERENCE = "not suppressed"
BUDGETS = ("steps", "examples", "movement")
NEEDS = ("trivial.forget", "attack.all.moved")

Networks = Mapping[str, Sequence[Seeded]]  # of each kind the configs, each its runs by seed


class Study(NamedTuple):
    """Distances (seeds, networks) by budget and kind of network, to one loss in nats.

    `cannot` and `can` are what a constant and the network that was not suppressed are worth.
    """

    distances: Mapping[str, Mapping[str, np.ndarray]]
    cannot: float
    can: float
    seeds: Sequence[int]
    rows: Sequence[Row]
    missing: str
    apart: str = ""  # what tells it from others of its figure

    @property
    def target(self) -> float:
        """The loss that counts as back: half-way between a constant and the taught network."""
        return (self.cannot + self.can) / 2


def studies(table: Table) -> list[Study]:
    """Every group of runs with both kinds of networks."""
    if not all(name in table for name in NEEDS):
        return []
    given = [[plain(value) is not None for value in table[name]] for name in NEEDS]
    rows = [i for i, known in enumerate(zip(*given, strict=True)) if all(known)]
    every = row_groups(table, rows, FREE)
    return [study_of(own) for own in every if {kind_of(row) for row in own} & set(TAUGHT)]


def kind_of(row: Row) -> str:
    """What a network is: how it was suppressed, or why it never knew; "" where neither."""
    arm, p, epochs = row[ARM], row[FRACTION], row[EPOCHS]
    if arm == "rival":
        return str(row[RIVAL])
    if arm == "std" and not epochs:
        return NEVER[1]
    return {("filter", 1.0): NEVER[0], ("std", 0.0): REFERENCE}.get((arm, float(p)), "")


def study_of(rows: Sequence[Row]) -> Study:
    """One group of runs, at the seeds that its networks have; one that did not end well lacks."""
    networks: dict[str, dict[tuple, dict[int, Row]]] = {}
    for row in rows:
        key = tuple(row.get(name) for name in FREE)
        networks.setdefault(kind_of(row), {}).setdefault(key, {})[int(row["seed"])] = row
    asked = {kind: list(own.values()) for kind, own in networks.items() if kind}
    seeds = common([runs for own in asked.values() for runs in own])
    of = {kind: [finished(runs) for runs in own] for kind, own in asked.items()}
    missing = lacking(of, seeds, ended_badly(rows))
    if missing:
        return Study({}, np.nan, np.nan, seeds, rows, missing)
    known = [runs[seed] for runs in of[REFERENCE] for seed in seeds]
    can, cannot = (
        float(np.mean([row[name] for row in known], dtype=float))
        for name in ("whole.forget", "trivial.forget")
    )
    study = Study({}, cannot, can, seeds, rows, "")
    if not np.isfinite(study.target):
        return study._replace(missing="the loss that counts as back is not finite")
    return study._replace(distances=distances(of, seeds, study.target))


def lacking(networks: Networks, seeds: Sequence[int], badly: str) -> str:
    """What is not there, in words; "" where everything is."""
    if absent := [kind for kind in (*NEVER, REFERENCE) if kind not in networks]:
        return f"no networks {', '.join(absent)}"
    every = [runs for own in networks.values() for runs in own]
    there = sum(len(set(seeds) & set(runs)) for runs in every)
    if there < len(every) * len(seeds):
        return f"{there} of {len(every) * len(seeds)} runs{badly}"
    return "" if len(seeds) >= 4 else f"{len(seeds)} seeds; 4 or more are needed"


def distances(networks: Networks, seeds: Sequence[int], target: float
              ) -> dict[str, dict[str, np.ndarray]]:  # fmt: skip
    """Distances (seeds, networks) by budget and kind."""
    return {
        budget: {
            kind: np.array([[of_run(runs[seed], budget, target) for runs in networks[kind]]
                            for seed in seeds])
            for kind in (*TAUGHT, *NEVER) if kind in networks
        }
        for budget in BUDGETS
    }  # fmt: skip


def of_run(row: Row, budget: str, target: float) -> float:
    """One network's distance."""
    looks = looks_of(row)
    return distance(looks["validation"], looks["forget"], looks[budget], target)


def looks_of(row: Row) -> dict[str, np.ndarray]:
    """Every look at every attack: validation and test loss, and what it had cost by each budget."""
    kinds, rates, examples = (
        json.loads(str(row[f"measure.attack_{name}"])) for name in ("kinds", "rates", "examples")
    )
    read = {
        part: np.stack([flattened(row[f"attack.{kind}.{part}"], len(rates), len(examples))
                        for kind in kinds])
        for part in ("validation", "forget", "moved")
    }  # fmt: skip
    shape = read["forget"].shape
    steps_K = np.array(checkpoints(int(row["measure.attack_steps"]), shape[-1]))
    examples_EK = np.array(examples, float)[:, None] * (steps_K > 0)
    return {
        "validation": read["validation"].ravel(),
        "forget": read["forget"].ravel(),
        "movement": read["moved"].ravel(),
        "steps": np.broadcast_to(steps_K, shape).ravel().astype(float),
        "examples": np.broadcast_to(examples_EK, shape).ravel(),
    }
