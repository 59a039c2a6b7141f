"""The field, its derivative and its antisymmetric part, against the formulae and each other."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from quadratics import coupled, quadratic, random_terms

from absorb.dynamics.field import (
    MOST_DENSE,
    Linearised,
    Term,
    antisymmetric,
    field,
    flattened,
    linearised,
    product,
    transposed,
)
from absorb.errors import AbsorbError


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


class Known(NamedTuple):
    """All that the field's functions say of three planted losses at one point, along v."""

    derivative_PP: Array
    matrices: Linearised
    products: tuple[Array, Array, Array]
    unmasked: tuple[Array, Array]


@pytest.fixture(scope="module")
def known() -> tuple[Known, np.ndarray]:
    terms, theta_P = random_terms(5, losses=3)
    v_P = np.random.default_rng(1).standard_normal(5)

    @jax.jit
    def everything(at_P, v_P):
        whole = [term._replace(psi=jnp.ones(5)) for term in terms]
        still = linearised(whole, at_P).antisymmetric_PP, antisymmetric(whole, at_P, v_P)
        products = tuple(of(terms, at_P, v_P) for of in (product, transposed, antisymmetric))
        derivative_PP = jax.jacrev(lambda at_P: field(terms, at_P))(at_P)
        return Known(derivative_PP, linearised(terms, at_P), products, still)

    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, everything(jnp.asarray(theta_P), v_P)), v_P


def test_each_parameter_learns_its_share_of_each_loss():
    a, b, (x, y) = 3.0, -2.0, (0.5, 0.25)
    found = field(coupled(a, b), jnp.array([x, y]))
    np.testing.assert_allclose(found, [x + a * y, b * x + y], rtol=1e-15)


def test_the_matrix_is_the_fields_derivative(known):
    found, _ = known
    np.testing.assert_allclose(found.matrices.jacobian_PP, found.derivative_PP, atol=1e-12)


def test_the_antisymmetric_formula_is_half_the_gap_to_the_transpose(known):
    j_PP, a_PP = known[0].matrices
    np.testing.assert_allclose(a_PP, (j_PP - j_PP.T) / 2, atol=1e-12)
    assert np.abs(a_PP).max() > 0.01


def test_products_without_the_matrix_are_those_with_it(known):
    found, v_P = known
    j_PP, a_PP = found.matrices
    for by_product, matrix_PP in zip(found.products, (j_PP, j_PP.T, a_PP), strict=True):
        np.testing.assert_allclose(by_product, matrix_PP @ v_P, atol=1e-12)


def test_without_masks_the_curl_is_zero_to_the_bit_whatever_the_losses(known):
    assert not any(part.any() for part in known[0].unmasked)


def test_a_tree_and_its_flat_vector_are_the_same_field():
    terms, theta_P = random_terms(5)

    def tree(v_P):
        return {"kernel": v_P[:4].reshape(2, 2), "bias": v_P[4:]}

    def as_tree(term):
        def loss(theta):
            return term.loss(jnp.concatenate([theta["kernel"].ravel(), theta["bias"]]))

        return Term(loss, tree(term.psi))

    trees = [as_tree(term) for term in terms]
    found, want = field(trees, tree(theta_P)), tree(field(terms, jnp.asarray(theta_P)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), found, want)
    flat = flattened(trees, tree(theta_P))
    again = flat.back(field(flat.terms, flat.theta_P))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), again, want)


def test_many_points_at_once_are_each_alone():
    terms, theta_P = random_terms(2)
    theta_RP = jnp.stack([jnp.asarray(theta_P), jnp.zeros(2)])
    found = jax.jit(jax.vmap(lambda at_P: field(terms, at_P)))(theta_RP)
    for at_P, f_P in zip(theta_RP, found, strict=True):
        np.testing.assert_allclose(f_P, field(terms, at_P), atol=1e-13)


def test_what_does_not_fit_is_refused():
    with pytest.raises(AbsorbError, match="terms=\\(\\)"):
        field([], jnp.zeros(2))
    with pytest.raises(AbsorbError, match=r"terms\[0\].psi has shapes \(3,\)"):
        field([quadratic(np.eye(2), (1, 1, 1))], jnp.zeros(2))
    large = Term(lambda theta_P: (theta_P**2).sum(), jnp.ones(MOST_DENSE + 1))
    with pytest.raises(AbsorbError, match=f"at most {MOST_DENSE}"):
        linearised([large], jnp.zeros(MOST_DENSE + 1))
