"""Planted truth for the masked update θ ← θ − η Σᵢ ψᵢ ∘ ∇Lᵢ, whose library is `absorb.dynamics`."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from absorb.stats.cases import Case, Claim
from absorb.stats.foretelling import foretelling
from absorb.stats.intervals import Interval


class Coupled(NamedTuple):
    """Two convex losses ½θᵀHθ, each of which trains one of two parameters: λ = 1 ± √(ab).

    H₁ = [[1, a], [a, 1]] with ψ = (1, 0), H₂ = [[1, b], [b, 1]] with ψ = (0, 1).
    """

    a: float
    b: float

    @property
    def jacobian(self) -> np.ndarray:
        """J, whose field is Jθ."""
        return np.array([[1.0, self.a], [self.b, 1.0]])

    @property
    def eigenvalues(self) -> np.ndarray:
        """Both, the one with the lesser real part first; complex where ab is negative."""
        root = np.sqrt(complex(self.a * self.b))
        return np.sort_complex([1 - root, 1 + root])

    @property
    def curl(self) -> float:
        """‖A‖/‖J‖, 0 where a = b."""
        return abs(self.a - self.b) / np.sqrt(2 * (2 + self.a**2 + self.b**2))

    def interference(self, x: float, y: float) -> float:
        """⟨ψ₁∘g₁, g₂⟩ at (x, y)."""
        return (x + self.a * y) * (x + self.b * y)


class Line(NamedTuple):
    """What the linear world of two paths reads at rest: curl, and its one eigenvalue not 0."""

    curl: float
    eigenvalue: float


def line(p: float, kept: float, depth: int, slope: float = 1.0) -> Line:
    """The closed form where p of the data, of E[x²] = 1, train the region alone and K holds `kept`.

    Of depth 1 curl = p/(2√(1 + (1 − p)²)) and λ = 2(2 − p), wherever on the line.
    """
    from absorb.dynamics.paths import line_stability

    found = line_stability(kept, slope, (1.0, 1 - p), depth)
    return Line(found.curl, found.eigenvalue)


CELLS = 15
RATE = 0.1
AT = (0.7, -0.2)
COUPLED = (Coupled(3, 3), Coupled(0.5, 0.5), Coupled(0.5, -2), Coupled(3, 0.5))
P = 0.3


def ranked(rng: np.random.Generator, seeds: int, shared: float) -> Interval:
    """An early and a late measure of which a part of the variance is the same."""
    early_SC, other_SC = rng.standard_normal((2, seeds, CELLS))
    return foretelling(early_SC, np.sqrt(shared) * early_SC + np.sqrt(1 - shared) * other_SC)


def cases() -> Iterator[Case]:
    """The rank correlation of an early measure that says nothing."""
    yield Case("early measure, unrelated", 0.0, lambda rng, n: ranked(rng, n, 0.0))


def claims() -> Iterator[Claim]:
    """An early measure that foretells the late one, beside its null."""
    for shared in (0.0, 0.3):

        def told(rng: np.random.Generator, n: int, shared=shared) -> bool:
            return ranked(rng, n, shared).low > 0

        yield Claim(f"early measure foretells, {shared:g} shared", shared == 0, told)


def fixtures() -> Iterator[tuple[str, float, float]]:
    """Name, what the library says, and the closed form; of equal masks the curl is 0."""
    for case in COUPLED:
        yield from coupled_fixtures(case)
    yield from line_fixtures()


def coupled_fixtures(case: Coupled) -> Iterator[tuple[str, float, float]]:
    """Two quadratic losses; a = b is the null of the curl, whatever the eigenvalues."""
    import jax

    from absorb.dynamics.field import Term
    from absorb.dynamics.stability import interference, stability

    def quadratic(c: float):
        hessian = np.array([[1.0, c], [c, 1.0]])
        return lambda theta_P: 0.5 * theta_P @ hessian @ theta_P

    psis = (np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    terms = [Term(quadratic(x), psi) for x, psi in zip((case.a, case.b), psis, strict=True)]
    found, name = stability(terms, np.array(AT), RATE), f"a = {case.a:g}, b = {case.b:g}"
    wanted = case.eigenvalues
    yield f"least Re λ, {name}", found.least_real, float(wanted[0].real)
    yield f"greatest Re λ, {name}", float(found.eigenvalues_P[-1].real), float(wanted[1].real)
    yield f"max |1 − ηλ|, {name}", found.multiplier, float(np.abs(1 - RATE * wanted).max())
    yield f"curl, {name}", found.curl, case.curl
    with jax.enable_x64(True):
        inner = interference(terms, np.array(AT))[0, 1]
    yield f"interference, {name}", float(inner), case.interference(*AT)


def line_fixtures() -> Iterator[tuple[str, float, float]]:
    """Two linear paths of depth 1, of whose data P train the first alone; and masks of 1."""
    from absorb.dynamics.field import Term
    from absorb.dynamics.stability import stability

    def squared(m: float):
        return lambda theta_P: m * (theta_P.sum() - 1.0) ** 2

    routed, free = np.array([1.0, 0.0]), np.ones(2)
    cases = {"routed": (routed, line(P, 0.4, 1)), "masks of 1": (free, Line(0.0, 4.0))}
    for name, (labelled_2, want) in cases.items():
        terms = [Term(squared(P), labelled_2), Term(squared(1 - P), free)]
        found = stability(terms, np.array([0.6, 0.4]), RATE)
        yield f"curl of two paths, {name}", found.curl, want.curl
        eigenvalue = float(found.eigenvalues_P[-1].real)
        yield f"eigenvalue of two paths, {name}", eigenvalue, want.eigenvalue
