"""Causal attention with many heads, from queries, keys and values that lie side by side."""

import jax
import jax.numpy as jnp
from jax import Array


def attend(qkv_NE: Array, stories: int, heads: int) -> Array:
    """softmax(q k' / sqrt(d)) v of each head, where a position sees itself and those before it.

    Shapes: (B*T, 3*D), query, key and value, each with its heads in turn, to (B*T, D). The softmax
    is float32 whatever the precision.
    """
    length, width = len(qkv_NE) // stories, qkv_NE.shape[1] // 3
    parts = qkv_NE.reshape(stories, length, 3, heads, width // heads)
    q_BTHK, k_BTHK, v_BTHK = parts[:, :, 0], parts[:, :, 1], parts[:, :, 2]
    scale = (width // heads) ** -0.5
    score_BHTS = jnp.einsum("bthk,bshk->bhts", q_BTHK * scale, k_BTHK)
    seen_TS = jnp.tril(jnp.ones((length, length), bool))
    score_BHTS = jnp.where(seen_TS, score_BHTS.astype(at_least_float32(qkv_NE)), -jnp.inf)
    share_BHTS = jax.nn.softmax(score_BHTS).astype(qkv_NE.dtype)
    return jnp.einsum("bhts,bshk->bthk", share_BHTS, v_BTHK).reshape(-1, width)


def at_least_float32(x: Array) -> jnp.dtype:
    """The type in which sums over many entries are taken: float32, or float64 where x is."""
    return jnp.promote_types(x.dtype, jnp.float32)
