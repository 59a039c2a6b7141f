"""Simulated runs whose dependence on their seeds is known."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np


def crossed_world(
    rng: np.random.Generator,
    levels: Mapping[str, int],
    reruns: int,
    sizes: Mapping[str, float],
    mean: float = 0.0,
) -> np.ndarray:
    """A crossed design with normal effects, an axis per factor and one for reruns.

    `sizes` are variances by component, as "init", "init:order" or "rerun"; 0 where not named.
    """
    names, shape = list(levels), [*levels.values(), reruns]
    y = np.full(shape, mean)
    for size in range(1, len(names) + 1):
        for effect in combinations(range(len(names)), size):
            own = [n if axis in effect else 1 for axis, n in enumerate(shape)]
            known = sizes.get(":".join(names[axis] for axis in effect), 0.0)
            y = y + np.sqrt(known) * rng.standard_normal(own)
    return y + np.sqrt(sizes.get("rerun", 0.0)) * rng.standard_normal(shape)


def homes_world(
    rng: np.random.Generator, runs: int, home_C: Sequence[int], regions: int, faithful: float
) -> np.ndarray:
    """Homes of concepts, shape (runs, concepts): the given one with chance `faithful`, else any.

    Where `home_C` fills every region alike, Fleiss' κ of very many runs is `faithful`².
    """
    shape = (runs, len(home_C))
    return np.where(rng.random(shape) < faithful, home_C, rng.integers(0, regions, shape))
