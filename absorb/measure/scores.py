"""What a prediction is worth on forget and on retain data."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.ablate import View, look
from absorb.measure.stories import concept_loss, said, story_scores
from absorb.models import Params
from absorb.sites import of_tokens
from absorb.train.losses import classifies, errors, hits, targets
from absorb.worlds import carries
from absorb.worlds.data import Split

Scores = dict[str, Array]  # flat, by name: these become columns of the store


def masked_mean(value_N: Array, mask_N: Array) -> Array:
    """Mean over the masked entries; NaN where there are none."""
    return (value_N * mask_N).sum() / mask_N.sum()


def forget_mask(spec: Spec, knobs: Knobs, split: Split) -> Array:
    """1 for examples that carry the concept, in truth."""
    return carries(spec, knobs, split).astype(jnp.float32)


def forget_loss(spec: Spec, knobs: Knobs, params: Params, view: View, split: Split) -> Array:
    """A network's forget loss alone; of stories, those without the concept are not looked at."""
    if not of_tokens(spec.world):
        return seen(spec, knobs, params, view, split)["forget"]
    logits_of = lambda x_NS: look(spec, knobs, params, x_NS, view).prediction_BO  # noqa: E731
    return concept_loss(spec, knobs, logits_of, split)


def seen(spec: Spec, knobs: Knobs, params: Params, view: View, split: Split,
         remap: Callable[[Array], Array] = lambda output: output) -> Scores:  # fmt: skip
    """Scores of a network under a view on a split; `remap` changes its outputs first."""
    x_NF = jnp.asarray(split.x_NF)
    if of_tokens(spec.world):
        logits_of = lambda x_NS: remap(  # noqa: E731
            look(spec, knobs, params, x_NS, view).prediction_BO
        )
        return story_scores(spec, knobs, said(spec, knobs, logits_of, x_NF), split)
    second_N = forget_mask(spec, knobs, split)
    output = look(spec, knobs, params, x_NF, view, second_N)
    return scores(spec, knobs, remap(output.prediction_BO), split)


def scores(spec: Spec, knobs: Knobs, prediction_NO: Array, split: Split) -> Scores:
    """Loss on forget and retain examples, and beside it accuracy or squared and absolute error."""
    target_N = targets(spec, jnp.asarray(split.x_NF), jnp.asarray(split.class_N))
    if spec.world.kind == "sparse":
        return feature_scores(knobs, prediction_NO, target_N)
    kinds = {"": errors(spec, knobs, prediction_NO, target_N)}
    if classifies(spec):
        kinds[".accuracy"] = hits(prediction_NO, target_N)
    else:
        gap_NF = prediction_NO - target_N
        kinds[".squared"], kinds[".absolute"] = (gap_NF**2).mean(-1), jnp.abs(gap_NF).mean(-1)
    forget_N = forget_mask(spec, knobs, split)
    groups = {"forget": forget_N, "retain": 1 - forget_N}
    return {
        f"{group}{kind}": masked_mean(value_N, mask_N)
        for group, mask_N in groups.items()
        for kind, value_N in kinds.items()
    }


def feature_scores(knobs: Knobs, prediction_NF: Array, x_NF: Array) -> Scores:
    """Squared error of the concept's features, of the others, of each, and weighed as trained."""
    error_F = ((prediction_NF - x_NF) ** 2).mean(0)
    concept_F = jnp.asarray(knobs.concept_C)
    return {
        "forget": masked_mean(error_F, concept_F),
        "retain": masked_mean(error_F, 1 - concept_F),
        "loss": (knobs.importance_C * error_F).mean(),
        "features": error_F,
    }


def single(named: Scores) -> Scores:
    """The scores that are one number each."""
    return {name: value for name, value in named.items() if value.ndim == 0}


def prefixed(prefix: str, named: Scores) -> Scores:
    """The same scores with `prefix.` before each name."""
    return {f"{prefix}.{name}": value for name, value in named.items()}
