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
    q_BHTK, k_BHTK, v_BHTK = parts.transpose(2, 0, 3, 1, 4)
    scale = (width // heads) ** -0.5
    z_BHTK = causal(q_BHTK * scale, k_BHTK, v_BHTK)
    return z_BHTK.transpose(0, 2, 1, 3).reshape(-1, width)


@jax.custom_vjp
def causal(q_BHTK: Array, k_BHTK: Array, v_BHTK: Array) -> Array:
    """softmax(q k') v over the positions up to one's own.

    The square arrays are what this costs, so they are passed over as seldom as can be: the shares
    stay unnormalised, e = n softmax, and with dz' = dz / n their gradient is e (dz' v' - dz' . z).
    """
    return _attend(q_BHTK, k_BHTK, v_BHTK)[0]


def _attend(q_BHTK, k_BHTK, v_BHTK):
    wide = jnp.promote_types(q_BHTK.dtype, jnp.float32)
    score_BHTS = jnp.matmul(q_BHTK, k_BHTK.swapaxes(-1, -2), preferred_element_type=wide)
    seen_TS = jnp.tril(jnp.ones(score_BHTS.shape[-2:], bool))
    score_BHTS = jnp.where(seen_TS, score_BHTS, -jnp.inf)
    e_BHTS = jnp.exp(score_BHTS - score_BHTS.max(-1, keepdims=True))
    # sums along the last axis are faster as products
    n_BHT1 = e_BHTS @ jnp.ones((e_BHTS.shape[-1], 1), wide)
    e_BHTS = e_BHTS.astype(q_BHTK.dtype)
    z_BHTK = (jnp.matmul(e_BHTS, v_BHTK, preferred_element_type=wide) / n_BHT1).astype(q_BHTK.dtype)
    return z_BHTK, (q_BHTK, k_BHTK, v_BHTK, e_BHTS, n_BHT1, z_BHTK)


def _backward(saved, dz_BHTK):
    q_BHTK, k_BHTK, v_BHTK, e_BHTS, n_BHT1, z_BHTK = saved
    share_BHTK = dz_BHTK.astype(n_BHT1.dtype) / n_BHT1
    mean_BHT1 = (share_BHTK * z_BHTK) @ jnp.ones((z_BHTK.shape[-1], 1), n_BHT1.dtype)
    share_BHTK = share_BHTK.astype(q_BHTK.dtype)
    gap_BHTS = jnp.matmul(share_BHTK, v_BHTK.swapaxes(-1, -2), preferred_element_type=n_BHT1.dtype)
    d_BHTS = (e_BHTS * (gap_BHTS - mean_BHT1)).astype(q_BHTK.dtype)
    return d_BHTS @ k_BHTK, d_BHTS.swapaxes(-1, -2) @ q_BHTK, e_BHTS.swapaxes(-1, -2) @ share_BHTK


causal.defvjp(_attend, _backward)
