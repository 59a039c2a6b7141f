"""Two tasks on the digits, to ask how entangled they are; controls are built in the same way.

Identical: the same digits and the same view, no picture in both. Separable: other digits, seen
`elsewhere`, on inputs that the other task leaves empty.
"""

import numpy as np

from absorb.config import Pair
from absorb.worlds.data import Data, split_three

SIDE = 8


def seen_as(view: str, x_NF: np.ndarray) -> np.ndarray:
    """Pictures in [0, 1] as a task shows them: in place, or to put `elsewhere`."""
    if view == "turned":
        return np.rot90(x_NF.reshape(-1, SIDE, SIDE), axes=(1, 2)).reshape(x_NF.shape)
    if view == "inverted":
        return 1 - x_NF
    if view == "shuffled":  # one order of pixels, the same for all pictures and all worlds
        return x_NF[:, np.random.default_rng(0).permutation(x_NF.shape[1])]
    return x_NF


def load_pair_world(world: Pair) -> Data:
    """As many examples of A as of B, shuffled and split; the class of B's is 10 + digit.

    Every picture goes to one of two halves, from which a task takes the digits that it has: no
    task is larger because the other has none of its digits.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x_NF, digit_N = bunch.data / 16.0, bunch.target  # type: ignore[attr-defined]
    order_N = np.random.default_rng(world.split_seed).permutation(len(x_NF))
    halves = (np.sort(half) for half in np.array_split(order_N, 2))
    tasks = [
        half[np.isin(digit_N[half], digits)]
        for half, digits in zip(halves, (world.a, world.b), strict=True)
    ]
    count = min(len(task) for task in tasks)
    views, wide = (world.a_view, world.b_view), "elsewhere" in (world.a_view, world.b_view)
    shown = []
    for task, view in zip(tasks, views, strict=True):
        picture_NF = seen_as(view, x_NF[task[:count]])
        blank_NF = np.zeros_like(picture_NF)
        both = (blank_NF, picture_NF) if view == "elsewhere" else (picture_NF, blank_NF)
        shown.append(np.concatenate(both, axis=1) if wide else picture_NF)
    total = 2 * count
    test, validation = round(world.test * total), round(world.validation * total)
    class_N = np.concatenate([digit_N[task[:count]] + 10 * i for i, task in enumerate(tasks)])
    counts = (total - test - validation, validation, test)
    return split_three(np.concatenate(shown), class_N, counts, world.split_seed)
