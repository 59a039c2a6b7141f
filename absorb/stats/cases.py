"""Simulated experiments with a known answer: does an interval hold it, does a test say yes?"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from absorb.stats.intervals import NAN, Interval, binomial


class Case(NamedTuple):
    """An estimate with a known truth: `draw` simulates n seeds and returns the interval."""

    name: str
    truth: float
    draw: Callable[[np.random.Generator, int], Interval]


class Claim(NamedTuple):
    """A test: `draw` simulates n seeds and says whether it claims; `null`: it never should."""

    name: str
    null: bool
    draw: Callable[[np.random.Generator, int], bool]


class Rate(NamedTuple):
    """How often something held in repeated experiments of `n` seeds each.

    Of estimates also the truth, the mean over the experiments, and how many intervals were bounded
    (an unbounded one covers without saying much).
    """

    name: str
    n: int
    rate: Interval
    bounded: float = 1.0
    truth: float = NAN
    mean: float = NAN


def coverage(case: Case, n: int, repeats: int) -> Rate:
    """How often the nominal 95 % interval contains the truth."""
    rng = np.random.default_rng([n, *case.name.encode()])
    found = [case.draw(rng, n) for _ in range(repeats)]
    covered = sum(not x.excludes(case.truth) and not np.isnan(x.value) for x in found)
    bounded = sum(x.bounded for x in found) / repeats
    mean = float(np.mean([x.value for x in found]))
    return Rate(case.name, n, binomial(covered, repeats), bounded, case.truth, mean)


def claims(claim: Claim, n: int, repeats: int) -> Rate:
    """How often the test claims: its false positives on a null, its power elsewhere."""
    rng = np.random.default_rng([n, *claim.name.encode()])
    yes = sum(bool(claim.draw(rng, n)) for _ in range(repeats))
    return Rate(claim.name, n, binomial(yes, repeats))
