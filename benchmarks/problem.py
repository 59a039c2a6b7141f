"""What every contender trains: one autoencoder on one set of pictures."""

from typing import NamedTuple

import numpy as np

from absorb.config import Config
from absorb.knobs import knobs_of
from absorb.models import shapes
from absorb.sites import classes
from absorb.worlds import Data


class Problem(NamedTuple):
    """A ReLU autoencoder with a linear latent, squared error and Adam, and its pictures.

    widths: of all layers, from input to output. latent: index of the latent among them.
    weight_NU: how much of the gradient each latent unit receives from each picture.
    """

    widths: tuple[int, ...]
    latent: int
    batch: int
    learning_rate: float
    x_NF: np.ndarray
    weight_NU: np.ndarray

    @property
    def steps_per_epoch(self) -> int:
        return len(self.x_NF) // self.batch

    @property
    def step_flops(self) -> float:
        """Floating point operations of the matrix products of one step: 6 B sum(in * out)."""
        pairs = zip(self.widths[:-1], self.widths[1:], strict=True)
        return 6.0 * self.batch * sum(i * o for i, o in pairs)


def problem_of(config: Config, data: Data) -> Problem:
    """The problem behind a config of an autoencoder; every second picture of the concept routes."""
    model, features = config.model, shapes(config)[0]
    sides = (features, *model.widths)  # type: ignore[union-attr]
    widths = (*sides, model.latent, *reversed(sides))  # type: ignore[union-attr]
    forget_N = np.isin(data.train.class_N, config.routing.concept)
    observed_N = np.where(forget_N & (np.cumsum(forget_N) % 2 == 0), 0, 1)
    weight_N2 = knobs_of(config, classes(config.world)).weights_O2[observed_N]
    region_U = np.arange(model.latent) < config.routing.units  # type: ignore[union-attr]
    weight_NU = np.where(region_U, weight_N2[:, :1], weight_N2[:, 1:]).astype(np.float32)
    return Problem(
        widths, len(sides), config.train.batch, config.train.learning_rate, data.train.x_NF,
        weight_NU,
    )  # fmt: skip
