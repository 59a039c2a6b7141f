"""Planted truth for the four properties of pairs of tasks and for what compares them."""

from collections.abc import Iterator

import numpy as np

from absorb.stats.cases import Case, Claim
from absorb.stats.four_properties import (
    MARGIN,
    agreement,
    compare_pairs,
    cost,
    failed_unlearning,
)
from absorb.stats.intervals import Interval, mean_t
from absorb.stats.planted import CONFIGS, searched

ALIKE = 0.5  # correlation of two measures of pairs
PAIRS = 20
NOISE = 0.05  # of a pair's gap, seed by seed
LEFT = 0.15  # of task A, between the second and the third config
LOST = 0.1  # of task B, at most


def two_measures(
    rng: np.random.Generator, tasks: int, alike: float
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Two measures of ordered pairs, of sender, receiver and noise, correlated `alike`; the pairs.

    Any two pairs differ in both by normal numbers so correlated: τ_b is (2/π) arcsin `alike`.
    """
    one_TT, own_TT = (
        rng.standard_normal((tasks, 1)) + rng.standard_normal(tasks)
        + rng.standard_normal((tasks, tasks)) for _ in range(2)
    )  # fmt: skip
    other_TT = alike * one_TT + np.sqrt(1 - alike**2) * own_TT
    pairs = [(i, j) for i in range(tasks) for j in range(tasks) if i != j]
    first_P, second_P = np.array(pairs).T
    return one_TT[first_P, second_P], other_TT[first_P, second_P], pairs


def verdicts(rng: np.random.Generator, seeds: int, gap: float) -> list[str]:
    """What is said of pairs whose two measures are `gap` apart."""
    x_PS = gap + NOISE * rng.standard_normal((PAIRS, seeds))
    return [one.verdict for one in compare_pairs(x_PS, np.zeros_like(x_PS))]


def beside(found: Interval, truth: float) -> Interval:
    """An interval less the truth of its own draw."""
    return found._replace(**{end: getattr(found, end) - truth for end in ("value", "low", "high")})


def as_chosen(rng: np.random.Generator, seeds: int, slope: float, of_cost: bool) -> Interval:
    """P4 or P2 of one search, less what the configs that were chosen have in truth."""
    a_CS, b_CS = searched(rng, seeds, slope)
    true_CS = np.broadcast_to(np.arange(CONFIGS)[:, None] / CONFIGS, a_CS.shape)
    if of_cost:
        of, allowed, true_CS = cost, LEFT, 1 - slope * (1 - true_CS)
    else:
        of, allowed = failed_unlearning, LOST
    truth_S = of(a_CS, b_CS, allowed, true_CS)
    return beside(mean_t(of(a_CS, b_CS, allowed)), float(truth_S.mean()))


def property_cases() -> Iterator[Case]:
    """What a search says of a pair whose frontier is b = 1 − slope (1 − a), on a grid of a.

    The truth is the grid's: noise tries the choice of a config as well as its value. As chosen, it
    is that of the configs that the halves chose, of which alone the interval speaks.
    """
    a_C = np.arange(CONFIGS) / CONFIGS
    for slope in (0.0, 0.5, 1.0):
        b_C = 1 - slope * (1 - a_C)

        def cost_of_pair(rng: np.random.Generator, n: int, slope=slope) -> Interval:
            return mean_t(cost(*searched(rng, n, slope), LEFT))

        def not_unlearned(rng: np.random.Generator, n: int, slope=slope) -> Interval:
            return mean_t(failed_unlearning(*searched(rng, n, slope), LOST))

        yield Case(f"cost of a pair, {slope:g}", 1 - b_C[a_C <= LEFT].max(), cost_of_pair)
        yield Case(f"failed unlearning, {slope:g}", a_C[b_C >= 1 - LOST].min(), not_unlearned)
        for name, of_cost in (("cost", True), ("failed unlearning", False)):

            def chosen(rng: np.random.Generator, n: int, slope=slope, of_cost=of_cost) -> Interval:
                return as_chosen(rng, n, slope, of_cost)

            yield Case(f"{name} as chosen, {slope:g}", 0.0, chosen)


def cases() -> Iterator[Case]:
    """τ_b over resampled tasks, two of the four properties (the others are plain capabilities)."""

    def tau(rng: np.random.Generator, n: int) -> Interval:
        return agreement(*two_measures(rng, n, ALIKE), 99).tau

    yield Case(f"τ_b, correlation {ALIKE:g}", float(2 / np.pi * np.arcsin(ALIKE)), tau)
    yield from property_cases()


def claims() -> Iterator[Claim]:
    """Equivalence of one pair, a counterexample among twenty; at the margin neither holds."""
    for gap in (MARGIN, 0.0):

        def equivalent(rng: np.random.Generator, n: int, gap=gap) -> bool:
            return verdicts(rng, n, gap)[0] == "equivalent"

        yield Claim(f"equivalent, gap {gap:g}", gap == MARGIN, equivalent)
    for gap in (MARGIN, 3 * MARGIN):

        def counter(rng: np.random.Generator, n: int, gap=gap) -> bool:
            return "counterexample" in verdicts(rng, n, gap)

        yield Claim(f"any counterexample, gap {gap:g}", gap == MARGIN, counter)
