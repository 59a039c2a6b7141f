import numpy as np
import pytest
from scipy import stats

from absorb.stats.absorption import (
    ablation_absorption,
    damage,
    difference_at_equal_retain,
    kept_share,
)

RNG = np.random.default_rng(0)
LEVEL_S = RNG.normal(0, 1, 8)


def seeds(mean, spread=0.02):
    noise_S = RNG.standard_normal(8)
    return mean + spread * (noise_S - noise_S.mean()) + LEVEL_S


def test_absorption_is_zero_at_hard_and_one_at_full():
    hard_S, full_S = seeds(0.5), seeds(2.0)
    assert ablation_absorption(hard_S, hard_S, full_S).ratio[:3] == pytest.approx((0, 0, 0))
    assert ablation_absorption(full_S, hard_S, full_S).ratio[:3] == pytest.approx((1, 1, 1))


def test_absorption_recovers_a_planted_value_with_the_raw_difference_beside_it():
    found = ablation_absorption(seeds(1.4), seeds(0.5), seeds(2.0))
    assert found.ratio.value == pytest.approx(0.6) and found.raw.value == pytest.approx(0.9)
    assert found.ratio.low < 0.6 < found.ratio.high and found.ratio.bounded


def test_absorption_is_unbounded_where_full_and_hard_agree():
    found = ablation_absorption(seeds(1.4), seeds(2.0), seeds(2.001))
    assert not found.ratio.bounded and found.raw.bounded


def test_kept_share_is_not_clipped_and_keeps_its_mean_over_seeds():
    for mean, share in ((0.1, 1.2), (0.3, 1.0), (1.3, 0.0), (1.5, -0.2), (0.8, 0.5)):
        found = kept_share(seeds(mean), seeds(1.3), seeds(0.3))
        assert found.share.value == pytest.approx(share)
        assert found.share_S.mean() == pytest.approx(share)
        assert found.worth.value == pytest.approx(1.0)


def test_the_linearised_shares_scatter_as_the_ratio_does():
    found = kept_share(seeds(0.8), seeds(1.3), seeds(0.3))
    sem = found.share_S.std(ddof=1) / np.sqrt(8) * stats.t.ppf(0.975, 7)
    assert found.share.high - found.share.low == pytest.approx(2 * sem, rel=0.01)


def test_a_concept_worth_nothing_has_no_share():
    found = kept_share(seeds(0.8), seeds(0.3), seeds(0.301))
    assert np.isnan(found.share.value) and np.isnan(found.share_S).all()
    assert "told apart" in found.share.why and found.worth.n == 8


def test_a_concept_whose_worth_may_be_zero_has_no_share():
    found = kept_share(seeds(0.8), seeds(0.4, 0.5), seeds(0.3, 0.5))
    assert found.worth.value > 0 > found.worth.low and np.isnan(found.share.value)


def test_damage_is_called_cleared_or_left_open():
    assert damage(seeds(0.5), seeds(0.3), 0.1).damaged
    fine = damage(seeds(0.32), seeds(0.3), 0.1)
    assert fine.cleared and not fine.damaged
    unsure = damage(seeds(0.38, 0.3), seeds(0.3, 0.3), 0.1)
    assert not unsure.damaged and not unsure.cleared
    assert damage(np.array([np.nan, 1.0]), np.zeros(2), 0.1).damaged


def test_equal_retain_loss_takes_out_what_damage_explains():
    retain_S, other_S = seeds(0.55, 0.2), seeds(0.5, 0.2)
    noise_S = 0.001 * RNG.standard_normal(8)
    forget_S = 1.0 + 0.7 + 3 * (retain_S - other_S) + noise_S
    found = difference_at_equal_retain(forget_S, np.ones(8), retain_S, other_S)
    assert found.value == pytest.approx(0.7, abs=0.003) and found.low < 0.7 < found.high
    slope = stats.linregress(retain_S - other_S, forget_S - 1)
    half = slope.intercept_stderr * stats.t.ppf(0.975, 6)
    assert found.high - found.low == pytest.approx(2 * half)


def test_equal_retain_loss_that_no_seed_shows_is_extrapolated_and_left_open():
    retain_S = 2 + 0.1 * RNG.random(8)
    found = difference_at_equal_retain(seeds(1), seeds(0.5), retain_S, np.ones(8))
    assert not found.bounded and "extrapolated" in found.why


def test_equal_retain_loss_edges():
    same_S = np.ones(8)
    assert difference_at_equal_retain(seeds(1), seeds(0.5), same_S, same_S).bounded
    few = difference_at_equal_retain(*(np.arange(3.0) * k for k in (1, 2, 3, 4)))
    assert np.isnan(few.value) and "4 seeds" in few.why
