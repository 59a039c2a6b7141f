"""What a predictor is worth that looks at no input: the zero of a capability."""

import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.scores import Scores, forget_mask, scores
from absorb.sites import answers
from absorb.train.losses import classifies, targets
from absorb.worlds.data import Data


def trivial(spec: Spec, knobs: Knobs, data: Data) -> Scores:
    """Test scores of the best constant of the forget and of the retain training examples, each.

    Classes are said as often as they are there, which is the best in nats; a picture is the mean
    one, the best in squared error.
    """
    train, test = data.train, data.test
    target_N = targets(spec, jnp.asarray(train.x_NF), jnp.asarray(train.class_N))
    if classifies(spec):
        target_N = (target_N[:, None] == jnp.arange(answers(spec.world))).astype(jnp.float32)
    carries_N = forget_mask(spec, knobs, train)
    forget_O, retain_O = (mean_of(target_N, mask_N) for mask_N in (carries_N, 1 - carries_N))
    said_NO = jnp.where(forget_mask(spec, knobs, test)[:, None] > 0, forget_O, retain_O)
    return scores(spec, knobs, jnp.log(said_NO) if classifies(spec) else said_NO, test)


def mean_of(value_NO: Array, mask_N: Array) -> Array:
    """The mean of the masked rows."""
    return mask_N @ value_NO / mask_N.sum()
