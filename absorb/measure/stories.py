"""What a network says of stories: losses by position, a few stories in memory at a time."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.footprint import STORIES_AT_ONCE
from absorb.knobs import Knobs
from absorb.models import Output
from absorb.train.losses import errors, hits, targets
from absorb.worlds import carries
from absorb.worlds.data import Split, Tags
from absorb.worlds.labels import concept_bits


class Said(NamedTuple):
    """Of every position: the loss in nats, and whether the likeliest token came."""

    error_NT: Array
    correct_NT: Array


def said(spec: Spec, knobs: Knobs, logits_of: Callable[[Array], Array], x_NS: Array) -> Said:
    """What a network says of stories; logits_of: stories (n, S) to logits (n * T, V)."""

    def of_one(x_S: Array) -> Said:
        logits, target = logits_of(x_S[None]), targets(spec, x_S[None], x_S[:1])
        error = errors(spec, knobs, logits, target)
        return Said(error, hits(logits, target))

    return jax.lax.map(of_one, x_NS, batch_size=min(STORIES_AT_ONCE, len(x_NS)))


def concept_loss(spec: Spec, knobs: Knobs, logits_of: Callable[[Array], Array],
                 split: Split) -> Array:  # fmt: skip
    """The `forget` of `story_scores`, from the stories alone that carry the concept."""
    assert isinstance(split.tags, Tags)
    x_NS, bits = jnp.asarray(split.x_NF), concept_bits(knobs)
    has_NT = (jnp.asarray(split.tags.token_NS)[:, 1:].astype(jnp.int32) & bits) > 0
    carries_N, at_once = carries(spec, knobs, split), min(STORIES_AT_ONCE, len(x_NS))
    carriers_N, count = jnp.argsort(~carries_N, stable=True), carries_N.sum()

    def add(number: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        place_n = number * at_once + jnp.arange(at_once)
        index_n = carriers_N[jnp.minimum(place_n, len(x_NS) - 1)]
        has_nT = has_NT[index_n] & (place_n < count)[:, None]
        logits, target = logits_of(x_NS[index_n]), targets(spec, x_NS[index_n], index_n)
        error_nT = errors(spec, knobs, logits, target).reshape(has_nT.shape)
        return sums[0] + (error_nT * has_nT).sum(), sums[1] + has_nT.sum()

    none = (jnp.float32(0), jnp.int32(0))
    total, tokens = jax.lax.fori_loop(0, -(-count // at_once), add, none)
    return total / tokens


def site_means(output_of: Callable[[Array], Output], sites: Iterable[str],
               x_NS: Array) -> dict[str, Array]:  # fmt: skip
    """Mean of the sites' entries over all positions of the stories."""

    def of_one(x_S: Array) -> dict[str, Array]:
        found = output_of(x_S[None]).sites
        return {site: found[site].mean(0) for site in sites}

    means_N = jax.lax.map(of_one, x_NS, batch_size=min(STORIES_AT_ONCE, len(x_NS)))
    return {site: mean_NU.mean(0) for site, mean_NU in means_N.items()}


def story_scores(spec: Spec, knobs: Knobs, found: Said, split: Split) -> dict[str, Array]:
    """Losses by level: on the concept's own tokens, their spans, their stories, and all others.

    forget: tokens that carry the concept; retain: every token of stories that do not. `concepts`,
    `concept_spans` and `concept_stories` hold the same three levels for each of the C concepts.
    """
    assert isinstance(split.tags, Tags)
    tokens_NT, spans_NT = (jnp.asarray(bits)[:, 1:].astype(jnp.int32) for bits in split.tags)
    stories_NT = jnp.broadcast_to(jnp.asarray(split.class_N)[:, None], tokens_NT.shape)
    levels = {"": tokens_NT, "_span": spans_NT, "_story": stories_NT}
    bits = concept_bits(knobs)
    retain_NT = jnp.broadcast_to(~carries(spec, knobs, split)[:, None], tokens_NT.shape)
    scores = {"retain": mean_where(found.error_NT, retain_NT)}
    scores["retain.accuracy"] = mean_where(found.correct_NT, retain_NT)
    for name, bits_NT in levels.items():
        has_NT = (bits_NT & bits) > 0
        scores[f"forget{name}"] = mean_where(found.error_NT, has_NT)
        scores[f"forget{name}.accuracy"] = mean_where(found.correct_NT, has_NT)
        each = [(bits_NT >> c) & 1 for c in range(len(knobs.concept_C))]
        plural = {"": "concepts", "_span": "concept_spans", "_story": "concept_stories"}[name]
        scores[plural] = jnp.stack([mean_where(found.error_NT, has > 0) for has in each])
    return scores


def mean_where(value_NT: Array, mask_NT: Array) -> Array:
    """Mean over the positions of the mask; NaN where there are none."""
    return (value_NT * mask_NT).sum() / mask_NT.sum()
