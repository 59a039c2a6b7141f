"""Causal attention with many heads, from queries, keys and values that lie side by side."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array


def attend(qkv_NE: Array, stories: int, heads: int) -> Array:
    """softmax(q k' / sqrt(d)) v of each head, where a position sees itself and those before it.

    Shapes: (B*T, 3*D), query, key and value, each with its heads in turn, to (B*T, D). The softmax
    is float32 whatever the precision.
    """
    length, width = len(qkv_NE) // stories, qkv_NE.shape[1] // 3
    qkv_BT3HK = qkv_NE.reshape(stories, length, 3, heads, width // heads)
    return causal(qkv_BT3HK).reshape(-1, width)


@jax.custom_vjp
def causal(qkv_BT3HK: Array) -> Array:
    """What each position reads of the values up to its own, (B, T, H, K).

    The square arrays are what this costs, so they are passed over as seldom as can be. They lie
    with the key S before the query T: then no product, forward or backward, has to turn one, and
    most have rows as long as a story instead of a head. The shares stay unnormalised, e = n
    softmax, and with dz' = dz / n the gradient of the scores is e (v dz' - z . dz').
    """
    return _attend(qkv_BT3HK)[0]


def _attend(qkv_BT3HK):
    q_BTHK, k_BTHK, v_BTHK = _parts(qkv_BT3HK)
    wide = jnp.promote_types(q_BTHK.dtype, jnp.float32)
    product = partial(jnp.matmul, preferred_element_type=wide)
    score_BHST = product(_rows(k_BTHK), _columns(q_BTHK)) + _unseen(q_BTHK.shape[1], wide)
    e_BHST = jnp.exp(score_BHST - score_BHST.max(-2, keepdims=True))
    n_BH1T = e_BHST.sum(-2, keepdims=True)
    e_BHST = e_BHST.astype(q_BTHK.dtype)
    z_BHKT = (product(_columns(v_BTHK), e_BHST) / n_BH1T).astype(q_BTHK.dtype)
    return z_BHKT.transpose(0, 3, 1, 2), (qkv_BT3HK, e_BHST, n_BH1T, z_BHKT)


def _backward(saved, dz_BTHK):
    qkv_BT3HK, e_BHST, n_BH1T, z_BHKT = saved
    q_BTHK, k_BTHK, v_BTHK = _parts(qkv_BT3HK)
    wide, narrow = n_BH1T.dtype, qkv_BT3HK.dtype
    share_BHKT = _columns(dz_BTHK).astype(wide) / n_BH1T
    # a product, since a sum is fused into the pass over the square array, and slower there
    mean_BH1T = jnp.ones((1, z_BHKT.shape[-2]), wide) @ (share_BHKT * z_BHKT)
    share_BHKT = share_BHKT.astype(narrow)
    gap_BHST = jnp.matmul(_rows(v_BTHK), share_BHKT, preferred_element_type=wide)
    d_BHST = (e_BHST * (gap_BHST - mean_BH1T)).astype(narrow)
    dq_BHKT = _columns(k_BTHK) @ d_BHST * q_BTHK.shape[-1] ** -0.5
    dk_BHSK, dv_BHSK = d_BHST @ _rows(q_BTHK), e_BHST @ share_BHKT.swapaxes(-1, -2)
    parts = [dq_BHKT.transpose(0, 3, 1, 2), dk_BHSK.swapaxes(1, 2), dv_BHSK.swapaxes(1, 2)]
    return (jnp.stack(parts, 2),)


causal.defvjp(_attend, _backward)


def _parts(qkv_BT3HK: Array) -> tuple[Array, Array, Array]:
    """Queries, scaled, then keys and values, (B, T, H, K) each."""
    q_BTHK, k_BTHK, v_BTHK = (qkv_BT3HK[:, :, part] for part in range(3))
    return q_BTHK * q_BTHK.shape[-1] ** -0.5, k_BTHK, v_BTHK


def _rows(x_BTHK: Array) -> Array:
    """Each head's positions as rows, (B, H, T, K)."""
    return x_BTHK.transpose(0, 2, 1, 3)


def _columns(x_BTHK: Array) -> Array:
    """Each head's positions as columns, (B, H, K, T)."""
    return x_BTHK.transpose(0, 2, 3, 1)


def _unseen(length: int, dtype: jnp.dtype) -> Array:
    """Minus infinity where the key (row) comes after the query (column), else 0.

    Added to the scores, since the compiler fuses a sum with the products around it.
    """
    key_S1, query_T = jnp.arange(length)[:, None], jnp.arange(length)
    return jnp.where(key_S1 <= query_T, 0.0, -jnp.inf).astype(dtype)
