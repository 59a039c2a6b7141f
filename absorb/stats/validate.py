"""Do the intervals cover, and do the tests stay silent on their nulls? By simulation.

`absorb validate` prints the table: each rate with its own binomial interval.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError
from absorb.stats import (
    planted,
    planted_dynamics,
    planted_mechanics,
    planted_pairs,
    planted_paths,
)
from absorb.stats.absorption import kept_share
from absorb.stats.cases import Case, Claim, Rate, claims, coverage
from absorb.stats.dose import absorbs, excess_at, excess_over_null, excess_over_placebo, p50
from absorb.stats.dose_equivalent import dose_equivalent
from absorb.stats.intervals import (
    Interval,
    difference_t,
    fieller_ratio,
    jackknife_t,
    mean_t,
)
from absorb.stats.nulls import null_share
from absorb.stats.simulate import FORGET_COUNT, P_P, Linear, dose_world, linear_world

STD_P = np.array([1.0, 0.99, 0.975, 0.95, 0.9, 0.75, 0.5, 0.25, 0.0])
REPEATS, SEEDS = 400, (5, 10)
NEAR = (0.93, 0.97)  # how often a 95 % interval has to hold the truth
TRUTHS = (planted, planted_pairs, planted_paths, planted_mechanics, planted_dynamics)
TESTED = slice(1, -1)  # label fractions between 0 and 1


class Rows(NamedTuple):
    """What is tried: estimates, tests, and fixtures as (name, what comes out, what should)."""

    cases: list[Case]
    claims: list[Claim]
    fixtures: list[tuple[str, float, float]]

    def with_more(self, other: "Rows") -> "Rows":
        """These and then the other's."""
        return Rows(
            self.cases + other.cases, self.claims + other.claims, self.fixtures + other.fixtures
        )


def pair(rng: np.random.Generator, n: int, spread: float) -> np.ndarray:
    """A numerator of mean 0.6 and a denominator of mean 1, correlated as paired arms are."""
    return rng.multivariate_normal([0.6, 1.0], spread**2 * np.array([[1, 0.5], [0.5, 1]]), n).T


def plain_ratio(num_S: np.ndarray, den_S: np.ndarray) -> float:
    """The plain ratio of means, for the jackknife."""
    return float(num_S.mean() / den_S.mean())


def mean_cases() -> Iterator[Case]:
    """Means, differences and ratios of normal seeds, and one skewed case."""
    yield Case("t: mean", 0.0, lambda rng, n: mean_t(rng.standard_normal(n)))
    yield Case("t: paired difference", -0.4, lambda rng, n: difference_t(*pair(rng, n, 0.3)))
    yield Case("Fieller: ratio", 0.6, lambda rng, n: fieller_ratio(*pair(rng, n, 0.3)))
    yield Case("Fieller: weak denominator", 0.6, lambda rng, n: fieller_ratio(*pair(rng, n, 0.9)))
    yield Case("jackknife: ratio", 0.6, lambda rng, n: jackknife_t(plain_ratio, *pair(rng, n, 0.3)))
    yield Case("t: mean of exponential", 1.0, lambda rng, n: mean_t(rng.exponential(1, n)))


def shares(world: Linear) -> np.ndarray:
    """Kept shares, one row per seed, one column per label fraction."""
    kept = [kept_share(m_S, world.never_S, world.whole_S).share_S for m_S in world.m_SP.T]
    return np.stack(kept, axis=1)


def true_shares(depth: int) -> np.ndarray:
    """The mean shares of very many seeds measured without noise."""
    return shares(linear_world(np.random.default_rng(0), 200_000, depth, noise=0.0)).mean(axis=0)


def plain_excess(share_S: np.ndarray, at_0_S: np.ndarray, p: float) -> float:
    """X without an interval, for the jackknife."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.log(null_share(at_0_S.mean(), p, "squared") / share_S.mean()))


def excess_cases() -> Iterator[Case]:
    """X(p) on the null and where a strong path takes all, by Fieller and by the jackknife."""
    for depth, at in ((1, 3), (1, 6), (2, 2), (2, 4)):
        p, true_P = float(P_P[at]), true_shares(depth)
        truth = float(np.log(null_share(true_P[0], p, "squared") / true_P[at]))

        def fieller(rng: np.random.Generator, n: int, depth=depth, at=at, p=p) -> Interval:
            share_SP = shares(linear_world(rng, n, depth))
            return excess_at(share_SP[:, at], share_SP[:, 0], p, link="squared")

        def jackknife(rng: np.random.Generator, n: int, depth=depth, at=at, p=p) -> Interval:
            share_SP = shares(linear_world(rng, n, depth))
            return jackknife_t(
                lambda s_S, at_0_S: plain_excess(s_S, at_0_S, p), share_SP[:, at], share_SP[:, 0]
            )

        yield Case(f"X({p:g}), depth {depth}", truth, fieller)
        yield Case(f"X({p:g}), depth {depth}, jackknife", truth, jackknife)


def dose_cases() -> Iterator[Case]:
    """A_dose with a known equivalent dose: between doses, below the least one, filtered data."""
    n_G = (1 - STD_P) * FORGET_COUNT
    for name, p, n_eq in (("mid", 0.5, 130.0), ("least", 0.5, 4.0), ("filter", 0.75, 200.0)):
        truth = 1 - n_eq / ((1 - p) * FORGET_COUNT)

        def tested(rng: np.random.Generator, n: int, p=p, n_eq=n_eq) -> Interval:
            world = dose_world(rng, n, n_G, n_eq)
            return dose_equivalent(world.route_S, world.std_SG, n_G, p, FORGET_COUNT).a_dose

        def jackknife(rng: np.random.Generator, n: int, p=p, n_eq=n_eq) -> Interval:
            def plain(route_S: np.ndarray, std_SG: np.ndarray) -> float:
                return dose_equivalent(route_S, std_SG, n_G, p, FORGET_COUNT).a_dose.value

            world = dose_world(rng, n, n_G, n_eq)
            return jackknife_t(plain, world.route_S, world.std_SG)

        yield Case(f"A_dose, {name}", truth, tested)
        if name == "mid":
            yield Case(f"A_dose, {name}, jackknife", truth, jackknife)


def p50_cases() -> Iterator[Case]:
    """p50 of the true mean curve, read off the same grid."""
    for depth in (1, 2):
        truth = p50(np.stack([true_shares(depth)] * 2), P_P).value

        def tested(rng: np.random.Generator, n: int, depth=depth) -> Interval:
            return p50(shares(linear_world(rng, n, depth)), P_P)

        def jackknife(rng: np.random.Generator, n: int, depth=depth) -> Interval:
            share_SP = shares(linear_world(rng, n, depth))
            return jackknife_t(lambda s_SP: p50(s_SP, P_P).value, share_SP)

        yield Case(f"p50, depth {depth}", truth, tested)
        if depth == 1:
            yield Case(f"p50, depth {depth}, jackknife", truth, jackknife)


def claimed(world: Linear, link: str) -> bool:
    """Whether absorption is claimed anywhere on the curve, at 5 % for the whole curve."""
    level = 1 - 0.05 / len(P_P[TESTED])
    share_SP = shares(world)
    placebo_SP = shares(world._replace(m_SP=world.placebo_SP))
    excess = excess_over_null(share_SP, P_P, level, link).x
    over = excess_over_placebo(share_SP, placebo_SP, level)
    return any(absorbs(x, o).claim for x, o in list(zip(excess, over, strict=True))[TESTED])


def absorption_claims() -> Iterator[Claim]:
    """The test for absorption where nothing absorbs (depth 1) and where a strong path does."""
    for depth, link in (
        (1, "squared"),
        (1, "convex"),
        (1, "linear"),
        (2, "squared"),
        (2, "convex"),
    ):

        def draw(rng: np.random.Generator, n: int, depth=depth, link=link) -> bool:
            return claimed(linear_world(rng, n, depth), link)

        misfit = " (misfit)" if link == "linear" else ""  # the loss is squared
        name = f"absorption, {'null' if depth == 1 else 'depth 2'}, {link} link{misfit}"
        yield Claim(name, depth == 1, draw)


def cases() -> list[Case]:
    """Every estimate whose interval is tried."""
    own = [*mean_cases(), *excess_cases(), *dose_cases(), *p50_cases()]
    return own + [case for truth in TRUTHS for case in truth.cases()]


def all_claims() -> list[Claim]:
    """Every test whose claims are counted."""
    return [*absorption_claims(), *(claim for truth in TRUTHS for claim in truth.claims())]


def fixtures() -> list[tuple[str, float, float]]:
    """What is computed without chance: name, value found, value wanted."""
    return [*planted.fixtures(), *planted_dynamics.fixtures(), *planted_mechanics.fixtures()]


def own_rows() -> Rows:
    """All that can be tried without a network."""
    return Rows(cases(), all_claims(), fixtures())


def validate(
    tried: Rows, repeats: int, seeds: tuple[int, ...] = SEEDS
) -> Iterator[tuple[str, Rate]]:
    """Every rate, over `repeats` simulated experiments, each with the head it stands below."""
    for case in tried.cases:
        for n in seeds:
            yield "coverage of 95 % intervals", coverage(case, n, repeats)
    for claim in sorted(tried.claims, key=lambda claim: not claim.null):
        for n in seeds:
            yield "false positives" if claim.null else "power", claims(claim, n, repeats)


def main(arguments: Sequence[str], more: Rows | None = None) -> int:
    """Print the table; the argument is the number of repeats. Returns the exit code.

    more: rows of those who know what statistics may not, such as how networks are configured.
    """
    repeats = understood(arguments)
    tried = own_rows() if more is None else own_rows().with_more(more)
    print(
        f"{repeats} simulated experiments a row; n: seeds, levels of each factor, tasks, or pairs"
    )
    print(
        f"{'what':38s} {'n':>3s} {'truth':>7s} {'mean':>7s} {'rate':>6s}  95 % interval   bounded"
    )
    head = ""
    for below, found in validate(tried, repeats):
        if below != head:
            head = below
            print(f"{head}:", flush=True)
        print(line(found), flush=True)
    print("fixtures, found and wanted:")
    for name, value, wanted in tried.fixtures:
        print(f"  {name:38s} {value:.15g}  {wanted:.15g}")
    return 0


def understood(arguments: Sequence[str]) -> int:
    """The number of repeats; raises AbsorbError for anything else."""
    if len(arguments) > 1 or not all(word.isdecimal() and int(word) > 0 for word in arguments):
        raise AbsorbError(f"validate takes one number of repeats, not {' '.join(arguments)}")
    return int(arguments[0]) if arguments else REPEATS


def line(found: Rate) -> str:
    """One row of the table."""
    truth, mean = (f"{x:7.3f}" if x == x else " " * 7 for x in (found.truth, found.mean))
    ends = f"[{found.rate.low:.3f}, {found.rate.high:.3f}]"
    shown = f"  {found.name:36s} {found.n:3d} {truth} {mean} {found.rate.value:6.3f}  {ends}"
    more = f"  {found.bounded:7.3f}  {judged(found.rate)}" if truth.strip() else ""
    return (shown + more).rstrip()


def judged(rate: Interval) -> str:
    """Whether intervals cover less or more often than in 93 to 97 of 100, beyond chance."""
    return "narrow" if rate.high < NEAR[0] else "wide" if rate.low > NEAR[1] else ""
