"""Causal attention against the textbook, written out and differentiated automatically."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.models.attention import attend

STORIES, LENGTH, HEADS, EACH = 3, 7, 2, 5


def textbook(qkv_NE, stories: int, heads: int):
    """softmax(q k' / sqrt(d)) v, head by head and story by story."""
    qkv_BTE = qkv_NE.reshape(stories, -1, qkv_NE.shape[1])
    found = []
    for qkv_TE in qkv_BTE:
        q_TD, k_TD, v_TD = jnp.split(qkv_TE, 3, 1)
        each = [jnp.split(x_TD, heads, 1) for x_TD in (q_TD, k_TD, v_TD)]
        found.append(jnp.concatenate([one_head(*three) for three in zip(*each, strict=True)], 1))
    return jnp.concatenate(found)


def one_head(q_TK, k_TK, v_TK):
    score_TS = q_TK @ k_TK.T / q_TK.shape[1] ** 0.5
    seen_TS = np.tril(np.ones(score_TS.shape, bool))
    return jax.nn.softmax(jnp.where(seen_TS, score_TS, -jnp.inf)) @ v_TK


def drawn(scale: float = 1.0):
    qkv_NE = jax.random.normal(jax.random.key(0), (STORIES * LENGTH, 3 * HEADS * EACH))
    return scale * qkv_NE, jax.random.normal(jax.random.key(1), (STORIES * LENGTH, HEADS * EACH))


def value_and_pull(attention, qkv_NE, dz_ND):
    z_ND, pull = jax.vjp(lambda x: attention(x, STORIES, HEADS), qkv_NE)
    return z_ND, pull(dz_ND)[0]


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_value_and_gradient_are_the_textbooks(scale):
    with jax.enable_x64(True):
        qkv_NE, dz_ND = (jnp.asarray(x, jnp.float64) for x in drawn(scale))
        ours = value_and_pull(attend, qkv_NE, dz_ND)
        for got, want in zip(ours, value_and_pull(textbook, qkv_NE, dz_ND), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10 * scale)


def test_scores_beyond_the_exponentials_range_are_finite():
    for got in value_and_pull(attend, *drawn(1e3)):
        assert np.isfinite(got).all()


def test_half_precision_is_near():
    qkv_NE, dz_ND = drawn()
    exact = value_and_pull(attend, qkv_NE, dz_ND)
    half = value_and_pull(attend, qkv_NE.astype(jnp.bfloat16), dz_ND.astype(jnp.bfloat16))
    for got, want in zip(half, exact, strict=True):
        assert got.dtype == jnp.bfloat16
        np.testing.assert_allclose(got.astype(jnp.float32), want, atol=0.05)
