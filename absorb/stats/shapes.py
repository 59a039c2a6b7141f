"""The shapes that features of a toy model are known to form, told apart by their cosines."""

from collections.abc import Iterator
from functools import cache

import numpy as np

SHAPE = 0.1  # greatest root-mean-square distance between cosines of a frame and of its ideal

POLYGONS = {3: "triangle", 5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon"}


def pair_cosines(cosine_KK: np.ndarray) -> np.ndarray:
    """The cosines of all K(K−1)/2 pairs in rising order: a shape, however it is turned."""
    return np.sort(cosine_KK[np.triu_indices(len(cosine_KK), k=1)])


def shape_name(cosine_P: np.ndarray, k: int, dimension: int) -> str:
    """The name of the ideal shape whose cosines these are, up to `SHAPE`; "k in d" if none is."""
    if k == 1:
        return "single"
    for name, ideal_P in ideals().get((k, dimension), ()):
        if np.sqrt(np.mean((cosine_P - ideal_P) ** 2)) < SHAPE:
            return name
    return f"{k} in {dimension}"


@cache
def ideals() -> dict[tuple[int, int], list[tuple[str, np.ndarray]]]:
    """The named shapes by (features, dimension), each with the cosines of its pairs in order."""
    found: dict[tuple[int, int], list[tuple[str, np.ndarray]]] = {}
    for name, unit_DK in named_shapes():
        d, k = unit_DK.shape
        found.setdefault((k, d), []).append((name, pair_cosines(unit_DK.T @ unit_DK)))
    return found


def named_shapes() -> Iterator[tuple[str, np.ndarray]]:
    """Every named shape with the unit directions of its features, shape (dimension, features)."""
    yield "digon", np.array([[1.0, -1.0]])
    for k, name in POLYGONS.items():
        yield name, polygon(k)
    yield "tetrahedron", tetrahedron()
    yield "antiprism", antiprism()


def polygon(k: int) -> np.ndarray:
    """The regular k-gon's corners, shape (2, k)."""
    angle_K = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(angle_K), np.sin(angle_K)])


def tetrahedron() -> np.ndarray:
    """The regular tetrahedron's corners, shape (3, 4)."""
    return np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / np.sqrt(3)


def antiprism() -> np.ndarray:
    """The tight square antiprism's corners, shape (3, 8): two squares, one turned by 45°.

    Tight where the axis gets 8z² = 8/3 of the squared length, so its height above and below the
    middle is z = 1/√3; all dimensionalities are then 3/8. (Its sides are not all equally long.)
    """
    angle_K = np.pi / 4 * np.arange(8)
    height_K = np.where(np.arange(8) % 2, -1.0, 1.0) / np.sqrt(3)
    radius = np.sqrt(2 / 3)
    return np.stack([radius * np.cos(angle_K), radius * np.sin(angle_K), height_K])
