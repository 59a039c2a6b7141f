"""From labelled stories to labelled tokens: how much of the concept each position has."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from absorb.config import Spec
from absorb.keys import key_for
from absorb.knobs import LABEL_DRAWS, Knobs
from absorb.sites import vocabulary
from absorb.token_rules import BY_POSITION
from absorb.worlds.data import Split, Tags
from absorb.worlds.degrees import classified, evidence, frequency
from absorb.worlds.labels import FORGET, carries, concept_bits

if TYPE_CHECKING:
    from jax import Array

Degrees = Callable[["Array"], "Array"]


def token_degrees(spec: Spec, knobs: Knobs, split: Split, observed_N: "Array",
                  probed: Degrees | None = None) -> Degrees | None:  # fmt: skip
    """From stories' indices (B,) to the degree q in [0, 1] of each of their positions, (B * T,).

    None where a label covers the whole story. q is looked at for labelled stories alone. probed:
    from stories' indices to degrees (B, S), where something else than the data says them.
    """
    if spec.routing.granularity not in BY_POSITION:
        return None
    of_story = probed or DEGREES[spec.routing.degree](spec, knobs, split, observed_N == FORGET)
    cut = slice(1, None) if spec.routing.align == "target" else slice(None, -1)
    return lambda index_B: of_story(index_B)[:, cut].reshape(-1)


def tagged(spec: Spec, knobs: Knobs, split: Split, labelled_N: "Array") -> Degrees:
    """1 for tokens that carry the concept, or whose span does.

    A story that is labelled though it does not carry the concept, by mistake or as a placebo, has
    the pattern of a random story that does.
    """
    assert isinstance(split.tags, Tags)
    pattern_NS = split.tags.span_NS if spec.routing.granularity == "span" else split.tags.token_NS
    bits, source_N = concept_bits(knobs), pattern_sources(spec, knobs, split)

    def of_story(index_B: "Array") -> "Array":
        pattern_BS = jnp.asarray(pattern_NS)[source_N[index_B]].astype(jnp.int32)
        return ((pattern_BS & bits) > 0).astype(jnp.float32)

    return of_story


def pattern_sources(spec: Spec, knobs: Knobs, split: Split) -> "Array":
    """The story whose tags each story is routed by: itself where it carries the concept."""
    forget_N = carries(spec, knobs, split)
    carriers_N = jnp.argsort(~forget_N, stable=True)
    key = key_for(jax.random.key(knobs.label_seed), "patterns")
    u_N = jax.random.uniform(key, forget_N.shape)
    random_N = carriers_N[(u_N * forget_N.sum()).astype(jnp.int32)]
    placebo = knobs.label_draw == LABEL_DRAWS.index("placebo")
    return jnp.where(forget_N & ~placebo, jnp.arange(len(forget_N)), random_N)


def by_frequency(spec: Spec, knobs: Knobs, split: Split, labelled_N: "Array") -> Degrees:
    """By how much more frequent each token is in labelled stories than in all others."""
    x_NS = jnp.asarray(split.x_NF)
    q_V = frequency(x_NS, labelled_N, ~labelled_N, vocabulary(spec.world))
    return lambda index_B: q_V[x_NS[index_B]]


def by_classifier(spec: Spec, knobs: Knobs, split: Split, labelled_N: "Array") -> Degrees:
    """By a classifier's probability that the words around each token are of a labelled story."""
    x_NS = jnp.asarray(split.x_NF)
    known = evidence(x_NS, labelled_N, ~labelled_N, vocabulary(spec.world))
    return lambda index_B: classified(known, x_NS[index_B])


DEGREES = {"tags": tagged, "frequency": by_frequency, "classifier": by_classifier}
