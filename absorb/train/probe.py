"""How much of the concept a token has, as a linear probe reads it from the network itself."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec, Transformer
from absorb.models import Params, apply
from absorb.routing.kernels import Routes
from absorb.worlds.data import Split
from absorb.worlds.labels import FORGET

STORIES = 512  # that a probe is fitted on, half of them labelled where there are as many
CHUNK = 32
SHRINKAGE = 1e-3  # of the covariance towards a multiple of the identity


class Probe(NamedTuple):
    """Linear discriminant: the log odds that an activation is of a labelled story are h w + b."""

    w_D: Array
    b: Array


class Moments(NamedTuple):
    """Sums over activations: how many, their sum, the sum of their outer products."""

    count: Array
    sum_D: Array
    square_DD: Array


def probed(spec: Spec, params: Params, split: Split, observed_N: Array) -> Callable[[Array], Array]:
    """From stories' indices (B,) to the degrees of their tokens (B, S).

    The probe and the activations are those of the network at the start of a segment of training,
    of which there are about ten: refitted as it learns, and never within a segment. The last
    token, which is only predicted, has no activation and the degree of the one before it. Where
    nothing is labelled every degree is 0.
    """
    x_NS, labelled_N = jnp.asarray(split.x_NF), observed_N == FORGET
    sample_M = balanced(labelled_N, min(STORIES, len(x_NS)))
    probe = fitted(lambda x_BS: activations(spec, params, x_BS), x_NS[sample_M],
                   labelled_N[sample_M])  # fmt: skip
    some = labelled_N.any()

    def of_story(index_B: Array) -> Array:
        h_BTD = activations(spec, params, x_NS[index_B])
        q_BT = jax.nn.sigmoid(h_BTD @ probe.w_D + probe.b)
        return jnp.where(some, jnp.pad(q_BT, ((0, 0), (0, 1)), mode="edge"), 0.0)

    return of_story


def balanced(labelled_N: Array, count: int) -> Array:
    """Indices of `count` stories: labelled ones first, up to half of them, then others."""
    rank_N = jnp.cumsum(labelled_N) * labelled_N
    surplus_N = rank_N > count // 2
    return jnp.argsort(jnp.where(labelled_N & ~surplus_N, 0, 1) + surplus_N, stable=True)[:count]


def activations(spec: Spec, params: Params, x_BS: Array) -> Array:
    """The stream after the middle layer, (B, T, D)."""
    assert isinstance(spec.model, Transformer)
    free = Routes(None, jnp.ones(x_BS.shape[0] * (x_BS.shape[1] - 1)), {})
    sites = apply(spec, params, x_BS, free).sites
    h_ND = sites[f"residual{(spec.model.layers - 1) // 2}"]
    return jax.lax.stop_gradient(h_ND).reshape(len(x_BS), -1, h_ND.shape[-1])


def fitted(of: Callable[[Array], Array], x_MS: Array, labelled_M: Array) -> Probe:
    """Fisher's linear discriminant between tokens of labelled and of other stories.

    w = C^-1 (m1 - m0) with the pooled covariance C, shrunk; b = -(m0 + m1) w / 2 + log(n1 / n0).
    """

    def moments(pair: tuple[Array, Array]) -> Moments:
        x_S, labelled = pair
        h_TD = of(x_S[None])[0]
        each = Moments(jnp.float32(len(h_TD)), h_TD.sum(0), h_TD.T @ h_TD)
        yes = labelled.astype(jnp.float32)
        return jax.tree.map(lambda m: jnp.stack([(1 - yes) * m, yes * m]), each)

    each_M = jax.lax.map(moments, (x_MS, labelled_M), batch_size=min(CHUNK, len(x_MS)))
    count_2, sum_2D, square_2DD = jax.tree.map(lambda m: m.sum(0), each_M)
    mean_2D = sum_2D / jnp.maximum(count_2, 1)[:, None]
    within_DD = square_2DD.sum(0) - jnp.einsum("k,ki,kj->ij", count_2, mean_2D, mean_2D)
    within_DD /= count_2.sum()
    round_DD = jnp.trace(within_DD) / len(within_DD) * jnp.eye(len(within_DD))
    within_DD = (1 - SHRINKAGE) * within_DD + SHRINKAGE * round_DD
    w_D = jnp.linalg.solve(within_DD, mean_2D[1] - mean_2D[0])
    odds = jnp.log(jnp.maximum(count_2[1], 1)) - jnp.log(jnp.maximum(count_2[0], 1))
    return Probe(w_D, odds - mean_2D.sum(0) @ w_D / 2)
