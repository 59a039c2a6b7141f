"""scikit-learn's handwritten digits: 1,797 pictures of 8 x 8, sixteen grey levels."""

from absorb.config import Digits
from absorb.worlds.data import Data, split_three


def load_digits_world(world: Digits) -> Data:
    """The digits in [0, 1], or in [-1, 1] where centred."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x_NF, total = bunch.data / 16.0, len(bunch.data)  # type: ignore[attr-defined]
    test, validation = round(world.test * total), round(world.validation * total)
    counts = (total - test - validation, validation, test)
    x_NF = 2 * x_NF - 1 if world.centred else x_NF
    return split_three(x_NF, bunch.target, counts, world.split_seed)  # type: ignore[attr-defined]
