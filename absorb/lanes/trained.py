"""Networks that are trained already: their parameters as the state of lanes that only measure."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
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
    losses, count = [jnp.nan if n.loss is None else n.loss for n in networks], len(networks)
    return State(
        params=jax.tree.map(lambda *leaves: np.stack(leaves), *trees),
        opt_state=None,
        step=jnp.zeros(count, jnp.int32),
        diverged_step=jnp.full(count, -1, jnp.int32),
        loss=jnp.array(losses, jnp.float32),
    )
