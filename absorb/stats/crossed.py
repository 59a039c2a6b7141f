"""Runs of a crossed design laid out as an array, one axis per kind of seed and one for reruns."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError


class Crossed(NamedTuple):
    """`y`: an axis for each factor in the order of `levels`, and then one for reruns."""

    y: np.ndarray
    levels: dict[str, tuple]


def crossed(y_N: Sequence | np.ndarray, seeds: Mapping[str, Sequence]) -> Crossed:
    """Lay out N runs, of which `seeds` names the level of every factor.

    Runs of one cell are reruns, in the order in which they come. Raises AbsorbError for a factor
    that does not name a level for each run, and for a cell with more or fewer runs than the first.
    """
    y_N = np.asarray(y_N, float)
    for name, seed_N in seeds.items():
        if len(seed_N) != len(y_N):
            raise AbsorbError(f"{name}: {len(seed_N)} levels for {len(y_N)} runs")
    levels = {name: tuple(sorted(set(seed_N))) for name, seed_N in seeds.items()}
    cells: dict[tuple, list[float]] = defaultdict(list)
    for cell, value in zip(zip(*seeds.values(), strict=True), y_N, strict=True):
        cells[cell].append(float(value))
    every = list(product(*levels.values()))
    reruns = len(cells[every[0]])
    for cell in every:
        if len(cells[cell]) != reruns:
            where = ", ".join(f"{n}={c}" for n, c in zip(seeds, cell, strict=True))
            raise AbsorbError(f"{where}: {len(cells[cell])} runs; must be {reruns} in every cell")
    shape = [len(found) for found in levels.values()]
    return Crossed(np.array([cells[cell] for cell in every]).reshape(*shape, reruns), levels)
