"""How much of the concept a token has, as a linear probe reads it from the network itself."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.sparse.linalg import cg  # LAPACK may deadlock: see CONTRIBUTING.md

from absorb.config import Spec, Transformer
from absorb.footprint import STORIES_AT_ONCE
from absorb.knobs import Knobs
from absorb.models import Params, apply, regions
from absorb.routing.kernels import Routes
from absorb.worlds.data import Split
from absorb.worlds.labels import FORGET

STORIES = 512  # that a probe is fitted on, half of them labelled where there are as many
SHRINKAGE = 1e-3  # of the covariance towards a multiple of the identity
TOLERANCE = 1e-6  # of what conjugate gradients leave, relative


class Probe(NamedTuple):
    """Linear discriminant: the log odds that an activation is of a labelled story are h w + b."""

    w_D: Array
    b: Array


class Moments(NamedTuple):
    """Sums over activations, of other and of labelled stories; outer products over both."""

    count_2: Array
    sum_2D: Array
    square_DD: Array


def probed(spec: Spec, knobs: Knobs, params: Params, split: Split,
           observed_N: Array) -> Callable[[Array], Array]:  # fmt: skip
    """From stories' indices (B,) to the degrees of their tokens (B, S).

    The probe and the activations are those of the network at the start of a segment of training,
    of which there are about ten: refitted as it learns, and never within a segment. The last
    token, which is only predicted, has no activation and the degree of the one before it. A probe
    that tells nothing says the share of stories that are labelled; where none is, degrees are 0.
    """
    x_NS, labelled_N = jnp.asarray(split.x_NF), observed_N == FORGET
    sample_M = balanced(labelled_N, min(STORIES, len(x_NS)))
    of = lambda x_BS: activations(spec, knobs, params, x_BS)  # noqa: E731
    probe = fitted(of, x_NS[sample_M], labelled_N[sample_M])
    some, shift = labelled_N.any(), log_odds(labelled_N) - log_odds(labelled_N[sample_M])

    def of_story(index_B: Array) -> Array:
        h_BTD = of(x_NS[index_B])
        q_BT = jax.nn.sigmoid(h_BTD @ probe.w_D + probe.b + shift)
        return jnp.where(some, jnp.pad(q_BT, ((0, 0), (0, 1)), mode="edge"), 0.0)

    return of_story


def log_odds(labelled_N: Array) -> Array:
    """Log odds of a story's being labelled, with one more story on either side."""
    yes = labelled_N.sum()
    return jnp.log(yes + 1.0) - jnp.log(len(labelled_N) - yes + 1.0)


def balanced(labelled_N: Array, count: int) -> Array:
    """Indices of `count` stories: labelled ones first, up to half of them, then others."""
    rank_N = jnp.cumsum(labelled_N) * labelled_N
    surplus_N = rank_N > count // 2
    return jnp.argsort(jnp.where(labelled_N & ~surplus_N, 0, 1) + surplus_N, stable=True)[:count]


def activations(spec: Spec, knobs: Knobs, params: Params, x_BS: Array) -> Array:
    """The stream after the middle layer, (B, T, D), through a learned gate where there is one."""
    assert isinstance(spec.model, Transformer)
    gated = regions(spec, knobs) if spec.gate.kind == "learned" else {}
    free = Routes(None, jnp.ones(x_BS.shape[0] * (x_BS.shape[1] - 1)), gated)
    sites = apply(spec, params, x_BS, free).sites
    h_ND = sites[f"residual{(spec.model.layers - 1) // 2}"]
    return jax.lax.stop_gradient(h_ND).reshape(len(x_BS), -1, h_ND.shape[-1])


def fitted(of: Callable[[Array], Array], x_MS: Array, labelled_M: Array) -> Probe:
    """Fisher's linear discriminant between tokens of labelled and of other stories.

    w = C^-1 (m1 - m0) with the pooled covariance C, shrunk; b = -(m0 + m1) w / 2 + log(n1 / n0).
    """

    def moments(x_BS: Array, labelled_B: Array) -> Moments:
        h_BTD, is_2B = of(x_BS), jnp.stack([~labelled_B, labelled_B]).astype(jnp.float32)
        square_DD = jnp.einsum("btd,bte->de", h_BTD, h_BTD)
        return Moments(is_2B.sum(1) * h_BTD.shape[1], is_2B @ h_BTD.sum(1), square_DD)

    def add(total: Moments, some: tuple[Array, Array]) -> tuple[Moments, None]:
        return jax.tree.map(jnp.add, total, moments(*some)), None

    size = STORIES_AT_ONCE if len(x_MS) % STORIES_AT_ONCE == 0 else 1
    parts = (x_MS.reshape(-1, size, x_MS.shape[1]), labelled_M.reshape(-1, size))
    shapes = jax.eval_shape(moments, parts[0][0], parts[1][0])
    zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    (count_2, sum_2D, square_DD), _ = jax.lax.scan(add, zero, parts)
    mean_2D = sum_2D / jnp.maximum(count_2, 1)[:, None]
    within_DD = square_DD - jnp.einsum("k,ki,kj->ij", count_2, mean_2D, mean_2D)
    within_DD /= count_2.sum()
    round_DD = jnp.trace(within_DD) / len(within_DD) * jnp.eye(len(within_DD))
    within_DD = (1 - SHRINKAGE) * within_DD + SHRINKAGE * round_DD
    w_D, _ = cg(lambda v_D: within_DD @ v_D, mean_2D[1] - mean_2D[0], tol=TOLERANCE)
    odds = jnp.log(jnp.maximum(count_2[1], 1)) - jnp.log(jnp.maximum(count_2[0], 1))
    return Probe(w_D, odds - mean_2D.sum(0) @ w_D / 2)
