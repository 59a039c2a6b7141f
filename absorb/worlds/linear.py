"""The planted null: one number in, one number out, every example carries the concept."""

import numpy as np

from absorb.config import Linear
from absorb.worlds.data import Data, split_three


def load_linear_world(world: Linear) -> Data:
    """x standard normal; the target is slope * x and is formed where the loss is."""
    x_N1 = np.random.default_rng(world.split_seed).standard_normal((3 * world.examples, 1))
    counts = (world.examples, world.examples, world.examples)
    return split_three(x_N1, np.zeros(len(x_N1), int), counts, world.split_seed)
