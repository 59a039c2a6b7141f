"""Named randomness: a consumer asks for its role, so adding one reshuffles nobody else."""

import math

import jax
import jax.numpy as jnp
from jax.extend.random import threefry_2x32

# Append only: a role's place is part of every stored result. No one draws from refit any more.
ROLES = ("init", "order", "labels", "placebo", "std", "false_positive", "false_negative",
         "retain_labels", "batches", "refit", "attack_examples", "attack_init",
         "attack_order", "draws", "patterns", "calibration",
         "rival", "rival_direction", "rival_init", "control_units",
         "probe_shuffle", "fixed_points")  # fmt: skip


def key_for(key: jax.Array, role: str, step: int | jax.Array | None = None) -> jax.Array:
    """The key of `role`, and of `step` within it where one is given."""
    key = jax.random.fold_in(key, ROLES.index(role))
    return key if step is None else jax.random.fold_in(key, step)


def uniforms(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Uniform numbers in [0, 1), 23 bits each, at half the cost of `jax.random.uniform`.

    The generator and the way from bits to a float are the same; but a block of it makes two words,
    of which JAX's own function keeps one.
    """
    pair = jax.random.key_data(key).astype(jnp.uint32)
    bits = threefry_2x32(pair, jax.lax.iota(jnp.uint32, math.prod(shape))).reshape(shape)
    one_to_two = jax.lax.bitcast_convert_type((bits >> 9) | jnp.uint32(0x3F800000), jnp.float32)
    return one_to_two - 1
