"""Every setting of a run: its type, its range, and whether it is static or a knob.

See `absorb.settings` for what these are. Defaults stand in `conf/`, once; here is only what may be
said at all. The settings of worlds and models stand in files of their own.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

from absorb.model_config import MATRICES, Autoencoder, Mlp, Paths, Toy, Transformer
from absorb.settings import knob, static, switch
from absorb.world_config import (
    Digits,
    FeaturePair,
    Linear,
    Mnist,
    Pair,
    Sparse,
    Stories,
    StoryPair,
    Text,
    Told,
)

ARMS = ("route", "hard", "filter", "placebo", "capacity", "std", "rival")
MECHANISMS = ("none", "activation", "parameter", "update")
GRANULARITIES = ("example", "class", "batch", "component", "token", "span", "sequence")
DEGREES = ("tags", "frequency", "classifier", "probe")
RIVALS = ("none", "ascent", "misdirect", "distil")
ATTACKS = ("head", "all", "forget", "adapter")
TREATMENTS = ("whole", "raw", "mean", "calibrated", "refit", "elicited", "trivial", "kept", "homes",
              "usable", "mechanics", "dynamics", "fixed_points")  # fmt: skip


@dataclass(frozen=True)
class Weights:
    """How much (R, K) learn from a datum, by what is known of it."""

    forget: tuple[float, ...] = knob(-10.0, 1.0, length=(2, 2))
    unlabelled: tuple[float, ...] = knob(-10.0, 1.0, length=(2, 2))
    retain: tuple[float, ...] = knob(-10.0, 1.0, length=(2, 2))


@dataclass(frozen=True)
class Routing:
    """Which data train which units, and what is known of the data.

    `keep` weighs the loss of data observed as (forget, unlabelled, retain); 0 drops them. Routing
    and gates act during the share `until` of training, rounded up to whole epochs; then every
    route weight and gate is 1, and only `train.ablate_every` still acts.

    In worlds of tokens a story is labelled, and `granularity` says which of its tokens are routed
    for it: those of the concept, the spans around them, or all. `degree` says what knows how much
    of the concept a token has; `align` whether a position is routed by the token it predicts or by
    the one it reads; with `whole_rest` every parameter outside the region is the rest's, also where
    no site is cut.
    """

    weights: Weights
    arm: str = knob(choices=ARMS)
    mechanism: str = static(choices=MECHANISMS)
    granularity: str = static(choices=GRANULARITIES)
    concept: tuple[int, ...] = knob(0, 9999, length=(1, 10000))
    label_fraction: float = knob(0.0, 1.0)
    retain_fraction: float = knob(0.0, 1.0)
    false_positive: float = knob(0.0, 1.0)
    false_negative: float = knob(0.0, 1.0)
    covariate: str = static()
    covariate_strength: float = knob(-100.0, 100.0)
    keep: tuple[float, ...] = knob(0.0, 1.0, length=(3, 3))
    allow_negative: bool = knob()
    until: float = knob(0.0, 1.0)
    degree: str = static(choices=DEGREES)
    align: str = static(choices=("target", "input"))
    whole_rest: bool = static()
    placement: str = static(choices=("slice", "added", "parallel"))
    sites: tuple[str, ...] = static(length=(1, 64))
    units: int = knob(1, 65536)
    cross: bool = static()


@dataclass(frozen=True)
class Gate:
    """What scales the region's output in the forward pass while training."""

    kind: str = static(choices=("none", "learned", "hard"))


@dataclass(frozen=True)
class Train:
    """The optimizer and what is added to the loss.

    No epoch at all measures the random start: what attacks on it reach they taught themselves.
    When the share `nudge_at` of training is done, the region's own parameters are multiplied by
    1 + `nudge`, once: what comes of a region that is a little stronger than it was.
    """

    optimizer: str = static(choices=("adam", "adam_l2", "adamw", "sgd"))
    learning_rate: float = knob(1e-8, 10.0)
    weight_decay: float = knob(0.0, 10.0)
    epochs: int = static(0, 10**6)
    batch: int = static(1, 10**6)
    loss: str = static(choices=("task", "group_mean"))
    l1_region: float = switch(0.0, 100.0)
    l1_rest: float = switch(0.0, 100.0)
    correlation: float = switch(0.0, 100.0)
    ablate_every: int = switch(0, 10**6)
    start: str = static()
    nudge: float | None = static(-1.0, 10.0, optional=True)
    nudge_at: float | None = static(0.0, 1.0, optional=True)

    @property
    def nudge_epoch(self) -> int:
        """The number of the epoch before which the region is nudged, from 0."""
        assert self.nudge_at is not None
        return round(self.nudge_at * self.epochs)


@dataclass(frozen=True)
class Rival:
    """Unlearning after training, by `steps` optimizer steps of a method that routes nothing.

    ascent: up on labelled forget data, down on all other data; `strength` weighs the former.
    misdirect: representations of labelled forget data go to a random one of length `strength`, and
    those of other data are held where they were, by a loss that weighs `hold` (null: 1).
    distil: a teacher made by ascent, and a student that starts at 1 - `strength` of it.
    """

    kind: str = static(choices=RIVALS)
    steps: int = static(1, 10**6)
    rate: float = knob(1e-8, 10.0)
    strength: float = knob(0.0, 1e6)
    hold: float | None = knob(0.0, 1e6, optional=True)


@dataclass(frozen=True)
class Measure:
    """What is asked of a trained network; attacks are rates x examples for each kind.

    What is elicited is the best of all attacks and, unless `refit_epochs` is 0, of the refit. Of
    each attack's course forget losses are kept, and retain losses too unless `attack_looks` is 1.
    Fixed points of the masked update are searched from `fixed_starts` fresh starts.
    """

    treatments: tuple[str, ...] = static(choices=TREATMENTS, length=(1, len(TREATMENTS)))
    gates: tuple[float, ...] = static(-10.0, 10.0, length=(0, 16))
    refit_epochs: int = static(0, 10**5)
    refit_rate: float = static(1e-8, 10.0)
    attack_kinds: tuple[str, ...] = static(choices=ATTACKS, length=(1, 4))
    attack_rates: tuple[float, ...] = static(1e-8, 10.0, length=(1, 32))
    attack_examples: tuple[int, ...] = static(1, 10**6, length=(1, 32))
    attack_steps: int = static(4, 10**6)
    attack_looks: int | None = static(1, 1, optional=True)
    fixed_starts: int | None = static(1, 1000, optional=True)
    parameters: bool = static()


@dataclass(frozen=True)
class Seeds:
    """Separate seeds; null means the run's own `seed`.

    `rerun` changes nothing but the run's id: runs that differ in it alone differ by what the
    machine does, which should be nothing. Null is the first run.
    """

    init: int | None = knob(0, 2**31 - 1, optional=True)
    order: int | None = knob(0, 2**31 - 1, optional=True)
    labels: int | None = knob(0, 2**31 - 1, optional=True)
    rerun: int | None = knob(1, 2**31 - 1, optional=True)


@dataclass(frozen=True)
class Config:
    """One run, whole. The same class with its knobs blanked (`spec_of`) is the static `Spec`."""

    world: Digits | Pair | FeaturePair | Mnist | Linear | Sparse | Stories | StoryPair | Text
    model: Mlp | Autoencoder | Paths | Toy | Transformer
    routing: Routing
    gate: Gate
    train: Train
    rival: Rival
    measure: Measure
    seeds: Seeds
    seed: int = knob(0, 2**31 - 1)


Spec = Config

__all__ = ["ARMS", "ATTACKS", "DEGREES", "GRANULARITIES", "KINDS", "MATRICES", "MECHANISMS",
           "RIVALS", "TREATMENTS", "Autoencoder", "Config", "Digits", "FeaturePair",
           "Gate", "Linear", "Measure", "Mlp", "Mnist", "Paths", "Rival", "Routing", "Seeds",
           "Sparse", "Spec", "Stories", "StoryPair", "Text", "Told", "Toy", "Train", "Transformer",
           "Weights", "blank", "spec_of"]  # fmt: skip

KINDS: dict[str, dict[str, type]] = {
    "world": {
        "digits": Digits,
        "pair": Pair,
        "feature_pair": FeaturePair,
        "mnist": Mnist,
        "linear": Linear,
        "sparse": Sparse,
        "stories": Stories,
        "story_pair": StoryPair,
        "text": Text,
    },
    "model": {
        "mlp": Mlp,
        "autoencoder": Autoencoder,
        "paths": Paths,
        "toy": Toy,
        "transformer": Transformer,
    },
}


@lru_cache(maxsize=8192)  # the runs of a sweep share most of their sections
def blank(section: Any) -> Any:
    """The section with every knob set to None and every switch to whether it is on."""
    changes: dict[str, Any] = {}
    for f in fields(section):
        value = getattr(section, f.name)
        if is_dataclass(value):
            changes[f.name] = blank(value)
        elif f.metadata["role"] == "knob":
            changes[f.name] = None
        elif f.metadata["role"] == "switch":
            changes[f.name] = value != 0
    return replace(section, **changes)


def spec_of(config: Config) -> Spec:
    """What of a config is compiled: hashable, and equal for all lanes of one program."""
    sections = {f.name: getattr(config, f.name) for f in fields(config) if f.name != "seed"}
    spec = Config(seed=None, **{name: blank(s) for name, s in sections.items()})  # type: ignore
    if config.routing.placement == "slice":
        return spec
    routing = replace(spec.routing, units=config.routing.units)  # units of its own: a shape
    return replace(spec, routing=routing)
