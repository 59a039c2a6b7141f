"""Pairing over runs: planted rates come back, random matching is not rejected, bias is."""

import itertools

import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.pairing import (
    loss_excess,
    matched,
    pair_counts,
    pair_rates,
    pair_shape,
    partners_of,
    region_shares,
    uniformity,
)


def matching(order) -> np.ndarray:
    """Partners where neighbours in `order` pair."""
    partner_F = np.full(len(order), -1)
    for i, j in zip(order[::2], order[1::2], strict=True):
        partner_F[i], partner_F[j] = j, i
    return partner_F


def random_matchings(runs: int, m: int, key: int) -> np.ndarray:
    rng = np.random.default_rng(key)
    return np.stack([matching(rng.permutation(2 * m)) for _ in range(runs)])


def all_matchings(m: int) -> np.ndarray:
    found = {tuple(matching(order)) for order in itertools.permutations(range(2 * m))}
    return np.array(sorted(found))


def weights_of(partner_F) -> np.ndarray:
    """Antipodal pairs as weights, turned at random: shape (m, 2m)."""
    pairs = [(i, int(j)) for i, j in enumerate(partner_F) if i < j]
    w_MF = np.zeros((len(partner_F) // 2, len(partner_F)))
    for row, (i, j) in enumerate(pairs):
        w_MF[row, i], w_MF[row, j] = 1.0, -1.0
    turn, _ = np.linalg.qr(
        np.random.default_rng(int(partner_F[0])).standard_normal([len(w_MF)] * 2)
    )
    return turn @ w_MF


@pytest.mark.parametrize("m", [2, 3, 5])
def test_partners_are_read_from_turned_weights(m):
    partner_RF = random_matchings(4, m, key=m)
    w_RMF = np.stack([weights_of(partner_F) for partner_F in partner_RF])
    np.testing.assert_array_equal(partners_of(w_RMF), partner_RF)


def test_weights_of_one_run_are_refused():
    with pytest.raises(AbsorbError, match=r"shape \(2, 4\); need \(runs, hidden, features\)"):
        partners_of(np.zeros((2, 4)))


@pytest.mark.parametrize("m", [2, 3])
def test_over_all_matchings_every_pair_stands_at_the_null_exactly(m):
    every_RF = all_matchings(m)
    assert len(every_RF) == {2: 3, 3: 15}[m]
    for i, j in itertools.combinations(range(2 * m), 2):
        rates = pair_rates(every_RF, i, j)
        assert rates.pair.value == pytest.approx(1 / (2 * m - 1), abs=1e-15)
        assert rates.null == pytest.approx(1 / (2 * m - 1), abs=1e-15)
        assert rates.pair.low < rates.null < rates.pair.high and rates.agrees
        assert rates.p_value == 1.0


def test_planted_pairs_are_counted_run_by_run():
    together, apart = matching([0, 1, 2, 3]), matching([0, 2, 1, 3])
    partner_RF = np.stack([together] * 30 + [apart] * 10)
    rates = pair_rates(partner_RF, 0, 1)
    assert (rates.pair.value, rates.pair.n) == (0.75, 40)
    assert not rates.agrees and rates.p_value < 1e-6
    np.testing.assert_array_equal(
        pair_counts(partner_RF),
        [[0, 30, 10, 0], [30, 0, 0, 10], [10, 0, 0, 30], [0, 10, 30, 0]],
    )


def test_runs_without_a_perfect_matching_are_told_apart():
    lonely = np.array([1, 0, -1, -1])
    partner_RF = np.stack(
        [matching([0, 1, 2, 3])] * 3 + [matching([0, 2, 1, 3])] * 3 + [lonely] * 2
    )
    rates = pair_rates(partner_RF, 0, 1)
    assert (rates.pair.value, rates.pair.n) == (5 / 8, 8)
    assert (rates.pair_if_matched.value, rates.pair_if_matched.n) == (0.5, 6)
    assert (rates.matched.value, rates.matched.n) == (6 / 8, 8)
    np.testing.assert_array_equal(matched(partner_RF), [True] * 6 + [False] * 2)


def test_all_pairs_together_stand_at_the_null_whoever_pairs_with_whom():
    rates = pair_rates(np.stack([matching(range(6))] * 9), 0, 1)
    assert rates.any_pair[:3] == pytest.approx((0.2, 0.2, 0.2), abs=1e-15)
    assert rates.pair.value == 1.0 and not rates.agrees
    half = pair_rates(np.stack([matching(range(4)), np.full(4, -1)] * 5), 0, 1)
    assert half.any_pair.value == pytest.approx(1 / 6)
    assert half.any_pair.low < 1 / 6 < half.any_pair.high
    one_pair_of_six = pair_rates(np.array([[1, 0, -1, -1]] * 2), 0, 1)
    assert one_pair_of_six.any_pair.value == pytest.approx(1 / 6)


def test_without_a_matching_nothing_agrees():
    rates = pair_rates(np.full((3, 4), -1), 0, 1)
    assert np.isnan(rates.pair_if_matched.value) and np.isnan(rates.p_value) and not rates.agrees


@pytest.mark.parametrize("m, runs", [(2, 60), (3, 100), (5, 200)])
def test_random_matchings_are_rejected_as_often_as_the_level_says(m, runs):
    p = np.array([uniformity(random_matchings(runs, m, key)).p_value for key in range(600)])
    assert abs((p < 0.05).mean() - 0.05) < 0.027  # three standard errors of 600 tests
    assert abs((p < 0.5).mean() - 0.5) < 0.062


def test_the_null_lies_in_its_interval_at_least_as_often_as_the_level_says():
    agree = [pair_rates(random_matchings(100, 3, key), 0, 1).agrees for key in range(300)]
    assert np.mean(agree) >= 0.93


@pytest.mark.parametrize("m", [2, 3, 5])
def test_one_favoured_pair_is_found(m):
    partner_RF = random_matchings(200, m, key=1)
    partner_RF[:60] = matching(range(2 * m))
    assert uniformity(partner_RF).p_value < 1e-4


def test_for_two_dimensions_it_is_the_chi_square_over_three_matchings():
    from scipy.stats import chisquare

    partner_RF = np.repeat(all_matchings(2), [12, 20, 28], axis=0)
    found, known = uniformity(partner_RF), chisquare([12, 20, 28])
    assert (found.degrees, found.runs) == (2, 60)
    assert found.statistic == pytest.approx(known.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-12)


def test_too_few_matchings_give_no_test_and_say_so():
    found = uniformity(random_matchings(20, 5, key=0))
    assert np.isnan(found.p_value) and found.why == "20 perfect matchings, needs 45"
    assert uniformity(np.array([[1, 0]] * 50)).why == "one matching alone"


def test_a_pair_in_the_region_has_the_shape_of_a_digon():
    w_MF = np.array([[1.0, -1.0, 0, 0], [0, 0, 2.0, -2.0]])
    shape = pair_shape(np.stack([w_MF] * 3), 0, 1, units=1)
    assert [x.value for x in shape] == pytest.approx([0.0, -1.0, 0.5, 1.0], abs=1e-12)
    other = pair_shape(np.stack([w_MF] * 3), 1, 2, units=1)
    assert [x.value for x in other] == pytest.approx([0.0, 0.0, 0.5, 0.5], abs=1e-12)
    alone = np.array([[1.0, -1.0, 0], [0, 0, 1.0]])
    assert pair_shape(alone[None], 0, 2).dimensionality.value == pytest.approx(0.75)


def test_a_pair_on_one_side_of_its_line_is_parallel():
    w_RMF = np.array([[[1.0, sign]] for sign in (1, 2, -1, 0)])
    shape = pair_shape(w_RMF, 0, 1)
    assert (shape.parallel.value, shape.parallel.n, shape.cosine.value) == (0.5, 4, 0.25)


def test_shares_in_the_region_average_its_size_over_random_bases():
    rng = np.random.default_rng(0)
    turns = [np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(2000)]
    mean_F = region_shares(np.stack(turns), units=1).mean(axis=0)
    np.testing.assert_allclose(mean_F, 0.25, atol=0.02)
    np.testing.assert_allclose(region_shares(np.stack(turns[:3]), units=4), 1.0, atol=1e-12)


def test_the_loss_is_held_against_the_best_unrouted_run():
    excess = loss_excess(np.array([0.12, 0.14]), np.array([0.3, 0.1, np.nan]))
    assert excess.value == pytest.approx(0.3) and excess.low < 0.2 and excess.n == 2
    none = loss_excess(np.array([0.1]), np.array([]))
    assert np.isnan(none.value) and none.why == "no unrouted runs"
