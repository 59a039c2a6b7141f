"""Toy models of superposition: the engine against PyTorch with all instances in one batch."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from absorb.config import Config
from benchmarks.effort import Effort
from benchmarks.report import Figure, Report, at_least
from benchmarks.timing import Contender, Taken, interleaved

PLAIN = "routing=none"
SETTINGS = ["world=sparse", "model=toy", "train=adamw", "measure=quick", "world.importance=0.9"]
ROUTED = {
    "activation routing": ["routing=activation"],
    "parameter routing": ["routing=parameter"],
    "activation routing by loss component":
        ["routing=activation", "routing.granularity=component"],
    "parameter routing by loss component":
        ["routing=parameter", "routing.granularity=component"],
}  # fmt: skip


class Case(NamedTuple):
    """One size of network, so many of them, and the goal for each way of drawing examples.

    theirs, ours: steps of one call, few enough that a round stays short.
    """

    features: int
    hidden: int
    instances: int
    theirs: int
    ours: int
    goals: dict[str, float]
    batch: int = 1024

    @property
    def name(self) -> str:
        return f"{self.instances:,} x (n={self.features}, m={self.hidden})"

    @property
    def words(self) -> list[str]:
        sizes = [f"world.features={self.features}", f"model.hidden={self.hidden}"]
        return [*sizes, f"train.batch={self.batch}"]


CASES = (
    Case(5, 2, 10, 100, 400, {"own": 5}),
    Case(5, 2, 1000, 3, 25, {"own": 4, "shared": 10}),
    Case(200, 20, 20, 4, 20, {"own": 3}),
)
ROUTED_CASE = Case(5, 2, 20, 0, 100, {})


def toy(effort: Effort) -> Report:
    """Microseconds per instance-step of both sides, their ratios, and what routing costs."""
    cases = [effort.pick(case, small(case)) for case in CASES]
    figures = [figure for case in cases for figure in compared(case, effort.rounds)]
    case = effort.pick(ROUTED_CASE, small(ROUTED_CASE))
    return Report([*figures, *routing_costs(case, effort.rounds)], [
        f"batch of {case.batch:,}; AdamW at 1e-3 with decay 0.01; importance 0.9^i, activity from "
        "1 to 0.05 over the instances; every step draws its examples",
        "PyTorch draws a value and a coin per entry, as is usual; the engine makes both of one "
        "uniform number; with shared draws all instances of the engine see the same numbers, and "
        "PyTorch's instances have their own",
        f"PyTorch trains all instances in one tensor; the engine {'; '.join(map(width, cases))}",
        "ratios are taken round by round; each round times every contender of a size in turn",
    ])  # fmt: skip


def small(case: Case) -> Case:
    """The case at a size that only shows that it runs."""
    return case._replace(instances=min(case.instances, 40), theirs=1, ours=2, batch=16)


def compared(case: Case, rounds: int) -> list[Figure]:
    """Times of both sides at one size, and the ratios that the goals are about."""
    contenders = contenders_of(case)
    taken = interleaved(contenders, rounds)
    figures = [time_of(name, t, case) for name, t in taken.items()]
    for draws, goal in case.goals.items():
        for peer in ("PyTorch", "PyTorch, one thread"):
            ratio = taken[peer].wall_R / taken[ours(draws)].wall_R
            aim = at_least(goal) if peer == "PyTorch" else None
            figures.append(Figure(f"{peer} / {ours(draws)}, {case.name}", "x", ratio, aim))
    return figures


def time_of(name: str, taken: Taken, case: Case) -> Figure:
    """One contender's time per instance-step."""
    return Figure(f"{name}, {case.name}", "µs per instance-step", taken.wall_R * 1e6)


def ours(draws: str) -> str:
    """The name of the engine's contender."""
    return f"engine, {draws} draws"


def contenders_of(case: Case) -> dict[str, Contender]:
    """PyTorch with as many threads as cores and with one; the engine for each way of drawing."""
    from benchmarks.torch_toy import Instances

    configs = instances(case)
    made = {
        "PyTorch": Instances(configs).contender(case.theirs),
        "PyTorch, one thread": Instances(configs).contender(case.theirs, threads=1),
    }
    return made | {
        ours(draws): trained(case, PLAIN, f"world.draws={draws}") for draws in case.goals
    }


def instances(case: Case, *words: str) -> list[Config]:
    """A config per instance, each with its own seed and activity: 20^-linspace(0, 1, I)."""
    from benchmarks.engine import seeded
    from sweeps.app import compose

    config = compose([*SETTINGS, *(words or (PLAIN,)), *case.words])
    active_I = 20.0 ** -np.linspace(0, 1, case.instances)
    runs = zip(seeded(config, case.instances), active_I, strict=True)
    return [replace(run, world=replace(run.world, active=float(p))) for run, p in runs]  # type: ignore


def trained(case: Case, *words: str) -> Contender:
    """All instances trained by the engine for one epoch, which the world makes `ours` steps."""
    from absorb.worlds import load_world
    from benchmarks.engine import engine

    configs = instances(case, *words, f"world.steps={case.ours}")
    return engine(configs, load_world(configs[0].world), 1)


def width(case: Case) -> str:
    """How many instances train at once, and whether that is what the engine's rule says."""
    from absorb.config import spec_of
    from absorb.lanes.width import rule
    from benchmarks.engine import at_width

    spec = spec_of(instances(case)[0])
    made = at_width(spec, case.instances)
    devices, lanes = made.mesh.size, made.width // made.mesh.size
    text = f"{case.name} at {lanes} lanes on each of {devices} devices"
    if lanes == rule(spec):
        return text
    return f"{text} (its rule says {rule(spec)}, which so few do not fill: launch.lanes={lanes})"


def routing_costs(case: Case, rounds: int) -> list[Figure]:
    """What each kind of routing costs over none."""
    kinds = {"no routing": [PLAIN], **ROUTED}
    contenders = {name: trained(case, *words) for name, words in kinds.items()}
    taken = interleaved(contenders, rounds)
    figures = [time_of(f"engine, {name}", t, case) for name, t in taken.items()]
    for name in ROUTED:
        cost = 100 * (taken[name].wall_R / taken["no routing"].wall_R - 1)
        figures.append(Figure(f"{name}: cost over none, {case.name}", "%", cost))
    return figures
