"""Rank agreement over pairs that share tasks, equivalence and counterexamples, on planted truth."""

import numpy as np
import pytest
from scipy.stats import kendalltau, t

from absorb.errors import AbsorbError
from absorb.stats.four_properties import (
    agreement,
    compare_pairs,
    cost,
    failed_unlearning,
    tau_b,
)


def pairs_of(tasks: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(tasks) for j in range(tasks) if i != j]


def world(rng: np.random.Generator, tasks: int, alike: float) -> tuple[np.ndarray, np.ndarray]:
    """Two measures of ordered pairs, made of sender, receiver and noise, correlated `alike`."""

    def one():
        sender_T, receiver_T = rng.standard_normal((2, tasks))
        noise_TT = rng.standard_normal((tasks, tasks))
        return 0.7 * (sender_T[:, None] + receiver_T) + 0.5 * noise_TT

    x_TT = one()
    y_TT = alike * x_TT + np.sqrt(1 - alike**2) * one()
    first_P, second_P = np.array(pairs_of(tasks)).T
    return x_TT[first_P, second_P], y_TT[first_P, second_P]


@pytest.mark.parametrize("measure", [failed_unlearning, cost])
def test_what_has_no_scale_has_not_failed(measure):
    known_CS = np.tile([[1.0], [0.5]], (1, 6))
    assert measure(known_CS, known_CS, 0.1).tolist() == 6 * [1.0]  # b = 1 at a = 1 alone
    for without in (known_CS * np.nan, np.where([[True], [False]], np.nan, known_CS)):
        other_CS = known_CS if np.isnan(without).all() else without[::-1]
        assert np.isnan(measure(without, other_CS, 0.1)).all()
        assert np.isnan(measure(other_CS, without, 0.1)).all()


def test_unweighted_it_is_scipys_kendall_with_ties():
    rng = np.random.default_rng(0)
    for _ in range(20):
        x_P, y_P = rng.integers(0, 5, (2, 30)).astype(float)
        assert tau_b(x_P, y_P, np.ones(30)) == pytest.approx(kendalltau(x_P, y_P)[0])


def test_a_weight_of_two_is_the_pair_twice():
    rng = np.random.default_rng(1)
    x_P, y_P = rng.random((2, 12))
    weight_P = rng.integers(0, 3, 12)
    repeated = [np.repeat(v, weight_P) for v in (x_P, y_P)]
    assert tau_b(x_P, y_P, weight_P) == pytest.approx(
        tau_b(repeated[0], repeated[1], np.ones(weight_P.sum()))
    )


def test_the_same_order_agrees_and_the_turned_one_disagrees():
    x_P = world(np.random.default_rng(2), 6, 0.0)[0]
    same, turned = (agreement(x_P, y, pairs_of(6), 200) for y in (np.exp(x_P), -x_P))
    assert same.tau.value == 1 and same.tau.low == 1 and same.chance < 0.02
    assert turned.tau.value == -1 and turned.chance < 0.02
    assert agreement(x_P, x_P, pairs_of(6), 20).chance >= 1 / 21  # the order found is one of them


def test_unrelated_measures_are_called_related_no_more_often_than_the_level_says():
    rng = np.random.default_rng(3)
    yes = sum(agreement(*world(rng, 6, 0.0), pairs_of(6), 99).chance <= 0.05 for _ in range(100))
    assert yes <= 11  # 5 of 100, and 2.75 standard errors


def by_pairs(rng: np.random.Generator, x_P: np.ndarray, y_P: np.ndarray) -> np.ndarray:
    """The percentile interval that resamples pairs as if they were independent."""
    count_DP = rng.multinomial(len(x_P), np.full(len(x_P), 1 / len(x_P)), 99)
    return np.quantile([tau_b(x_P, y_P, count_P) for count_P in count_DP], [0.025, 0.975])


@pytest.mark.slow
def test_the_interval_over_tasks_covers_and_one_over_pairs_does_not():
    rng = np.random.default_rng(4)
    truth = np.mean([tau_b(*world(rng, 40, 0.5), np.ones(1560)) for _ in range(10)])
    tasks = pairs = 0
    for _ in range(200):
        x_P, y_P = world(rng, 8, 0.5)
        tasks += not agreement(x_P, y_P, pairs_of(8), 99).tau.excludes(float(truth))
        low, high = by_pairs(rng, x_P, y_P)
        pairs += low <= truth <= high
    assert tasks >= 181 and pairs < 175, (tasks, pairs)  # 95 % less three standard errors


def test_pairs_have_to_be_complete():
    x_P = np.arange(12.0)
    with pytest.raises(AbsorbError, match="every ordered pair once"):
        agreement(x_P[:11], x_P[:11], pairs_of(4)[:11])
    with pytest.raises(AbsorbError, match="4 tasks"):
        agreement(x_P[:6], x_P[:6], pairs_of(3))
    with pytest.raises(AbsorbError, match="not finite"):
        agreement(np.append(x_P[:11], np.nan), x_P, pairs_of(4))


def test_measures_that_all_tie_have_no_agreement():
    found = agreement(np.zeros(12), np.arange(12.0), pairs_of(4), 20)
    assert np.isnan(found.tau.value) and "tie" in found.tau.why


def test_pairs_are_equivalent_open_or_counterexamples():
    rng = np.random.default_rng(5)
    y_PS = rng.random((3, 10))
    error_PS = np.array([[0.02], [0.02], [0.5]]) * rng.standard_normal((3, 10))
    x_PS = y_PS + np.array([[0.01], [0.4], [0.05]]) + error_PS
    assert [v.verdict for v in compare_pairs(x_PS, y_PS)] == [
        "equivalent", "counterexample", "open"]  # fmt: skip


def test_a_measure_that_is_lower_is_a_counterexample_too():
    y_PS = np.random.default_rng(7).random((1, 10))
    noise_PS = 0.02 * np.random.default_rng(8).standard_normal((1, 10))
    assert compare_pairs(y_PS - 0.4 + noise_PS, y_PS)[0].verdict == "counterexample"


def test_equivalence_takes_two_one_sided_tests_at_five_percent_each():
    gap_S = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
    gap_S *= 0.1 / (t.ppf(0.96, 5) * gap_S.std(ddof=1) / np.sqrt(6))  # a 92 % interval of ±0.1
    assert compare_pairs(gap_S[None], np.zeros((1, 6)))[0].verdict == "equivalent"
    assert compare_pairs(1.1 * gap_S[None], np.zeros((1, 6)))[0].verdict == "open"


def test_at_the_margin_itself_neither_is_claimed_more_often_than_the_level_says():
    rng = np.random.default_rng(6)
    gap_PS = 0.1 + 0.05 * rng.standard_normal((1000, 8))
    verdicts = [compare_pairs(g[None], np.zeros((1, 8)))[0].verdict for g in gap_PS]
    assert verdicts.count("equivalent") <= 70  # 5 % of 1000 and 2.9 standard errors
    assert verdicts.count("counterexample") <= 45  # two-sided: 2.5 %
    together = compare_pairs(gap_PS, np.zeros((1000, 8)))
    assert sum(v.verdict == "counterexample" for v in together) <= 1
