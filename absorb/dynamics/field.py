"""The masked update as a vector field: F(θ) = Σᵢ ψᵢ ∘ ∇Lᵢ(θ), and its derivatives.

Training is θ ← θ − ηF(θ). Each loss is a function of θ, a flat vector or any tree of arrays, and
each ψ says of every parameter what share of that loss's gradient it receives. Where the ψ differ F
is in general the gradient of nothing: with Hᵢ the Hessians its derivative J = Σᵢ diag(ψᵢ)Hᵢ has the
antisymmetric part Aⱼₖ = ½ Σᵢ (ψᵢⱼ − ψᵢₖ)(Hᵢ)ⱼₖ.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from absorb.errors import AbsorbError

Tree = Any
MOST_DENSE = 4096  # parameters of which a matrix is formed: 128 MiB in float64
AT_ONCE = 16  # columns of a Hessian: each has the memory of a backward pass


class Term(NamedTuple):
    """One loss, and the share of its gradient that each parameter receives."""

    loss: Callable[[Tree], Array]
    psi: Tree
    name: str = ""


class Flat(NamedTuple):
    """The same terms over a flat θ of P parameters; `back` gives a flat vector its tree again."""

    terms: tuple[Term, ...]
    theta_P: Array
    back: Callable[[Array], Tree]


class Linearised(NamedTuple):
    """J = Σᵢ diag(ψᵢ)Hᵢ at one point, and its antisymmetric part A = (J − Jᵀ)/2."""

    jacobian_PP: Array
    antisymmetric_PP: Array


def gradients(terms: Sequence[Term], theta: Tree) -> list[Tree]:
    """Each loss's own gradient, unmasked."""
    return [jax.grad(term.loss)(theta) for term in terms]


def masked_sum(terms: Sequence[Term], trees: Sequence[Tree]) -> Tree:
    """Σᵢ ψᵢ ∘ treeᵢ."""
    masked = [jax.tree.map(jnp.multiply, t.psi, tree) for t, tree in zip(terms, trees, strict=True)]
    return jax.tree.map(lambda *each: sum(each[1:], each[0]), *masked)


def field(terms: Sequence[Term], theta: Tree) -> Tree:
    """F(θ) = Σᵢ ψᵢ ∘ ∇Lᵢ(θ), a tree like θ.

    Errors: AbsorbError where there is no term, or a ψ is not shaped like θ.
    """
    check_terms(terms, theta)
    return masked_sum(terms, gradients(terms, theta))


def curvature(loss: Callable[[Tree], Array], theta: Tree, direction: Tree) -> Tree:
    """H v, the loss's Hessian times a direction, at the cost of a few gradients."""
    return jax.jvp(jax.grad(loss), (theta,), (direction,))[1]


def product(terms: Sequence[Term], theta: Tree, direction: Tree) -> Tree:
    """J v = Σᵢ ψᵢ ∘ (Hᵢ v), without the matrix."""
    return masked_sum(terms, [curvature(term.loss, theta, direction) for term in terms])


def transposed(terms: Sequence[Term], theta: Tree, direction: Tree) -> Tree:
    """Jᵀ u = Σᵢ Hᵢ (ψᵢ ∘ u), without the matrix; Hessians are their own transposes."""
    parts = [
        curvature(term.loss, theta, jax.tree.map(jnp.multiply, term.psi, direction))
        for term in terms
    ]
    return jax.tree.map(lambda *each: sum(each[1:], each[0]), *parts)


def antisymmetric(terms: Sequence[Term], theta: Tree, direction: Tree) -> Tree:
    """A v = (J v − Jᵀ v)/2, without the matrix; exactly 0 where every ψ is the same number."""
    ahead, behind = (of(terms, theta, direction) for of in (product, transposed))
    return jax.tree.map(lambda a, b: (a - b) / 2, ahead, behind)


def linearised(terms: Sequence[Term], theta: Tree) -> Linearised:
    """J and A at θ as matrices, by the formulae above; shapes (P, P).

    Errors: AbsorbError as `field`, and above `MOST_DENSE` parameters.
    """
    flat = flattened(terms, theta)
    if len(flat.theta_P) > MOST_DENSE:
        raise AbsorbError(
            f"theta has {len(flat.theta_P)} parameters: must have at most {MOST_DENSE} for a matrix"
        )
    zero_PP = jnp.zeros((len(flat.theta_P),) * 2, flat.theta_P.dtype)
    jacobian_PP, antisymmetric_PP = zero_PP, zero_PP
    for term in flat.terms:
        hessian_PP, psi_P = hessian(term.loss, flat.theta_P), term.psi
        jacobian_PP += psi_P[:, None] * hessian_PP
        antisymmetric_PP += (psi_P[:, None] - psi_P[None, :]) * hessian_PP / 2
    return Linearised(jacobian_PP, antisymmetric_PP)


def hessian(loss: Callable[[Array], Array], theta_P: Array) -> Array:
    """The Hessian (P, P), `AT_ONCE` columns at a time, so that their memory is bounded."""
    return jax.lax.map(
        lambda unit_P: curvature(loss, theta_P, unit_P),
        jnp.eye(len(theta_P), dtype=theta_P.dtype),
        batch_size=AT_ONCE,
    )


def flattened(terms: Sequence[Term], theta: Tree) -> Flat:
    """The terms over one vector, ψ in θ's own type. Errors: as `field`."""
    check_terms(terms, theta)
    theta_P, back = ravel_pytree(theta)

    def flat(term: Term) -> Term:
        psi_P = ravel_pytree(term.psi)[0].astype(theta_P.dtype)
        return Term(lambda at_P: term.loss(back(at_P)), psi_P, term.name)

    return Flat(tuple(flat(term) for term in terms), theta_P, back)


def in_float64(terms: Sequence[Term], theta: Tree) -> Flat:
    """`flattened` with θ and ψ in float64; to be called and used under `jax.enable_x64(True)`."""
    wide = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
    return flattened(terms, wide)


def check_terms(terms: Sequence[Term], theta: Tree) -> None:
    """Refuse no terms at all, and a ψ that is not shaped like θ. Errors: AbsorbError."""
    if not terms:
        raise AbsorbError("terms=(): must hold at least one loss")
    need = jax.tree.map(jnp.shape, theta)
    for i, term in enumerate(terms):
        if (found := jax.tree.map(jnp.shape, term.psi)) != need:
            raise AbsorbError(f"terms[{i}].psi has shapes {found}: must have θ's, {need}")
