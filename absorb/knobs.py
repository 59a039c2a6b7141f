"""Knobs: everything that may differ between the lanes of one program, as arrays."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from absorb.config import Config, Sparse

OBSERVED = ("forget", "unlabelled", "retain")


Knob = Any  # a numpy array or scalar on the host, a traced array inside a program


class Knobs(NamedTuple):
    """One lane's values; axis O runs over what is observed of a datum, in the order OBSERVED."""

    seed: Knob
    init_seed: Knob
    order_seed: Knob
    label_seed: Knob
    concept_C: Knob  # 1 for the classes of the concept
    label_fraction: Knob
    retain_fraction: Knob
    false_positive: Knob
    false_negative: Knob
    covariate_strength: Knob
    label_draw: Knob  # index into LABEL_DRAWS
    weights_O2: Knob  # route weight of (region, rest)
    keep_O: Knob  # weight in the loss
    penalised_O: Knob  # whether its units are penalised; what an arm drops is not
    gate_O: Knob  # the region's part in the forward pass
    ablated_gate: Knob  # 0: ablation removes the region; 1: this arm has none to remove
    units: Knob
    learning_rate: Knob
    weight_decay: Knob
    l1_region: Knob
    l1_rest: Knob
    correlation: Knob
    ablate_every: Knob
    routed_epochs: Knob  # the first so many epochs, in which routing acts
    active: Knob  # probability of a feature, world sparse
    importance_C: Knob  # weight of each feature in the loss, world sparse; ones elsewhere
    structured: Knob  # probability that a group of features has its structure
    rival_rate: Knob
    rival_strength: Knob
    rival_hold: Knob  # weight of what misdirection holds


LABEL_DRAWS = ("labels", "placebo", "std")


class Arm(NamedTuple):
    """What an arm of an absorption experiment changes in a config's tables (measures, Arms)."""

    routed: bool = True
    keep_labelled: float = 1.0
    gate_O: tuple[float, float, float] = (1.0, 1.0, 1.0)
    draw: str = "labels"
    ablated: bool = True


ARM_TABLE = {
    "route": Arm(),
    "hard": Arm(gate_O=(1.0, 0.0, 0.0)),
    "filter": Arm(routed=False, keep_labelled=0.0, ablated=False),
    "placebo": Arm(draw="placebo"),
    "capacity": Arm(routed=False),
    "std": Arm(routed=False, keep_labelled=0.0, draw="std", ablated=False),
    "rival": Arm(routed=False, ablated=False),
}


def knobs_of(config: Config, classes: int) -> Knobs:
    """One config's knobs for a world of `classes` classes."""
    routing, train, arm = config.routing, config.train, ARM_TABLE[config.routing.arm]
    f, i = np.float32, np.int32
    concept_C = np.zeros(classes, f)
    concept_C[list(routing.concept)] = 1
    noise = 0.0 if arm.draw != "labels" else 1.0  # std and placebo count exactly
    return Knobs(
        seed=i(config.seed),
        init_seed=_seed(config.seeds.init, config.seed),
        order_seed=_seed(config.seeds.order, config.seed),
        label_seed=_seed(config.seeds.labels, config.seed),
        concept_C=concept_C,
        label_fraction=f(routing.label_fraction),
        retain_fraction=f(routing.retain_fraction),
        false_positive=f(routing.false_positive * noise),
        false_negative=f(routing.false_negative * noise),
        covariate_strength=f(routing.covariate_strength * noise),
        label_draw=i(LABEL_DRAWS.index(arm.draw)),
        weights_O2=_weights(config, arm),
        keep_O=np.array(routing.keep, f) * np.array([arm.keep_labelled, 1, 1], f),
        penalised_O=np.array([arm.keep_labelled, 1, 1], f),
        gate_O=_gate(config, arm),
        ablated_gate=f(0 if arm.ablated else 1),
        units=i(routing.units),
        learning_rate=f(train.learning_rate),
        weight_decay=f(train.weight_decay),
        l1_region=f(train.l1_region),
        l1_rest=f(train.l1_rest),
        correlation=f(train.correlation),
        ablate_every=i(train.ablate_every),
        routed_epochs=i(routed_epochs(config)),
        rival_rate=f(config.rival.rate),
        rival_strength=f(config.rival.strength),
        rival_hold=f(1 if config.rival.hold is None else config.rival.hold),
        **_features(config, classes),
    )


def routed_epochs(config: Config) -> int:
    """The share `until` of all epochs, rounded up; exact, with the share as it is written."""
    return math.ceil(Fraction(str(config.routing.until)) * config.train.epochs)


def _features(config: Config, classes: int) -> dict[str, Knob]:
    """The knobs of the world sparse; elsewhere they act on nothing."""
    world, f = config.world, np.float32
    if not isinstance(world, Sparse):
        ones_C = np.ones(classes, f)
        return {"active": f(1), "importance_C": ones_C, "structured": f(0)}
    importance_C = np.power(world.importance, np.arange(classes), dtype=np.float64).astype(f)
    return {
        "active": f(world.active),
        "importance_C": importance_C,
        "structured": f(world.correlation),
    }


def stack(lanes: Sequence[Knobs]) -> Knobs:
    """Knobs of R lanes with a leading axis R."""
    return Knobs(*(np.stack(values) for values in zip(*lanes, strict=True)))


def _seed(own: int | None, seed: int) -> Knob:
    return np.int32(seed if own is None else own)


def _gate(config: Config, arm: Arm) -> np.ndarray:
    # without ablation the whole network is measured, so all of it has to be trained
    hard = config.gate.kind == "hard" and arm.ablated
    return np.array((1, 0, 0) if hard else arm.gate_O, np.float32)


def _weights(config: Config, arm: Arm) -> np.ndarray:
    if not arm.routed:
        return np.ones((3, 2), np.float32)
    return np.array([getattr(config.routing.weights, name) for name in OBSERVED], np.float32)
