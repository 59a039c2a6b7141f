import numpy as np
import pytest

from absorb.stats.intervals import difference_t
from absorb.stats.localised import localised

NONE_S = np.array([1.0, 1.2, 0.9, 1.4, 1.1])


def test_rise_and_share_are_the_planted_ones_whatever_the_seeds_share():
    found = localised(NONE_S + 0.3, NONE_S, NONE_S + 0.5)
    assert found.rise[:3] == pytest.approx((0.3, 0.3, 0.3))
    assert found.share[:3] == pytest.approx((0.6, 0.6, 0.6), abs=1e-6)


def test_the_rise_has_the_paired_t_interval():
    part_S = NONE_S + np.array([0.1, 0.5, 0.3, 0.2, 0.4])
    found = localised(part_S, NONE_S, NONE_S + 1.0)
    assert found.rise == difference_t(part_S, NONE_S)
    half = 2.7764451 * np.std([0.1, 0.5, 0.3, 0.2, 0.4], ddof=1) / np.sqrt(5)
    assert found.rise.high - found.rise.value == pytest.approx(half)


def test_the_share_is_a_ratio_of_means_and_not_a_mean_of_ratios():
    full_S = np.array([0.1, 2.0, 1.0, 1.5, 0.8])
    part_S = np.array([0.3, 1.0, 0.2, 0.6, 0.5])
    found = localised(NONE_S + part_S, NONE_S, NONE_S + full_S)
    assert found.share.value == pytest.approx(part_S.mean() / full_S.mean())
    assert found.share.low < found.share.value < found.share.high


def test_an_unrouted_network_for_each_end_takes_out_what_the_order_of_data_does():
    order_S = np.array([0.5, -0.2, 0.1, 0.3, 0.0])
    found = localised(NONE_S + 0.3, NONE_S, NONE_S + order_S + 0.5, NONE_S + order_S)
    assert found.rise[:3] == pytest.approx((0.3, 0.3, 0.3))
    assert found.share[:3] == pytest.approx((0.6, 0.6, 0.6), abs=1e-6)


def test_where_nothing_was_localised_there_is_no_share():
    around_S = np.array([0.1, -0.1, 0.05, -0.05, 0.01])
    found = localised(NONE_S + 0.3, NONE_S, NONE_S + around_S)
    assert np.isnan(found.share.value) and "not told from 0" in found.share.why
    assert found.rise.value == pytest.approx(0.3)


def test_a_share_of_a_fall_is_no_absorption():
    found = localised(NONE_S - 0.3, NONE_S, NONE_S - 0.5)
    assert np.isnan(found.share.value) and "lower the loss" in found.share.why
    assert found.rise.value == pytest.approx(-0.3)


def test_the_interval_of_the_rise_excludes_zero_on_the_null_at_its_own_rate():
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((400, 2, 5))
    wrong = sum(localised(a, b, b + 5.0).rise.excludes(0) for a, b in draws)
    assert 8 <= wrong <= 33  # 20 expected; outside once in 500


def test_one_seed_gives_no_interval_and_no_share():
    found = localised(np.array([1.5]), np.array([1.0]), np.array([2.0]))
    assert found.rise.value == 0.5 and not found.rise.bounded
    assert np.isnan(found.share.value)
