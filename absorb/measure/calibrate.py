"""Refit of output scale and bias on retain data, so that off-manifold is not read as ignorant."""

import jax
import jax.numpy as jnp
import optax
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.train.losses import errors

STEPS, RATE, RIDGE = 200, 3e-2, 1e-2


def calibrated_map(spec: Spec, knobs: Knobs, output_NO: Array, target_N: Array,
                   retain_N: Array) -> Array:  # fmt: skip
    """(scale, bias_O) that lower the retain loss of scale * output + bias, as an array (1 + O,).

    Outputs that retain data never ask for (the concept's own classes) keep their bias: nothing in
    retain data says what it should be, and left free it would sink without end. A small ridge on
    the bias keeps the problem bounded for the rest.
    """
    asked_O = jnp.ones(output_NO.shape[-1])
    if spec.model.kind == "mlp":
        asked_O = jnp.zeros_like(asked_O).at[target_N].max(retain_N)
    if spec.world.kind == "sparse":
        asked_O -= jnp.asarray(knobs.concept_C)

    def loss(theta: Array) -> Array:
        mapped_NO = apply_map(theta * jnp.append(1.0, asked_O), output_NO)
        error_N = errors(spec, knobs, mapped_NO, target_N)
        retained = (error_N * retain_N).sum() / jnp.maximum(retain_N.sum(), 1)
        return retained + RIDGE * (theta[1:] ** 2).mean()

    optimizer = optax.adam(RATE)
    theta = jnp.append(1.0, jnp.zeros(output_NO.shape[-1]))

    def step(carry, _):
        theta, state = carry
        updates, state = optimizer.update(jax.grad(loss)(theta), state)
        return (theta + jnp.asarray(updates), state), None

    (theta, _), _ = jax.lax.scan(step, (theta, optimizer.init(theta)), None, length=STEPS)
    return theta * jnp.append(1.0, asked_O)


def apply_map(theta: Array, output_NO: Array) -> Array:
    """scale * output + bias."""
    return theta[0] * output_NO + theta[1:]
