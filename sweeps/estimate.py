"""A rough guess, before any work, of what a sweep takes; right within a factor of a few."""

from itertools import pairwise
from math import ceil, prod
from typing import NamedTuple

from absorb.config import Autoencoder, Digits, Mlp, Mnist, Paths, Spec
from absorb.devices import usable_cores

INPUTS = {"digits": 64, "mnist": 784, "linear": 1}
DIGITS = 1797
FLOPS_PER_CORE = 2e10  # in small batched matrix products, with what is lost around them
STEP_OVERHEAD_S = 2e-5  # per run, step and core: what is not matrix products
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
    runs = sum(n for _, n in specs)
    seconds = sum(COMPILE_S + n * run_seconds(spec) / cores for spec, n in specs)
    memory = max((lane_bytes(spec) for spec, _ in specs), default=0) * (lanes or LANES) * cores
    return Estimate(seconds, memory + 5e8, runs * ROW_BYTES)


def run_seconds(spec: Spec) -> float:
    """Seconds that one run keeps one core busy: forward, backward and update, then measures."""
    flops = 6 * weights(spec) * spec.train.batch
    step = flops / FLOPS_PER_CORE + 16 * weights(spec) / 4e9 + STEP_OVERHEAD_S
    return step * (steps(spec) + measure_steps(spec))


def steps(spec: Spec) -> int:
    """Optimizer steps of one run."""
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
    return world.train_count if isinstance(world, Mnist) else world.examples


def weights(spec: Spec) -> int:
    """Weights of a spec's model, without units that routing adds."""
    inputs, model = INPUTS[spec.world.kind], spec.model
    if isinstance(model, Paths):
        return 2 * model.depth
    if isinstance(model, Mlp):
        return _chain([inputs, *model.widths, 10])
    assert isinstance(model, Autoencoder)
    half = _chain([inputs, *model.widths, model.latent])
    return half * (2 + model.certificates + model.separate_decoders)


def _chain(widths: list[int]) -> int:
    return sum(prod(pair) for pair in pairwise(widths))


def lane_bytes(spec: Spec) -> int:
    """Bytes of one run in memory: weights, gradient, two moments, and its activations."""
    widths = getattr(spec.model, "widths", ())
    active = spec.train.batch * (INPUTS[spec.world.kind] + 2 * sum(widths))
    return 16 * weights(spec) + 8 * active


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
