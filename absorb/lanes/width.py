"""How many lanes a device takes at once: a rule for short batches, a measurement for long ones."""

import hashlib
import json
import os
import secrets
import time
from contextlib import suppress
from math import ceil, inf
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from absorb.config import Spec
from absorb.devices import compiler_cache
from absorb.errors import is_out_of_memory
from absorb.footprint import FEWEST_LANES, even, parameters, step_bytes
from absorb.knobs import Knobs, stack
from absorb.lanes.programs import on_all, on_lanes, programs
from absorb.worlds import Data

CACHE_BYTES = 2**20  # half of one core's second-level cache
MOST = 32
GPU_LANES = 64  # a default batch; raise launch.lanes and launch.batch together
LONG = 1e13  # floating point operations in a batch: a minute on a few cores
EPOCHS = 4  # that a measurement trains at each width; the first compiles
SHARE = 0.02  # of a batch's epochs that measuring may cost


def rule(spec: Spec) -> int:
    """Lanes per device: as many as stay in a core's cache on a CPU, many on an accelerator."""
    if jax.default_backend() != "cpu":
        return GPU_LANES
    return min(MOST, max(FEWEST_LANES, int(CACHE_BYTES / step_bytes(spec))))


def choose_lanes(spec: Spec, data: Data, knobs: Knobs, runs: int, run_steps: int,
                 devices: int | None, most: int | None = None) -> int:  # fmt: skip
    """Lanes per device for a batch of so many `runs`: no more than its waves need.

    `most` bounds the width, also of what is measured.
    """
    best = fastest_lanes(spec, data, knobs, runs, run_steps, devices, most)
    return needed(best, runs, devices or jax.local_device_count())


def needed(lanes: int, runs: int, devices: int) -> int:
    """The fewest lanes per device with which `runs` take no more waves than with `lanes`.

    Every lane takes its time, also one that only repeats another's run to fill the width.
    """
    return max(FEWEST_LANES, ceil(even(runs, lanes * devices) / devices))


def fastest_lanes(spec: Spec, data: Data, knobs: Knobs, runs: int, run_steps: int,
                  devices: int | None, most: int | None) -> int:  # fmt: skip
    """Lanes per device for full waves: measured once and remembered where the batch is long.

    A short batch goes by the rule, so that it is not measured for longer than it trains.
    """
    bound = most or max(candidates(spec))
    if not worth_measuring(spec, run_steps * runs, runs):
        return min(bound, rule(spec))
    tried = sorted({min(bound, lanes) for lanes in candidates(spec)})
    path = remembered(spec, devices, tried)
    if known := recalled(path, tried):
        return known
    found = {lanes: seconds_or_inf(spec, data, knobs, lanes, devices) for lanes in tried}
    best = min(found, key=lambda lanes: found[lanes])
    fitting = {lanes: seconds for lanes, seconds in found.items() if seconds < inf}
    if fitting:
        remember(path, {"lanes": best, "seconds_per_lane_epoch": fitting})
    return best


def recalled(path: Path, tried: list[int]) -> int | None:
    """The width that is remembered, or None where no memo can be read or it says none of these."""
    try:
        lanes = json.loads(path.read_bytes())["lanes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return lanes if lanes in tried else None


def remember(path: Path, memo: dict[str, Any]) -> None:
    """Keep a memo, whole or not at all; where there is no room for it, the next batch measures."""
    temporary = path.with_suffix(f".{secrets.token_hex(8)}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(json.dumps(memo))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def worth_measuring(spec: Spec, lane_steps: int, runs: int) -> bool:
    """Whether a batch is long, and so long that measuring costs little of it."""
    work = 6.0 * parameters(spec) * spec.train.batch * lane_steps
    cost = EPOCHS * sum(candidates(spec)) * jax.local_device_count()
    return work >= LONG and cost <= SHARE * spec.train.epochs * runs


def candidates(spec: Spec) -> list[int]:
    """The rule's width, half of it and twice it."""
    middle = rule(spec)
    return sorted({max(FEWEST_LANES, middle // 2), middle, 2 * middle})


def seconds_or_inf(spec: Spec, data: Data, knobs: Knobs, lanes: int, devices: int | None) -> float:
    """What an epoch of one lane takes at a width, without end where the memory does not suffice."""
    try:
        return lane_seconds(spec, data, knobs, lanes, devices)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return inf


def lane_seconds(spec: Spec, data: Data, knobs: Knobs, lanes: int, devices: int | None) -> float:
    """Seconds that one epoch of one lane takes at a width: the least of three."""
    made = programs(spec, lanes, devices)
    shared = on_all(made.mesh, data)
    wave = on_lanes(made.mesh, stack([knobs] * made.width))
    state, took = made.start(wave), []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        state = jax.block_until_ready(made.train(wave, shared, state, jnp.int32(0), 1))
        took.append(time.perf_counter() - began)
    return float(np.min(took[1:])) / made.width


def remembered(spec: Spec, devices: int | None, tried: list[int]) -> Path:
    """Where the best width of those tried, of this program on this machine, is kept."""
    device = jax.local_devices()[0].device_kind
    known = f"{spec!r} {device} {devices or jax.local_device_count()} {os.cpu_count()} {tried}"
    return compiler_cache() / "lanes" / f"{hashlib.sha256(known.encode()).hexdigest()[:24]}.json"
