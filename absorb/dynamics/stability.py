"""What the masked update does near a point, from its matrix J: turn, converge, stay or leave."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from absorb.dynamics.field import Term, Tree, check_terms, gradients, in_float64, linearised
from absorb.errors import AbsorbError

NEUTRAL = 1e-6  # of the largest |λ|: what is smaller counts as 0


class Stability(NamedTuple):
    """The linear part J of θ ← θ − ηF(θ) at one point.

    curl: ‖A‖/‖J‖ (Frobenius), 0 where F is a gradient, 1 where it only turns, NaN where J = 0.
    least_real: min Re λ; below 0 the point is left at every learning rate.
    multiplier: max |1 − ηλ|, by how much a step multiplies the farthest-growing deviation.
    rate_bound: the η up to which no |1 − ηλ| exceeds 1 (0: none), λ that count as 0 left out.
    unstable, neutral: how many eigenvalues have Re λ below 0, and how many count as 0.
    eigenvalues_P: all of them, by real part.
    """

    curl: float
    least_real: float
    multiplier: float
    rate_bound: float
    unstable: int
    neutral: int
    eigenvalues_P: np.ndarray


def stability(terms: Sequence[Term], theta: Tree, rate: float) -> Stability:
    """The stability at θ with learning rate η = `rate`, from the whole matrix, in float64.

    Errors: AbsorbError for a rate that is not positive, and as `linearised`.
    """
    check_rate(rate)
    with jax.enable_x64(True):
        flat = in_float64(terms, theta)
        found = jax.jit(lambda theta_P: linearised(flat.terms, theta_P))(flat.theta_P)
        return of_matrix(np.asarray(found.jacobian_PP), np.asarray(found.antisymmetric_PP), rate)


def of_matrix(jacobian_PP: np.ndarray, antisymmetric_PP: np.ndarray, rate: float) -> Stability:
    """The stability that a matrix J with antisymmetric part A has."""
    if not np.isfinite(jacobian_PP).all():
        empty_P = np.full(len(jacobian_PP), np.nan, complex)
        return Stability(np.nan, np.nan, np.nan, np.nan, 0, 0, empty_P)
    eigenvalues_P = np.sort_complex(np.linalg.eigvals(jacobian_PP))
    size, zero = np.linalg.norm(jacobian_PP), NEUTRAL * np.abs(eigenvalues_P).max()
    return Stability(
        curl=float(np.linalg.norm(antisymmetric_PP) / size) if size > 0 else np.nan,
        least_real=float(eigenvalues_P.real.min()),
        multiplier=float(np.abs(1 - rate * eigenvalues_P).max()),
        rate_bound=rate_bound(eigenvalues_P),
        unstable=int((eigenvalues_P.real < -zero).sum()),
        neutral=int((np.abs(eigenvalues_P) <= zero).sum()),
        eigenvalues_P=eigenvalues_P,
    )


def rate_bound(eigenvalues_P: np.ndarray) -> float:
    """The largest η with |1 − ηλ| ≤ 1 for every λ that does not count as 0: min 2 Re λ/|λ|²."""
    size_P = np.abs(eigenvalues_P)
    counts_P = size_P > NEUTRAL * size_P.max()
    bound_P = 2 * np.real(eigenvalues_P[counts_P]) / size_P[counts_P] ** 2
    return float(max(bound_P.min(initial=np.inf), 0.0))


def interference(terms: Sequence[Term], theta: Tree) -> Array:
    """M[i, j] = ⟨ψᵢ ∘ gᵢ, gⱼ⟩, shape (losses, losses).

    A small step changes loss j by −η Σᵢ M[i, j]: where M[i, j] is negative, loss i's own part of
    the step makes loss j worse. Errors: as `field`.
    """
    check_terms(terms, theta)
    each = gradients(terms, theta)
    masked = [jax.tree.map(jnp.multiply, t.psi, g) for t, g in zip(terms, each, strict=True)]
    return jnp.stack([jnp.stack([dot(a, b) for b in each]) for a in masked])


def dot(a: Tree, b: Tree) -> Array:
    """The inner product of two trees."""
    return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, a, b)), jnp.zeros(()))


def check_rate(rate: float) -> None:
    """Refuse a learning rate that is not positive. Errors: AbsorbError."""
    if not 0 < rate < np.inf:
        raise AbsorbError(f"rate={rate}: must be positive and finite")
