"""What can be known of J without forming it: its curl by random probes, its extremes by Arnoldi."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from absorb.dynamics.field import Term, Tree, flattened, in_float64, product, transposed
from absorb.dynamics.stability import check_rate
from absorb.errors import AbsorbError


class Estimate(NamedTuple):
    """A number from random probes and the standard error that the probes themselves show."""

    value: Array
    error: Array


class Extremes(NamedTuple):
    """The eigenvalues of J at its edges.

    least_K: those of the smallest real part, by real part. farthest_K: those of the largest
    |1 − ηλ|, that one first. residual: the largest ‖Jv − λv‖ of their unit eigenvectors. converged:
    whether Arnoldi found all that were asked for; what it did not find is not in the arrays.
    """

    least_real: float
    multiplier: float
    least_K: np.ndarray
    farthest_K: np.ndarray
    residual: float
    converged: bool


class Found(NamedTuple):
    """Eigenvalues with their largest residual, and whether these are all that were asked for."""

    values_K: np.ndarray
    residual: float
    converged: bool


def curl_estimate(terms: Sequence[Term], theta: Tree, key: Array, probes: int) -> Estimate:
    """‖A‖/‖J‖ (Frobenius) from `probes` random signs z: E‖Az‖² = ‖A‖², E‖Jz‖² = ‖J‖².

    The error is that of a ratio of means, to first order (delta method); it is 0 where no probe
    says anything else, as where every ψ is 1. Source: Hutchinson (1990).
    Errors: AbsorbError below 2 probes, and as `field`.
    """
    if probes < 2:
        raise AbsorbError(f"probes={probes}: must be at least 2")
    flat = flattened(terms, theta)

    def squares(key: Array) -> tuple[Array, Array]:
        z_P = jax.random.rademacher(key, flat.theta_P.shape, flat.theta_P.dtype)
        ahead_P = product(flat.terms, flat.theta_P, z_P)
        behind_P = transposed(flat.terms, flat.theta_P, z_P)
        return ((ahead_P - behind_P) ** 2).sum() / 4, (ahead_P**2).sum()

    turning_S, whole_S = jax.lax.map(squares, jax.random.split(key, probes))
    return root_ratio(turning_S, whole_S)


def root_ratio(turning_S: Array, whole_S: Array) -> Estimate:
    """√(mean turning / mean whole) over S probes with its standard error; NaN where whole is 0."""
    ratio = turning_S.mean() / whole_S.mean()
    gap_S = turning_S - ratio * whole_S
    spread = gap_S.std(ddof=1) / (jnp.sqrt(len(gap_S)) * whole_S.mean())
    value = jnp.sqrt(ratio)
    return Estimate(value, jnp.where(value > 0, spread / (2 * value), spread))


def extremes(terms: Sequence[Term], theta: Tree, rate: float, *, count: int = 4,
             iterations: int = 1000) -> Extremes:  # fmt: skip
    """The edges of J's spectrum at θ with learning rate η = `rate`, in float64.

    Arnoldi's method is run twice, for the smallest real parts of J and for the largest magnitudes
    of I − ηJ, with `count` eigenvalues and at most `iterations` restarts each. Many equal
    eigenvalues at an edge, such as the zeros of a network, take it long.
    Errors: AbsorbError for a rate that is not positive, a count beyond P − 2, and as `field`.
    """
    check_rate(rate)
    with jax.enable_x64(True):
        flat = in_float64(terms, theta)
        size = len(flat.theta_P)
        if not 1 <= count <= size - 2:
            raise AbsorbError(f"count={count}: must lie in [1, {size - 2}] with {size} parameters")
        ahead = jax.jit(lambda v_P: product(flat.terms, flat.theta_P, v_P))
        least = arnoldi(lambda v_P: np.asarray(ahead(v_P)), size, "SR", count, iterations)
        step = arnoldi(lambda v_P: v_P - rate * np.asarray(ahead(v_P)), size, "LM", count,
                       iterations)  # fmt: skip
    least_K = np.sort_complex(least.values_K)
    grown_K = np.abs(step.values_K)
    farthest_K = ((1 - step.values_K) / rate)[np.argsort(-grown_K, kind="stable")]
    return Extremes(
        least_real=float(least_K[0].real) if len(least_K) else np.nan,
        multiplier=float(grown_K.max()) if len(grown_K) else np.nan,
        least_K=least_K,
        farthest_K=farthest_K,
        residual=max(least.residual, step.residual / rate),
        converged=least.converged and step.converged,
    )


def arnoldi(matvec: Callable[[np.ndarray], np.ndarray], size: int, which: str, count: int,
            iterations: int) -> Found:  # fmt: skip
    """`count` eigenvalues of a (size, size) operator at the edge `which`, as ARPACK names it.

    The first vector is always the same, so that the answer is too.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

    operator = LinearOperator((size, size), matvec=matvec, dtype=np.dtype(float))  # type: ignore
    first_P = np.random.default_rng(0).standard_normal(size)
    try:
        found = eigs(operator, count, which=which, v0=first_P, maxiter=iterations)
        values_K, vectors_PK, converged = np.asarray(found[0]), np.asarray(found[1]), True
    except ArpackNoConvergence as stopped:
        values_K, vectors_PK, converged = stopped.eigenvalues, stopped.eigenvectors, False
    gaps = [
        np.linalg.norm(matvec(v_P.real) + 1j * matvec(v_P.imag) - value * v_P)
        for value, v_P in zip(values_K, vectors_PK.T, strict=True)
    ]
    return Found(values_K, float(max(gaps, default=np.nan)), converged)
