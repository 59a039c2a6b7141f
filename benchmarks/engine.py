"""This project's contender: the engine's own train program, wave after wave."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp

from absorb.config import Config, Spec, spec_of
from absorb.footprint import FEWEST_LANES
from absorb.knobs import knobs_of, stack
from absorb.lanes.programs import Programs, on_all, on_lanes, programs
from absorb.lanes.width import rule
from absorb.sites import classes
from absorb.worlds import Data, steps_per_epoch
from benchmarks.timing import Contender


def seeded(config: Config, runs: int) -> list[Config]:
    """The config under as many seeds."""
    return [replace(config, seed=seed) for seed in range(runs)]


def engine(configs: Sequence[Config], data: Data, epochs: int) -> Contender:
    """All runs trained for some epochs, at the width that the engine's rule gives."""
    spec = spec_of(configs[0])
    made = at_width(spec, len(configs))
    waves = list(waves_of(configs, made))
    shared = on_all(made.mesh, data)
    states = [made.start(wave) for wave in waves]

    def run() -> None:
        for i, wave in enumerate(waves):
            states[i] = made.train(wave, shared, states[i], jnp.int32(0), epochs)
            jax.block_until_ready(states[i])

    steps = epochs * steps_per_epoch(spec, len(data.train.class_N))
    return Contender(run, len(waves) * made.width * steps)


def at_width(spec: Spec, runs: int) -> Programs:
    """Programs at the engine's rule; runs that do not fill one wave of it train all at once."""
    lanes, devices = rule(spec), jax.local_device_count()
    if runs < lanes * devices:
        devices = max(
            d for d in range(1, devices + 1) if runs % d == 0 and runs >= FEWEST_LANES * d
        )
        lanes = runs // devices
    return programs(spec, lanes, devices)


def waves_of(configs: Sequence[Config], made: Programs) -> Iterator:
    """Knobs of as many runs as train at once; the runs left over are not trained."""
    knobs = [knobs_of(config, classes(config.world)) for config in configs]
    for i in range(0, len(knobs) - made.width + 1, made.width):
        yield on_lanes(made.mesh, stack(knobs[i : i + made.width]))
