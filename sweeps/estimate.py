"""A rough guess, before any work, of what a sweep takes; right within a factor of a few."""

from itertools import pairwise
from math import ceil, prod
from typing import NamedTuple

from absorb.config import (
    Autoencoder,
    Digits,
    Mlp,
    Mnist,
    Paths,
    Sparse,
    Spec,
    Stories,
    Text,
    Toy,
    Transformer,
)
from absorb.devices import usable_cores
from absorb.sites import inputs, vocabulary

DIGITS = 1797
TEXT_CHARACTERS = 10**6  # of a text that is not opened for a guess
FLOPS_PER_CORE = 2e10  # in small batched matrix products, with what is lost around them
DRAW_S = 4e-9  # per core: one random number and what becomes of it
STEP_OVERHEAD_S = 2e-5  # per run, step and core: what is not matrix products
TOKEN_S = 2e-6  # per core, token and layer: norms, softmax and what else is no matrix product
COMPILE_S = 15.0
ROW_BYTES = 400
LANES = 8


class Estimate(NamedTuple):
    """Seconds, bytes of memory and bytes of results."""

    seconds: float
    memory: float
    stored: float


def estimate(specs: list[tuple[Spec, int]], lanes: int | None, devices: int | None) -> Estimate:
    """What `(spec, number of runs)` take on this machine's cores."""
    cores = devices or usable_cores()
    seconds = sum(COMPILE_S + n * run_seconds(spec) / cores for spec, n in specs)
    memory = max((lane_bytes(spec) for spec, _ in specs), default=0) * (lanes or LANES) * cores
    stored = sum(n * row_bytes(spec) for spec, n in specs)
    return Estimate(seconds, memory + 5e8, stored)


def row_bytes(spec: Spec) -> int:
    """Bytes of one run in the store; a toy's weights are among its results."""
    return ROW_BYTES + (4 * weights(spec) if isinstance(spec.model, Toy) else 0)


def run_seconds(spec: Spec) -> float:
    """Seconds that one run keeps one core busy: forward, backward and update, then measures."""
    flops = 6 * weights(spec) * spec.train.batch * positions(spec)
    step = flops / FLOPS_PER_CORE + 16 * weights(spec) / 4e9 + other_seconds(spec)
    return step * (steps(spec) + measure_steps(spec))


def positions(spec: Spec) -> int:
    """Data in one example: the predictions of a story, else one."""
    return spec.world.length if isinstance(spec.world, Stories | Text) else 1


def other_seconds(spec: Spec) -> float:
    """Seconds of a step that are not matrix products: drawing examples, or calls and copies."""
    if isinstance(spec.world, Sparse):
        return DRAW_S * spec.train.batch * spec.world.features
    if isinstance(spec.model, Transformer):
        return TOKEN_S * spec.train.batch * positions(spec) * spec.model.layers
    return STEP_OVERHEAD_S


def steps(spec: Spec) -> int:
    """Optimizer steps of one run."""
    if isinstance(spec.world, Sparse):
        return spec.train.epochs * spec.world.steps
    return spec.train.epochs * max(1, examples(spec) // spec.train.batch)


def measure_steps(spec: Spec) -> int:
    """Optimizer steps that refitting and attacking a trained network take."""
    asked = spec.measure
    found = 0
    if "refit" in asked.treatments:
        found += asked.refit_epochs * max(1, examples(spec) // spec.train.batch)
    if "elicited" in asked.treatments:
        kinds = len(asked.attack_kinds) * len(asked.attack_rates) * len(asked.attack_examples)
        found += kinds * asked.attack_steps
    return found


def examples(spec: Spec) -> int:
    """Training examples of a spec's world."""
    world = spec.world
    if isinstance(world, Digits):
        return DIGITS - round(DIGITS * world.test) - round(DIGITS * world.validation)
    if isinstance(world, Sparse):
        return world.measured
    if isinstance(world, Text):
        return TEXT_CHARACTERS // world.length
    if isinstance(world, Stories):
        return world.train_count
    return world.train_count if isinstance(world, Mnist) else world.examples


def weights(spec: Spec) -> int:
    """Weights of a spec's model, without units that routing adds."""
    model = spec.model
    if isinstance(model, Transformer):
        per_layer = 4 * model.width + 2 * model.mlp + 2 * model.experts * model.expert_width
        per_layer += 2 * model.rank * len(model.adapters)
        return model.width * (model.layers * per_layer + vocabulary(spec.world))
    entries = inputs(spec.world)
    if isinstance(model, Paths):
        return 2 * model.depth
    if isinstance(model, Toy):
        return 2 * model.hidden * entries  # W serves both ways
    if isinstance(model, Mlp):
        return _chain([entries, *model.widths, 10])
    assert isinstance(model, Autoencoder)
    half = _chain([entries, *model.widths, model.latent])
    return half * (2 + model.certificates + model.separate_decoders)


def _chain(widths: list[int]) -> int:
    return sum(prod(pair) for pair in pairwise(widths))


def lane_bytes(spec: Spec) -> int:
    """Bytes of one run in memory: weights, gradient, two moments, and its activations."""
    if isinstance(spec.model, Transformer):
        return 16 * weights(spec) + 4 * transformer_entries(spec)
    widths = getattr(spec.model, "widths", ())
    active = spec.train.batch * (inputs(spec.world) + 2 * sum(widths))
    return 16 * weights(spec) + 8 * active


def transformer_entries(spec: Spec) -> int:
    """Numbers that a step of a transformer keeps for its backward pass."""
    model, length = spec.model, positions(spec)
    assert isinstance(model, Transformer)
    hidden = model.mlp + model.experts * model.expert_width
    layer = 8 * model.width + 3 * hidden + 3 * model.heads * length
    kept = layer if model.remat else model.layers * layer
    stream = model.layers * model.width if model.remat else 0
    return spec.train.batch * length * (kept + stream + 3 * vocabulary(spec.world))


def words(seconds: float) -> str:
    """A duration as a person says it."""
    for limit, unit, length in ((120, "s", 1), (7200, "min", 60), (172800, "h", 3600)):
        if seconds < limit:
            return f"{max(1, ceil(seconds / length))} {unit}"
    return f"{seconds / 86400:.1f} days"


def size_words(size: float) -> str:
    """A number of bytes as a person says it."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
