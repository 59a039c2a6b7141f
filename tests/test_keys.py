"""Uniform numbers of both words of a block."""

import jax
import numpy as np
import pytest
from scipy.stats import kstest

from absorb.keys import ROLES, key_for, uniforms

MANY = (4, 50_000)


def drawn(seed: int, step: int = 0, shape=MANY) -> np.ndarray:
    return np.asarray(uniforms(key_for(jax.random.key(seed), "draws", step), shape))


def test_they_are_uniform_from_0_to_below_1():
    u = drawn(0)
    assert u.dtype == np.float32 and u.min() >= 0 and u.max() < 1
    for row in u:
        assert kstest(row, "uniform").pvalue > 1e-6


def test_neighbours_halves_steps_and_seeds_are_unrelated():
    u = drawn(0).ravel()
    half = u.size // 2
    others = [u[:-1], u[:half], u, u]
    partners = [u[1:], u[half:], drawn(0, 1).ravel(), drawn(1).ravel()]
    for a, b in zip(others, partners, strict=True):
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(half)
        joint = np.histogram2d(a, b, bins=8)[0]
        assert (np.abs(joint / a.size * 64 - 1) < 0.15).all()


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (2, 1024)])
def test_any_shape_odd_ones_too(shape):
    u = drawn(3, shape=shape)
    assert u.shape == shape and len(np.unique(u)) > 0.99 * u.size


def test_a_batch_of_keys_gives_what_each_key_gives():
    keys = jax.vmap(jax.random.key)(np.arange(3))
    together = jax.vmap(lambda key: uniforms(key, (5, 8)))(keys)
    for key, u in zip(keys, together, strict=True):
        np.testing.assert_array_equal(uniforms(key, (5, 8)), u)


def test_every_role_has_numbers_of_its_own():
    key = jax.random.key(0)
    firsts = {float(uniforms(key_for(key, role), (1,))[0]) for role in ROLES}
    assert len(firsts) == len(ROLES)
