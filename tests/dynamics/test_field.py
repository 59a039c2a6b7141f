"""The field, its derivative and its antisymmetric part, against the formulae and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from quadratics import coupled, quadratic, random_terms

from absorb.dynamics.field import (
    MOST_DENSE,
    Term,
    antisymmetric,
    field,
    linearised,
    product,
    transposed,
)
from absorb.errors import AbsorbError


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def problem():
    terms, theta_P = random_terms(5, losses=3)
    return terms, jnp.asarray(theta_P)


def test_each_parameter_learns_its_share_of_each_loss():
    a, b, (x, y) = 3.0, -2.0, (0.5, 0.25)
    found = field(coupled(a, b), jnp.array([x, y]))
    np.testing.assert_allclose(found, [x + a * y, b * x + y], rtol=1e-15)


def test_the_matrix_is_the_fields_derivative(problem):
    terms, theta_P = problem
    want_PP = jax.jacrev(lambda at_P: field(terms, at_P))(theta_P)
    np.testing.assert_allclose(linearised(terms, theta_P).jacobian_PP, want_PP, atol=1e-12)


def test_the_antisymmetric_formula_is_half_the_gap_to_the_transpose(problem):
    found = linearised(*problem)
    j_PP, a_PP = (np.asarray(part) for part in found)
    np.testing.assert_allclose(a_PP, (j_PP - j_PP.T) / 2, atol=1e-12)
    assert np.abs(a_PP).max() > 0.01


def test_products_without_the_matrix_are_those_with_it(problem):
    terms, theta_P = problem
    v_P = jnp.asarray(np.random.default_rng(1).standard_normal(5))
    j_PP, a_PP = linearised(terms, theta_P)
    np.testing.assert_allclose(product(terms, theta_P, v_P), j_PP @ v_P, atol=1e-12)
    np.testing.assert_allclose(transposed(terms, theta_P, v_P), j_PP.T @ v_P, atol=1e-12)
    np.testing.assert_allclose(antisymmetric(terms, theta_P, v_P), a_PP @ v_P, atol=1e-12)


def test_without_masks_the_curl_is_zero_to_the_bit_whatever_the_losses(problem):
    terms, theta_P = problem
    whole = [term._replace(psi=jnp.ones(5)) for term in terms]
    assert not np.asarray(linearised(whole, theta_P).antisymmetric_PP).any()
    assert not np.asarray(antisymmetric(whole, theta_P, jnp.arange(5.0))).any()


def test_one_loss_whose_mask_is_one_number_everywhere_does_not_turn(problem):
    terms, theta_P = problem
    alike = [terms[0]._replace(psi=jnp.full(5, 0.3))]
    assert not np.asarray(linearised(alike, theta_P).antisymmetric_PP).any()


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
    sizes = [np.linalg.norm(part) for part in linearised(trees, tree(theta_P))]
    wanted = [np.linalg.norm(part) for part in linearised(terms, jnp.asarray(theta_P))]
    np.testing.assert_allclose(sizes, wanted, rtol=1e-12)  # a tree's leaves have their own order


def test_many_points_at_once_are_each_alone():
    terms, theta_P = random_terms(3)
    theta_RP = jnp.stack([jnp.asarray(theta_P), jnp.zeros(3)])
    found = jax.jit(jax.vmap(lambda at_P: linearised(terms, at_P).antisymmetric_PP))(theta_RP)
    for at_P, a_PP in zip(theta_RP, found, strict=True):
        np.testing.assert_allclose(a_PP, linearised(terms, at_P).antisymmetric_PP, atol=1e-13)


def test_what_does_not_fit_is_refused():
    with pytest.raises(AbsorbError, match="terms=\\(\\)"):
        field([], jnp.zeros(2))
    with pytest.raises(AbsorbError, match=r"terms\[0\].psi has shapes \(3,\)"):
        field([quadratic(np.eye(2), (1, 1, 1))], jnp.zeros(2))
    large = Term(lambda theta_P: (theta_P**2).sum(), jnp.ones(MOST_DENSE + 1))
    with pytest.raises(AbsorbError, match=f"at most {MOST_DENSE}"):
        linearised([large], jnp.zeros(MOST_DENSE + 1))
