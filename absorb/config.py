"""Every setting of a run: its type, its range, and whether it is static or a knob.

A field is *static* when it decides shapes or code, so that a new value is a new compiled program;
it is a *knob* when it is traced and may differ between the lanes of one program; a *switch* is a
knob whose being zero is static, so that what is off costs nothing. Defaults stand in `conf/`,
once; here is only what may be said at all.
"""

from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

ARMS = ("route", "hard", "filter", "placebo", "capacity", "std", "rival")
MECHANISMS = ("none", "activation", "parameter", "update")
GRANULARITIES = ("example", "class", "batch", "component", "token", "span", "sequence")
DEGREES = ("tags", "frequency", "classifier", "probe")
MATRICES = ("query", "key", "value", "out", "up", "down")
RIVALS = ("none", "ascent", "misdirect", "distil")
ATTACKS = ("head", "all", "forget", "adapter")
TREATMENTS = ("whole", "raw", "mean", "calibrated", "refit", "elicited")


def _field(role: str, low=None, high=None, choices=None, length=None, optional=False) -> Any:
    meta = dict(role=role, low=low, high=high, choices=choices, length=length, optional=optional)
    return field(metadata=meta)


def static(low=None, high=None, *, choices=None, length=None, optional=False) -> Any:
    """A setting that decides shapes or code; bounds are inclusive, `length` is (fewest, most)."""
    return _field("static", low, high, choices, length, optional)


def knob(low=None, high=None, *, choices=None, length=None, optional=False) -> Any:
    """A setting whose value is traced: lanes of one program may differ in it."""
    return _field("knob", low, high, choices, length, optional)


def switch(low=None, high=None) -> Any:
    """A knob that is compiled away where it is zero."""
    return _field("switch", low, high)


@dataclass(frozen=True)
class Digits:
    """scikit-learn's 1,797 pictures of 8 x 8 handwritten digits, in [0, 1] or centred [-1, 1]."""

    kind: str = static(choices=("digits",))
    split_seed: int = static(0, 2**31 - 1)
    validation: float = static(0.01, 0.4)
    test: float = static(0.05, 0.5)
    centred: bool = static()


@dataclass(frozen=True)
class Mnist:
    """A directory of IDX files, gzipped or not; the pictures of `parts`, cut to the counts."""

    kind: str = static(choices=("mnist",))
    path: str = static()
    parts: tuple[str, ...] = static(choices=("train", "t10k"), length=(1, 2))
    split_seed: int = static(0, 2**31 - 1)
    train_count: int = static(1, 10**6)
    validation_count: int = static(0, 10**6)
    test_count: int = static(1, 10**6)
    any_checksum: bool = static()
    centred: bool = static()


@dataclass(frozen=True)
class Linear:
    """y = slope * x with x standard normal: every example carries the concept (measures: null)."""

    kind: str = static(choices=("linear",))
    split_seed: int = static(0, 2**31 - 1)
    examples: int = static(8, 10**6)
    slope: float = static(1e-6, 1e6)


@dataclass(frozen=True)
class Sparse:
    """Features that are seldom active and then uniform in [0, 1], drawn anew at every step.

    Feature i weighs importance**i in the loss. Consecutive features form groups, which have their
    structure with probability `correlation` at each draw: pairs are active together, of groups one
    member at most is active, in a hierarchy the others need the first.
    """

    kind: str = static(choices=("sparse",))
    split_seed: int = static(0, 2**31 - 1)
    features: int = static(1, 65536)
    active: float = knob(1e-6, 1.0)
    importance: float = knob(1e-6, 1e6)
    structure: str = static(choices=("independent", "pairs", "groups", "hierarchy"))
    group: int = static(1, 65536)
    correlation: float = knob(0.0, 1.0)
    draws: str = static(choices=("own", "shared"))
    steps: int = static(1, 10**6)
    measured: int = static(16, 10**6)


@dataclass(frozen=True)
class Stories:
    """Short stories from a grammar, with concepts at several levels of abstraction.

    A story carries each concept with probability `carried`; `overlap` goes from concepts that
    never share a text (0) to concepts that always do (1).
    """

    kind: str = static(choices=("stories",))
    split_seed: int = static(0, 2**31 - 1)
    train_count: int = static(16, 10**7)
    validation_count: int = static(16, 10**6)
    test_count: int = static(16, 10**6)
    length: int = static(8, 65536)
    carried: float = static(0.0, 1.0)
    overlap: float = static(0.0, 1.0)
    held_out: str = static(choices=("none", "fact", "template"))


@dataclass(frozen=True)
class Text:
    """A .txt or Parquet file cut into windows of `length` tokens; concepts are lists of words.

    A `sha256` that is given must be the file's, and says in place of the path which file it is.
    """

    kind: str = static(choices=("text",))
    path: str = static()
    sha256: str = static()
    column: str = static()
    split_seed: int = static(0, 2**31 - 1)
    tokenizer: str = static(choices=("characters", "pairs"))
    vocabulary: int = static(8, 10**6)
    length: int = static(8, 65536)
    validation: float = static(0.01, 0.4)
    test: float = static(0.01, 0.4)
    concepts: tuple[str, ...] = static(length=(1, 8))


@dataclass(frozen=True)
class Mlp:
    """A ReLU classifier; sites hidden0, hidden1, ..."""

    kind: str = static(choices=("mlp",))
    widths: tuple[int, ...] = static(1, 65536, length=(1, 32))


@dataclass(frozen=True)
class Autoencoder:
    """A ReLU autoencoder with a linear latent; sites encode0, ..., latent, decode0, ..."""

    kind: str = static(choices=("autoencoder",))
    widths: tuple[int, ...] = static(1, 65536, length=(0, 32))
    latent: int = static(1, 65536)
    latent_bias: bool = static()
    error: str = static(choices=("squared", "absolute"))
    certificates: bool = static()
    separate_decoders: bool = static()


@dataclass(frozen=True)
class Paths:
    """y = (a + c) x, each path a product of `depth` scalars of initial product `strength`."""

    kind: str = static(choices=("paths",))
    depth: int = static(1, 8)
    strength: float = static(0.0, 10.0)


@dataclass(frozen=True)
class Toy:
    """ReLU(W'W x + b), or with `tied` false ReLU(V'W x + b); its one site is hidden."""

    kind: str = static(choices=("toy",))
    hidden: int = static(1, 65536)
    tied: bool = static()
    relu: bool = static()


@dataclass(frozen=True)
class Transformer:
    """A decoder-only pre-norm transformer with learned positions.

    Sites of layer i: heads{i}, mlp{i}, residual{i} (the stream after the layer), experts{i} where
    there are experts (further MLPs of `expert_width`, summed), and {matrix}_adapter{i} for each
    matrix in `adapters` (low-rank, of `rank`).
    """

    kind: str = static(choices=("transformer",))
    layers: int = static(1, 64)
    width: int = static(4, 16384)
    heads: int = static(1, 256)
    mlp: int = static(1, 65536)
    experts: int = static(0, 64)
    expert_width: int = static(1, 65536)
    adapters: tuple[str, ...] = static(choices=MATRICES, length=(0, 6))
    rank: int = static(1, 1024)
    precision: str = static(choices=("float32", "bfloat16"))
    remat: bool = static()


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
    """The optimizer and what is added to the loss."""

    optimizer: str = static(choices=("adam", "adam_l2", "adamw", "sgd"))
    learning_rate: float = knob(1e-8, 10.0)
    weight_decay: float = knob(0.0, 10.0)
    epochs: int = static(1, 10**6)
    batch: int = static(1, 10**6)
    loss: str = static(choices=("task", "group_mean"))
    l1_region: float = switch(0.0, 100.0)
    l1_rest: float = switch(0.0, 100.0)
    correlation: float = switch(0.0, 100.0)
    ablate_every: int = switch(0, 10**6)
    start: str = static()


@dataclass(frozen=True)
class Rival:
    """Unlearning after training, by `steps` optimizer steps of a method that routes nothing.

    ascent: up on labelled forget data, down on all other data; `strength` weighs the former.
    misdirect: representations of labelled forget data go to a random one of length `strength`.
    distil: a teacher made by ascent, and a student that starts at 1 - `strength` of it.
    """

    kind: str = static(choices=RIVALS)
    steps: int = static(1, 10**6)
    rate: float = knob(1e-8, 10.0)
    strength: float = knob(0.0, 1e6)


@dataclass(frozen=True)
class Measure:
    """What is asked of a trained network; attacks are rates x examples for each kind."""

    treatments: tuple[str, ...] = static(choices=TREATMENTS, length=(1, 6))
    gates: tuple[float, ...] = static(-10.0, 10.0, length=(0, 16))
    refit_epochs: int = static(1, 10**5)
    refit_rate: float = static(1e-8, 10.0)
    attack_kinds: tuple[str, ...] = static(choices=ATTACKS, length=(1, 4))
    attack_rates: tuple[float, ...] = static(1e-8, 10.0, length=(1, 32))
    attack_examples: tuple[int, ...] = static(1, 10**6, length=(1, 32))
    attack_steps: int = static(4, 10**6)
    parameters: bool = static()


@dataclass(frozen=True)
class Seeds:
    """Separate seeds; null means the run's own `seed`."""

    init: int | None = knob(0, 2**31 - 1, optional=True)
    order: int | None = knob(0, 2**31 - 1, optional=True)
    labels: int | None = knob(0, 2**31 - 1, optional=True)


@dataclass(frozen=True)
class Config:
    """One run, whole. The same class with its knobs blanked (`spec_of`) is the static `Spec`."""

    world: Digits | Mnist | Linear | Sparse | Stories | Text
    model: Mlp | Autoencoder | Paths | Toy | Transformer
    routing: Routing
    gate: Gate
    train: Train
    rival: Rival
    measure: Measure
    seeds: Seeds
    seed: int = knob(0, 2**31 - 1)


Spec = Config

KINDS: dict[str, dict[str, type]] = {
    "world": {
        "digits": Digits,
        "mnist": Mnist,
        "linear": Linear,
        "sparse": Sparse,
        "stories": Stories,
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
