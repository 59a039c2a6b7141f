"""Planted truth for entanglement, path dependence and representations."""

from collections.abc import Iterator

import numpy as np

from absorb.stats.calibrated import calibrated
from absorb.stats.cases import Case, Claim
from absorb.stats.entanglement import Entanglement, ent_raw, entanglement
from absorb.stats.four_properties import agreement
from absorb.stats.hypervolume import hypervolume, volume
from absorb.stats.intervals import Interval
from absorb.stats.representation import cka, cka_debiased, measures
from absorb.stats.simulate_paths import crossed_world
from absorb.stats.variance import Component, variance

CONFIGS = 12
NOISE = 0.03  # of every capability of every seed
SIZES = {"init": 1.0, "order": 0.5, "init:order": 0.25, "rerun": 0.25}
EXAMPLES, UNITS = 32, 8
ABLE, SCATTER = 0.075, 0.6  # of a capability near its bound


def searched(rng: np.random.Generator, seeds: int, cost: float) -> tuple[np.ndarray, np.ndarray]:
    """Configs on b = 1 − cost (1 − a): 0 separable, 1 identical; shapes (configs, seeds)."""
    a_C = np.arange(CONFIGS) / CONFIGS
    noise = NOISE * rng.standard_normal((2, CONFIGS, seeds))
    return a_C[:, None] + noise[0], (1 - cost * (1 - a_C))[:, None] + noise[1]


def entangled(rng: np.random.Generator, seeds: int, cost: float) -> Entanglement:
    """A search between a separable and an identical one."""
    return entanglement(*(searched(rng, seeds, c) for c in (cost, 0.0, 1.0)))  # type: ignore[arg-type]


def at_bound(rng: np.random.Generator, seeds: int) -> Interval:
    """One config that does B as well as any, and A a little: its seeds scatter far below 0."""
    a_S = ABLE + SCATTER * rng.standard_normal(seeds)
    return ent_raw(volume(a_S[None], np.ones((1, seeds))))


def component(rng: np.random.Generator, levels: int, name: str) -> Component:
    """A component of a crossed design with as many levels of both factors and two reruns."""
    y = crossed_world(rng, {"init": levels, "order": levels}, 2, SIZES)
    return variance(y, ("init", "order")).of(name)


def representations(rng: np.random.Generator, shared: float) -> tuple[np.ndarray, np.ndarray]:
    """Two representations of the same examples, a part of their variance the same."""
    x_NF, y_NF = rng.standard_normal((2, EXAMPLES, UNITS))
    return x_NF, np.sqrt(shared) * x_NF + np.sqrt(1 - shared) * y_NF


def unrelated(rng: np.random.Generator, tasks: int) -> float:
    """The chance that relabelling gives to the τ_b of two unrelated measures of pairs of tasks."""
    pairs = [(i, j) for i in range(tasks) for j in range(tasks) if i != j]
    first_P, second_P = np.array(pairs).T
    x_TT, y_TT = rng.standard_normal((2, tasks, 1)) + rng.standard_normal((2, tasks, tasks))
    return agreement(x_TT[first_P, second_P], y_TT[first_P, second_P], pairs, 59).chance


def cases() -> Iterator[Case]:
    """Estimates of entanglement and of variance components."""
    for cost in (0.0, 0.5, 1.0):

        def ent(rng: np.random.Generator, n: int, cost=cost) -> Interval:
            return entangled(rng, n, cost).ent

        yield Case(f"ent, {cost:g} of identical", cost, ent)
    yield Case("ent_raw, at its bound", 2 * ABLE, at_bound)
    total = sum(SIZES.values())
    for name, size in SIZES.items():

        def share(rng: np.random.Generator, n: int, name=name) -> Interval:
            return component(rng, n, name).share

        def absolute(rng: np.random.Generator, n: int, name=name) -> Interval:
            return component(rng, n, name).variance

        yield Case(f"variance of {name}", size, absolute)
        yield Case(f"share of {name}", size / total, share)


def claims() -> Iterator[Claim]:
    """Tests on their nulls, and where there is something to find."""
    for cost in (0.0, 0.3):

        def above_0(rng: np.random.Generator, n: int, cost=cost) -> bool:
            return entangled(rng, n, cost).ent.low > 0

        yield Claim(f"ent above 0 at {cost:g}", cost == 0, above_0)
    yield Claim("ranks agree, unrelated", True, lambda rng, n: unrelated(rng, n) <= 0.05)
    for name, measure in measures((5,)).items():
        for shared in (0.0, 0.3):

            def alike(rng: np.random.Generator, _: int, measure=measure, shared=shared) -> bool:
                return calibrated(measure, *representations(rng, shared), draws=39).score > 0

            yield Claim(f"{name} alike, {shared:g} shared", shared == 0, alike)


def fixtures() -> Iterator[tuple[str, float, float]]:
    """Published or agreed numbers: name, what comes out, what should."""
    i = np.arange(8)
    x_NF = np.stack([i, i**2 % 7, (3 * i + 1) % 5], axis=1)
    y_NF = np.stack([i**3 % 11, (2 * i + 3) % 7], axis=1)
    yield "linear CKA", cka(x_NF, y_NF), 0.1904036067683128
    yield "linear CKA, debiased", cka_debiased(x_NF, y_NF), -0.1105564703973
    a_C, b_C = np.array([0.5, 0.4, 0.2, 0.7]), np.array([5.0, 6.0, 7.0, 4.0])
    yield "hypervolume, from (0, 0)", 10 * hypervolume(1 - a_C, b_C), 39.0
