"""A rough guess, before any work, of what a sweep takes; right within a factor of a few."""

from math import ceil
from typing import NamedTuple

from absorb.config import Sparse, Spec, Toy, Transformer
from absorb.devices import usable_cores
from absorb.footprint import PROCESS_BYTES, batch_bytes, examples, parameters, widest
from absorb.knobs import OBSERVED
from absorb.sites import of_tokens, positions

FLOPS_PER_CORE = 2e10  # in small batched matrix products, with what is lost around them
TOKEN_FLOPS_PER_CORE = 8e10  # the same over all positions of a batch of tokens
DRAW_S = 4e-9  # per core: one random number and what becomes of it
STEP_OVERHEAD_S = 2e-5  # per run, step and core: what is not matrix products
TOKEN_S = 1e-6  # per core, token and layer: norms, softmax and what else is no matrix product
COMPILE_S = 15.0
SEARCHED, SEARCH_S = 60, 1e-3  # matrices J of one search for a fixed point, and what a call costs
ROW_BYTES = 400
LANES = 8


class Load(NamedTuple):
    """So many runs of one program, of which some networks are there and only measured."""

    spec: Spec
    runs: int
    trained: int = 0


class Estimate(NamedTuple):
    """Seconds, bytes of memory and bytes of results."""

    seconds: float
    memory: float
    stored: float


def estimate(loads: list[Load], lanes: int | None, devices: int | None,
             bound: float | None = None) -> Estimate:  # fmt: skip
    """What all loads take on this machine's CPU cores, within a bound of bytes.

    Accelerators are not counted: only JAX could, and it would take them for that.
    """
    cores = devices or usable_cores()
    seconds = sum(COMPILE_S + load_seconds(load) / cores for load in loads)
    specs = [load.spec for load in loads]
    memory = [batch_bytes(spec, width_of(spec, lanes, cores, bound), cores) for spec in specs]
    stored = sum(load.runs * row_bytes(load.spec) for load in loads)
    return Estimate(seconds, max(memory, default=PROCESS_BYTES), stored)


def width_of(spec: Spec, lanes: int | None, devices: int, bound: float | None) -> int:
    """Lanes per device: as asked, or a guess within a bound of bytes."""
    return lanes or (LANES if bound is None else min(LANES, widest(spec, devices, bound)))


def row_bytes(spec: Spec) -> int:
    """Bytes of one run in the store; a toy's weights are among its results."""
    copies = isinstance(spec.model, Toy) + spec.measure.parameters
    return ROW_BYTES + 4 * parameters(spec) * copies


def load_seconds(load: Load) -> float:
    """Seconds that a load keeps one core busy: training what is not there, measuring all."""
    spec, fresh = load.spec, load.runs - load.trained
    to_train = spec.rival.steps if spec.rival.kind != "none" else 0
    to_train += passes(spec) * steps(spec)
    searching = load.runs * search_seconds(spec)
    return step_seconds(spec) * (fresh * to_train + load.runs * measure_steps(spec)) + searching


def step_seconds(spec: Spec) -> float:
    """Seconds that one optimizer step keeps one core busy: forward, backward and update."""
    uses = 2 if isinstance(spec.model, Toy) else 1  # W serves both ways
    flops = 6 * uses * parameters(spec) * spec.train.batch * positions(spec.world)
    rate = TOKEN_FLOPS_PER_CORE if of_tokens(spec.world) else FLOPS_PER_CORE
    return flops / rate + 16 * parameters(spec) / 4e9 + other_seconds(spec)


def passes(spec: Spec) -> int:
    """Backward passes of a step: where tokens' losses are routed, one for each kind of token.

    With a diary one more for each kind of data, and three of held-out examples.
    """
    split = spec.routing.granularity == "component" and of_tokens(spec.world)
    diary = len(OBSERVED) + 3 if "mechanics" in spec.measure.treatments else 0
    return diary + (len(OBSERVED) if split else 1)


def other_seconds(spec: Spec) -> float:
    """Seconds of a step that are not matrix products: drawing examples, or calls and copies."""
    if isinstance(spec.world, Sparse):
        return DRAW_S * spec.train.batch * spec.world.features
    if isinstance(spec.model, Transformer):
        return TOKEN_S * spec.train.batch * positions(spec.world) * spec.model.layers
    return STEP_OVERHEAD_S


def steps(spec: Spec) -> int:
    """Optimizer steps of one run."""
    if isinstance(spec.world, Sparse):
        return spec.train.epochs * spec.world.steps
    return spec.train.epochs * max(1, examples(spec) // spec.train.batch)


def measure_steps(spec: Spec) -> int:
    """Optimizer steps that refitting and attacking a trained network take."""
    asked, found = spec.measure, 0
    if {"refit", "elicited"} & set(asked.treatments) and not isinstance(spec.model, Toy):
        found += asked.refit_epochs * max(1, examples(spec) // spec.train.batch)
    if "elicited" in asked.treatments:
        kinds = len(asked.attack_kinds) * len(asked.attack_rates) * len(asked.attack_examples)
        found += kinds * asked.attack_steps
    return found


def search_seconds(spec: Spec) -> float:
    """Seconds that the search for fixed points takes a run: each start twice, and the trained."""
    if spec.measure.fixed_starts is None:
        return 0.0
    searches = 2 * spec.measure.fixed_starts + 1
    flops = 48 * parameters(spec) ** 2 * examples(spec)
    return searches * SEARCHED * (SEARCH_S + flops / FLOPS_PER_CORE)


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
