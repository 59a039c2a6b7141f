"""Optimizers by name; rates and decays are traced, so that lanes of one program may differ."""

import optax
from jax import Array

from absorb.errors import AbsorbError

MOMENTUM = {"adam": 0.9, "sgd": 0.0}  # of optimizers whose step is linear in their first moment


def make_optimizer(name: str, learning_rate: Array | float, weight_decay: Array | float):
    """An optax transformation; adam_l2 adds decay to the gradient, adamw to the step."""
    table = {
        "adam": lambda: optax.adam(learning_rate, b1=MOMENTUM["adam"]),
        "adam_l2": lambda: optax.chain(
            optax.add_decayed_weights(weight_decay), optax.adam(learning_rate)
        ),
        "adamw": lambda: optax.adamw(learning_rate, weight_decay=weight_decay),
        "sgd": lambda: optax.chain(
            optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate)
        ),
    }
    if name not in table:
        raise AbsorbError(f"train.optimizer={name!r}: must be one of {', '.join(table)}")
    return table[name]()
