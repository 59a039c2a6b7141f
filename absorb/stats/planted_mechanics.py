"""Planted truth for the mechanics of absorption: growth, gains, and structure or rotation."""

from collections.abc import Iterator

import numpy as np

from absorb.stats.cases import Case, Claim
from absorb.stats.intervals import Interval, mean_t
from absorb.stats.mechanics import gain, reinforcement, rotation

LOOKS, EVERY, RATE = 80, 25, 5e-3
EXAMPLES, UNITS = 32, 6


def grown(rng: np.random.Generator, seeds: int, depth: int, noise: float = 0.0) -> np.ndarray:
    """Strengths (seeds, looks) of products of `depth` factors that learn a slope of 1.

    noise: of each look's reading, as a part of it.
    """
    s_S, looks = 1e-3 * rng.uniform(0.5, 2, seeds), []
    for step in range(LOOKS * EVERY):
        if step % EVERY == 0:
            looks.append(s_S)
        s_S = s_S + RATE * depth * s_S ** (2 - 2 / depth) * (1 - s_S)
    strength_SE = np.stack(looks, axis=1)
    return strength_SE * (1 + noise * rng.standard_normal(strength_SE.shape))


def slopes(rng: np.random.Generator, seeds: int, depth: int, noise: float) -> np.ndarray:
    """The slope of each seed, the strength read with noise."""
    strength_SE = grown(rng, seeds, depth, noise)
    return np.array([reinforcement(s_E, 1 - s_E) for s_E in strength_SE])


def nudged(rng: np.random.Generator, seeds: int, kept: float) -> tuple[np.ndarray, np.ndarray]:
    """Shares (seeds, looks) of weaker and stronger regions: apart at the first look, then less."""
    base_SE = rng.normal(0.5, 0.1, (seeds, 2))
    apart_S = rng.normal(0.1, 0.02, seeds)
    lift_SE = np.stack([apart_S, kept * apart_S], axis=1) / 2
    noise = 0.01 * rng.standard_normal((2, seeds, 2))
    return base_SE - lift_SE + noise[0], base_SE + lift_SE + noise[1]


def represented(rng: np.random.Generator, seeds: int, flat: float) -> np.ndarray:
    """Units (seeds, examples, units) of networks that share a structure, each turned its own way.

    flat: scale of all but two of the shared dimensions.
    """
    shared_NU = np.random.default_rng(1).standard_normal((EXAMPLES, UNITS))
    scale_U = np.where(np.arange(UNITS) < 2, 1.0, flat)
    own_SNU = 0.5 * rng.standard_normal((seeds, EXAMPLES, UNITS))
    turn_SUU = np.linalg.qr(rng.standard_normal((seeds, UNITS, UNITS)))[0]
    return (shared_NU + own_SNU) * scale_U @ turn_SUU


def cases() -> Iterator[Case]:
    """Gains of nudges, a rotation."""
    for kept in (0.0, 1.0):

        def found(rng: np.random.Generator, n: int, kept=kept) -> Interval:
            return gain(*nudged(rng, n, kept), 0)

        yield Case(f"gain of a nudge, {kept:g} kept", kept, found)

    def turned(rng: np.random.Generator, n: int) -> Interval:
        return rotation(represented(rng, 2 * n, 1.0), represented(rng, 2 * n, 1.0))

    yield Case("structure or rotation: rotation", 1.0, turned)


def claims() -> Iterator[Claim]:
    """Strength that makes strength, and another structure, each beside its null."""
    for depth in (1, 2):

        def reinforces(rng: np.random.Generator, n: int, depth=depth) -> bool:
            return mean_t(slopes(rng, n, depth, 0.01)).low > 0

        yield Claim(f"self-reinforcement, depth {depth}", depth == 1, reinforces)
    for flat in (1.0, 0.1):

        def other(rng: np.random.Generator, n: int, flat=flat) -> bool:
            routed = represented(rng, 2 * n, flat)
            return rotation(routed, represented(rng, 2 * n, 1.0)).excludes(1.0)

        yield Claim(f"another structure, flat {flat:g}", flat == 1, other)


def fixtures() -> Iterator[tuple[str, float, float]]:
    """The slope of products of factors, up to what looks at every 25 steps leave of it."""
    for depth in (1, 2, 3):
        (slope,) = slopes(np.random.default_rng(0), 1, depth, 0.0)
        yield f"self-reinforcement, depth {depth}", slope, 2 - 2 / depth
