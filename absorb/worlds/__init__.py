"""Worlds: data in which it is known what every example is about."""

from functools import lru_cache

from absorb.config import Digits, Linear, Mnist
from absorb.worlds.data import Data, Split
from absorb.worlds.digits import load_digits_world
from absorb.worlds.labels import check_labels, observe
from absorb.worlds.linear import load_linear_world
from absorb.worlds.mnist import load_mnist_world

WORLDS = {"digits": load_digits_world, "mnist": load_mnist_world, "linear": load_linear_world}
CLASSES = {"digits": 10, "mnist": 10, "linear": 1}


@lru_cache(maxsize=4)
def load_world(world: Digits | Mnist | Linear) -> Data:
    """The world's data; AbsorbError where its files are missing or altered."""
    return WORLDS[world.kind](world)


__all__ = ["CLASSES", "WORLDS", "Data", "Split", "check_labels", "load_world", "observe"]
