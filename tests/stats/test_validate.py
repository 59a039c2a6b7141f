import numpy as np
import pytest
from scipy.stats import binom

from absorb.cli import main
from absorb.stats import planted, planted_dynamics, planted_mechanics
from absorb.stats.cases import claims, coverage
from absorb.stats.intervals import binomial
from absorb.stats.validate import NEAR, all_claims, cases, judged

REPEATS, MANY = 400, 4000
# A true 95 % interval covers fewer than this many times once in a thousand tries; draws are fixed.
LEAST = int(binom.ppf(0.001, REPEATS, 0.95))
MOST = int(binom.ppf(0.999, REPEATS, 0.95))
CASES = {case.name: case for case in cases()}
CLAIMS = {claim.name: claim for claim in all_claims()}
EXACT = ["t: mean", "t: paired difference", "Fieller: ratio"]
OF_ABSORPTION = [
    "X(0.25), depth 1", "X(0.9), depth 1", "X(0.1), depth 2", "X(0.5), depth 2",
    "A_dose, mid", "A_dose, filter", "p50, depth 1", "p50, depth 2",
]  # fmt: skip


def test_the_tolerance_can_tell_a_bad_interval_from_a_good_one():
    assert LEAST == 365 and MOST == 392
    assert binom.cdf(LEAST - 1, REPEATS, 0.85) > 0.999  # covers 85 %: surely caught
    assert binom.cdf(LEAST - 1, REPEATS, 0.9) > 0.7


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("name", EXACT + OF_ABSORPTION)
def test_intervals_cover(name, n):
    found = coverage(CASES[name], n, REPEATS)
    assert LEAST <= round(found.rate.value * REPEATS) <= MOST
    assert found.bounded > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("name", EXACT + OF_ABSORPTION)
def test_intervals_cover_between_93_and_97_times_in_100(name, n):
    assert NEAR[0] <= coverage(CASES[name], n, MANY).rate.value <= NEAR[1]


def test_the_simulation_catches_an_interval_that_is_too_narrow():
    case = CASES["Fieller: ratio"]

    def narrow(rng, n):
        x = case.draw(rng, n)
        return x._replace(
            low=x.value - 0.6 * (x.value - x.low), high=x.value + 0.6 * (x.high - x.value)
        )

    found = coverage(case._replace(draw=narrow), 5, REPEATS)
    assert round(found.rate.value * REPEATS) < LEAST


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("link", ["squared", "convex"])
def test_absorption_is_claimed_on_at_most_one_null_curve_in_twenty(link, n):
    claim = CLAIMS[f"absorption, null, {link} link"]
    assert claim.null and claims(claim, n, REPEATS).rate.value <= 0.05


def test_taking_loss_shares_for_credit_shares_would_claim_absorption_on_the_null():
    assert claims(CLAIMS["absorption, null, linear link (misfit)"], 10, 50).rate.low > 0.5


@pytest.mark.parametrize("link", ["squared", "convex"])
def test_planted_absorption_is_found(link):
    claim = CLAIMS[f"absorption, depth 2, {link} link"]
    assert not claim.null and claims(claim, 5, 50).rate.low > 0.9


def test_the_interval_of_an_area_near_one_holds_it():
    """It was [1, 1] in most experiments, which is not what is planted."""
    case = CASES["AUC of a distance, gap 4.2"]
    assert 0.998 < case.truth < 1
    assert coverage(case, 10, 100).rate.value >= LEAST / REPEATS


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "ent, 0.5 of identical",
        "variance of init",
        "τ_b, correlation 0.5",
        "AUC of a distance, gap 1",
        "precision at the middle, gap 1",
        "κ of homes, 0.7 faithful",
        "gain of a nudge, 1 kept",
        "structure or rotation: rotation",
    ],
)
def test_intervals_of_entanglement_and_path_dependence_cover(name):
    assert coverage(CASES[name], 10, REPEATS).rate.value >= LEAST / REPEATS


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "ent above 0 at 0",
        "ranks agree, unrelated",
        "cka alike, 0 shared",
        "equivalent, gap 0.1",
        "any counterexample, gap 0.1",
        "κ of homes, 0 alike",
        "self-reinforcement, depth 1",
        "another structure, flat 1",
    ],
)
def test_nulls_are_kept(name):
    found = claims(CLAIMS[name], 5, 100)
    assert CLAIMS[name].null and found.rate.value <= 0.12  # 5 % and three standard errors


def test_fixtures_to_all_digits():
    for name, value, wanted in [*planted.fixtures(), *planted_dynamics.fixtures()]:
        assert value == pytest.approx(wanted, abs=1e-12), name
    for name, value, wanted in planted_mechanics.fixtures():  # growth looked at now and then
        assert value == pytest.approx(wanted, abs=0.02), name


def test_the_command_prints_every_row(capsys):
    assert main(["validate", "1"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in [*CASES, *CLAIMS])


@pytest.mark.parametrize("words", [["0"], ["many"], ["5", "6"]])
def test_the_command_takes_a_number_alone(words, capsys):
    assert main(["validate", *words]) == 2
    assert "number of repeats" in capsys.readouterr().err


@pytest.mark.parametrize(("covered", "said"), [(0.9, "narrow"), (0.95, ""), (0.99, "wide")])
def test_intervals_that_cover_too_seldom_or_too_often_are_named(covered, said):
    assert judged(binomial(round(4000 * covered), 4000)) == said
    assert judged(binomial(round(40 * covered), 40)) == ""  # which chance may explain


def test_the_same_seed_gives_the_same_table():
    case = CASES["A_dose, mid"]
    assert coverage(case, 5, 20) == coverage(case, 5, 20)
    draws = [case.draw(np.random.default_rng(s), 5).value for s in (0, 1)]
    assert draws[0] != draws[1]
