"""Networks that are trained already: their parameters as the state of lanes that only measure."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from absorb.train.starts import Named, tree_of
from absorb.train.step import State


class Trained(NamedTuple):
    """A network's parameters by name, and its last training loss, None where it never trained."""

    parameters: Named
    loss: float | None


def stacked(networks: Sequence[Trained]) -> State:
    """The state after training of R networks: every array has a leading axis of R lanes.

    Nothing that only training reads is in it.
    """
    trees = [tree_of(network.parameters) for network in networks]
    loss_R = np.array([np.nan if n.loss is None else n.loss for n in networks], np.float32)
    count = len(networks)
    return State(
        params=jax.tree.map(lambda *leaves: np.stack(leaves), *trees),
        opt_state=None,
        step=np.zeros(count, np.int32),  # type: ignore[arg-type]
        diverged_step=np.full(count, -1, np.int32),  # type: ignore[arg-type]
        loss=loss_R,  # type: ignore[arg-type]
    )
