"""This project's contender: the engine's own train program, wave after wave."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import jax
import jax.numpy as jnp

from absorb.config import Config, spec_of
from absorb.knobs import knobs_of, stack
from absorb.lanes.programs import Programs, on_all, on_lanes, programs
from absorb.lanes.width import rule
from absorb.routing.kernels import Routes
from absorb.sites import classes
from absorb.worlds import Data, steps_per_epoch
from benchmarks.timing import Contender


def seeded(config: Config, runs: int) -> list[Config]:
    """The config under as many seeds."""
    return [replace(config, seed=seed) for seed in range(runs)]


def engine(configs: Sequence[Config], data: Data, epochs: int, *,
           plain: bool = False) -> Contender:  # fmt: skip
    """All runs trained for some epochs, at the width that the engine's rule gives.

    plain: the same program without any routing, to compare with; see `plain_programs`.
    """
    spec = spec_of(configs[0])
    make = plain_programs if plain else programs
    made = make(spec, rule(spec), None)
    waves = list(waves_of(configs, made))
    shared = on_all(made.mesh, data)
    states = [made.start(wave) for wave in waves]

    def run() -> None:
        with unrouted() if plain else nothing():  # looked at where the first call traces
            for i, wave in enumerate(waves):
                states[i] = made.train(wave, shared, states[i], jnp.int32(0), epochs)
                jax.block_until_ready(states[i])

    steps = epochs * steps_per_epoch(spec, len(data.train.class_N))
    return Contender(run, len(waves) * made.width * steps)


def waves_of(configs: Sequence[Config], made: Programs) -> Iterator:
    """Knobs of as many runs as train at once; the runs left over are not trained."""
    knobs = [knobs_of(config, classes(config.world)) for config in configs]
    for i in range(0, len(knobs) - made.width + 1, made.width):
        yield on_lanes(made.mesh, stack(knobs[i : i + made.width]))


def plain_programs(spec: Config, lanes: int, devices: int | None) -> Programs:
    """Programs of a spec to be traced under `unrouted`; never those that the engine remembers."""
    return programs.__wrapped__(spec, lanes, devices)


@contextmanager
def unrouted() -> Iterator[None]:
    """Programs traced here look up no route weights and hold no kernel, no gate and no region."""

    def no_routes(spec, knobs, batch, step, regions) -> Routes:
        return Routes(None, jnp.ones(len(batch.observed_B)), {})

    with patch("absorb.train.step.batch_routes", no_routes):
        yield


@contextmanager
def nothing() -> Iterator[None]:
    yield
