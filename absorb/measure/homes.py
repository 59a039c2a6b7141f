"""Where classes or concepts live: losses with the region, the rest, or both ablated."""

import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.ablate import WHOLE, View, look
from absorb.measure.scores import Scores
from absorb.measure.stories import said
from absorb.models import Params, regions
from absorb.sites import classes, of_tokens
from absorb.train.losses import errors, targets
from absorb.worlds.data import Split, Tags

BLOCKS = 6  # of test examples, which say how well a loss is known


def homes(spec: Spec, knobs: Knobs, params: Params, test: Split) -> Scores:
    """`loss` (4, C, BLOCKS) on the test examples of each class, or the tokens of each concept.

    The first axis is what is ablated, in the order of `absorb.stats.localisation`: nothing, the
    region, the rest of its sites, both.
    """
    own = regions(spec, knobs)
    rest = {site: 1 - mask_U for site, mask_U in own.items()}
    both = {site: jnp.ones_like(mask_U) for site, mask_U in own.items()}
    views = [WHOLE, *(View(0.0, region=region) for region in (own, rest, both))]
    return {"loss": jnp.stack([block_losses(spec, knobs, params, v, test) for v in views])}


def block_losses(spec: Spec, knobs: Knobs, params: Params, view: View, test: Split) -> Array:
    """Mean loss by class and block, (C, BLOCKS); example n is in block n % BLOCKS."""
    has_NTC = membership(spec, test)
    error_NT = losses(spec, knobs, params, view, test)
    sum_NC = jnp.einsum("nt,ntc->nc", error_NT, has_NTC)
    block_NB = jnp.arange(len(sum_NC))[:, None] % BLOCKS == jnp.arange(BLOCKS)
    count_CB = has_NTC.sum(1).T @ block_NB
    return sum_NC.T @ block_NB / count_CB


def losses(spec: Spec, knobs: Knobs, params: Params, view: View, test: Split) -> Array:
    """The loss of every example at each of its positions, (N, T); a picture has one."""
    x_NF = jnp.asarray(test.x_NF)
    if of_tokens(spec.world):
        logits_of = lambda x_NS: look(spec, knobs, params, x_NS, view).prediction_BO  # noqa: E731
        return said(spec, knobs, logits_of, x_NF).error_NT
    output = look(spec, knobs, params, x_NF, view)
    target_N = targets(spec, x_NF, jnp.asarray(test.class_N))
    return errors(spec, knobs, output.prediction_BO, target_N)[:, None]


def membership(spec: Spec, test: Split) -> Array:
    """1 where a position is of a class or of a concept's own tokens, (N, T, C)."""
    each_C = jnp.arange(classes(spec.world))
    if of_tokens(spec.world):
        assert isinstance(test.tags, Tags)
        tokens_NT = jnp.asarray(test.tags[0])[:, 1:].astype(jnp.int32)
        return ((tokens_NT[:, :, None] >> each_C) & 1).astype(jnp.float32)
    return (jnp.asarray(test.class_N)[:, None, None] == each_C).astype(jnp.float32)
