"""Planted losses whose field, derivative and fixed points are known."""

import jax.numpy as jnp
import numpy as np

from absorb.dynamics.field import Term


def quadratic(hessian, psi, at=0.0) -> Term:
    """½ (θ − at)ᵀ H (θ − at)."""
    hessian_PP = jnp.asarray(hessian, float)

    def loss(theta_P):
        return (theta_P - at) @ hessian_PP @ (theta_P - at) / 2

    return Term(loss, jnp.asarray(psi, float))


def coupled(a: float, b: float, at=0.0) -> list[Term]:
    """Two convex blocks of one parameter each, which push each other by a and b."""
    return [
        quadratic([[1, a], [a, 1]], (1, 0), at),
        quadratic([[1, b], [b, 1]], (0, 1), at),
    ]


def cubic(rng: np.random.Generator, size: int, psi) -> Term:
    """A loss whose Hessian depends on where it is taken."""
    root_PP = rng.standard_normal((size, size)) / size
    return Term(lambda theta_P: ((root_PP @ theta_P) ** 3).sum(), jnp.asarray(psi, float))


def random_terms(size: int, losses: int = 2, seed: int = 0) -> tuple[list[Term], np.ndarray]:
    """(terms with masks drawn from [−0.2, 1], a point)."""
    rng = np.random.default_rng(seed)
    terms = [cubic(rng, size, rng.uniform(-0.2, 1, size)) for _ in range(losses)]
    return terms, rng.standard_normal(size)
