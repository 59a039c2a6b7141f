"""Curl by probes and edges of the spectrum by Arnoldi, against the whole matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from quadratics import quadratic, random_terms

from absorb.dynamics.matrix_free import curl_estimate, extremes, root_ratio
from absorb.dynamics.stability import stability
from absorb.errors import AbsorbError

SIZE = 30


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def planted():
    """(two random convex quadratics under random masks, a point)."""
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((2, SIZE, SIZE))
    masks = rng.uniform(-0.5, 1, (2, SIZE))
    with jax.enable_x64(True):
        terms = [quadratic(r @ r.T / SIZE, psi) for r, psi in zip(roots, masks, strict=True)]
    return terms, np.zeros(SIZE)


@pytest.mark.parametrize("rate", [0.1, 2.0])
def test_arnoldi_agrees_with_the_whole_spectrum(planted, rate):
    whole, found = stability(*planted, rate), extremes(*planted, rate)
    assert found.converged and found.residual < 1e-8
    least_K = whole.eigenvalues_P[: len(found.least_K)]
    np.testing.assert_allclose(found.least_K.real, least_K.real, atol=1e-8)
    np.testing.assert_allclose(abs(found.least_K.imag), abs(least_K.imag), atol=1e-8)
    assert found.least_real == pytest.approx(whole.least_real, abs=1e-8)
    assert found.multiplier == pytest.approx(whole.multiplier, abs=1e-8)
    assert abs(1 - rate * found.farthest_K[0]) == pytest.approx(whole.multiplier, abs=1e-8)
    assert all(abs(value - whole.eigenvalues_P).min() < 1e-8 for value in found.farthest_K)


def test_what_arnoldi_does_not_find_in_time_is_said(planted):
    found = extremes(*planted, 0.1, count=1, iterations=1)
    assert not found.converged
    assert len(found.least_K) == 0 or len(found.farthest_K) == 0


def test_probes_find_the_curl_within_their_error_for_many_keys_in_one_program(planted):
    terms, theta_P = planted
    whole = stability(terms, theta_P, 0.1).curl
    of = jax.jit(jax.vmap(lambda key: curl_estimate(terms, jnp.asarray(theta_P), key, 64)))
    found = of(jax.random.split(jax.random.key(0), 5))
    assert found.error.min() > 0.001 and found.error.max() < 0.05
    assert (abs(found.value - whole) < 4 * found.error).all()
    assert float(found.value.std()) > 0


def test_without_masks_the_probes_find_exactly_nothing():
    terms, theta_P = random_terms(3)
    whole = [term._replace(psi=np.ones(3)) for term in terms]
    assert curl_estimate(whole, jnp.asarray(theta_P), jax.random.key(0), 2) == (0, 0)


def test_the_error_of_a_ratio_is_what_repetition_shows():
    """Squares of a planted matrix's images of random signs, without jax; 2,000 repetitions."""
    rng = np.random.default_rng(1)
    j_PP = rng.standard_normal((SIZE, SIZE)) + 3 * np.eye(SIZE)
    a_PP = (j_PP - j_PP.T) / 2
    z_RSP = rng.choice([-1.0, 1.0], (2000, 32, SIZE))
    turning, whole = (((z_RSP @ m.T) ** 2).sum(-1) for m in (a_PP, j_PP))
    found = jax.vmap(root_ratio)(jnp.asarray(turning), jnp.asarray(whole))
    z_R = (found.value - np.linalg.norm(a_PP) / np.linalg.norm(j_PP)) / found.error
    assert abs(float(z_R.mean())) < 0.2 and 0.9 < float(z_R.std()) < 1.15
    assert 0.92 < float((abs(z_R) < 1.96).mean()) < 0.97


def test_what_cannot_be_asked_is_refused(planted):
    with pytest.raises(AbsorbError, match="probes=1"):
        curl_estimate(*planted, jax.random.key(0), 1)
    with pytest.raises(AbsorbError, match=rf"count={SIZE}: must lie in \[1, {SIZE - 2}\]"):
        extremes(*planted, 0.1, count=SIZE)
    with pytest.raises(AbsorbError, match="rate=0"):
        extremes(*planted, 0.0)
