"""Contenders timed in turn, so that a machine that slows down slows all of them alike."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from absorb.devices import usable_cores


class Contender(NamedTuple):
    """Something to time: one call of `run` does `units` of work, and returns when it is done."""

    run: Callable[[], Any]
    units: float


class Taken(NamedTuple):
    """Seconds per unit of work in each round: by the clock, and of all cores' time."""

    wall_R: np.ndarray
    cpu_R: np.ndarray


def interleaved(contenders: Mapping[str, Contender], rounds: int) -> dict[str, Taken]:
    """Time every contender once per round, in turn: A, B, C, A, B, C, ...

    One round before that, in which programs are compiled and memory is touched, does not count.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, contender in contenders.items():
            taken[name].append(once(contender))
    return {name: Taken(*np.array(both[1:]).T) for name, both in taken.items()}


def once(contender: Contender) -> tuple[float, float]:
    """Seconds of clock and of all cores' time, per unit of work, that one call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    contender.run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall / contender.units, cpu / usable_cores() / contender.units
