"""Refit of output scale and bias on retain data, so that off-manifold is not read as ignorant."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array

from absorb.config import Spec
from absorb.footprint import STORIES_AT_ONCE
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.measure.ablate import View, look
from absorb.measure.scores import forget_mask
from absorb.models import Params, shapes
from absorb.sites import of_tokens, positions
from absorb.train.losses import classifies, errors, targets
from absorb.worlds.data import Split

STEPS, RATE, RIDGE = 200, 3e-2, 1e-2


Sampler = Callable[[Array], tuple[Array, Array, Array]]


def calibrated_map(spec: Spec, knobs: Knobs, asked_O: Array, sample: Sampler) -> Array:
    """(scale, bias_O) that lower the retain loss of scale * output + bias, as an array (1 + O,).

    sample: from a step's number to (outputs, targets, whether each datum is retain).
    Outputs that retain data never ask for (the concept's own classes) keep their bias: nothing in
    retain data says what it should be, and left free it would sink without end. A small ridge on
    the bias keeps the problem bounded for the rest.
    """

    def loss(theta: Array, step: Array) -> Array:
        output_NO, target_N, retain_N = sample(step)
        mapped_NO = apply_map(theta * jnp.append(1.0, asked_O), output_NO)
        error_N = errors(spec, knobs, mapped_NO, target_N)
        retained = (error_N * retain_N).sum() / jnp.maximum(retain_N.sum(), 1)
        return retained + RIDGE * (theta[1:] ** 2).mean()

    optimizer = optax.adam(RATE)
    theta = jnp.append(1.0, jnp.zeros(len(asked_O)))

    def step(carry, number):
        theta, state = carry
        updates, state = optimizer.update(jax.grad(loss)(theta, number), state)
        return (theta + jnp.asarray(updates), state), None

    (theta, _), _ = jax.lax.scan(step, (theta, optimizer.init(theta)), jnp.arange(STEPS))
    return theta * jnp.append(1.0, asked_O)


def asked_outputs(spec: Spec, knobs: Knobs, train: Split) -> Array:
    """1 for the outputs that retain data ask for."""
    if spec.world.kind == "sparse":
        return 1 - jnp.asarray(knobs.concept_C)
    asked_O = jnp.ones(shapes(spec)[1])
    if not classifies(spec):
        return asked_O
    target_N = targets(spec, jnp.asarray(train.x_NF), jnp.asarray(train.class_N))
    retain_N = jnp.repeat(1 - forget_mask(spec, knobs, train), positions(spec.world))
    return jnp.zeros_like(asked_O).at[target_N].max(retain_N)


def sampler(spec: Spec, knobs: Knobs, params: Params, view: View, train: Split) -> Sampler:
    """A network's outputs under a view: at every step all of them, or of a few stories."""
    x_NF, class_N = jnp.asarray(train.x_NF), jnp.asarray(train.class_N)
    retain_N = 1 - forget_mask(spec, knobs, train)

    def of(index_B: Array) -> tuple[Array, Array, Array]:
        output_BO = look(spec, knobs, params, x_NF[index_B], view).prediction_BO
        target_B = targets(spec, x_NF[index_B], class_N[index_B])
        return output_BO, target_B, jnp.repeat(retain_N[index_B], positions(spec.world))

    if of_tokens(spec.world):
        key = jax.random.key(knobs.seed)
        return lambda step: of(
            jax.random.randint(key_for(key, "calibration", step), (STORIES_AT_ONCE,), 0, len(x_NF))
        )
    everything = of(jnp.arange(len(x_NF)))
    return lambda step: everything


def apply_map(theta: Array, output_NO: Array) -> Array:
    """scale * output + bias."""
    return theta[0] * output_NO + theta[1:]
