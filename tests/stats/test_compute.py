"""Compute-equivalents on laws of loss whose share of training is known."""

import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.compute import training_kept

STEPS_K = np.array([500.0, 1000.0, 1500.0])
SEEDS = 6


def law(share):
    """Retain loss after a share of the training."""
    return 1.0 + 0.3 * np.asarray(share) ** -0.5


def seeds(rng, noise, mean):
    return np.asarray(mean) + noise * rng.standard_normal((SEEDS, *np.shape(mean)))


@pytest.mark.parametrize("share", [1 / 3, 0.45, 0.6, 2 / 3, 0.8, 1.0])
def test_without_noise_the_share_is_the_planted_one(share):
    ordinary_SK = np.tile(law(STEPS_K / 1500), (SEEDS, 1))
    found = training_kept(np.full(SEEDS, law(share)), ordinary_SK, STEPS_K)
    assert found.value == pytest.approx(share, rel=0.01)


def test_beyond_the_lengths_trained_only_the_side_is_known():
    ordinary_SK = np.tile(law(STEPS_K / 1500), (SEEDS, 1))
    worse = training_kept(np.full(SEEDS, law(0.1)), ordinary_SK, STEPS_K)
    better = training_kept(np.full(SEEDS, law(2.0)), ordinary_SK, STEPS_K)
    assert (worse.value, worse.censored, worse.low) == (pytest.approx(1 / 3), "below", 0)
    assert (better.value, better.censored, better.high) == (1, "above", np.inf)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng, held = np.random.default_rng(0), 0
    for _ in range(300):
        ordinary_SK = seeds(rng, 0.01, law(STEPS_K / 1500))
        found = training_kept(seeds(rng, 0.01, law(0.6)), ordinary_SK, STEPS_K)
        held += found.low <= 0.6 <= found.high
    assert 0.91 < held / 300 < 0.99  # four standard errors about .95


def test_what_seeds_share_cancels():
    rng = np.random.default_rng(1)
    level_S = rng.standard_normal(SEEDS)
    ordinary_SK = seeds(rng, 0.002, law(STEPS_K / 1500)) + level_S[:, None]
    found = training_kept(seeds(rng, 0.002, law(0.6)) + level_S, ordinary_SK, STEPS_K)
    assert found.low < 0.6 < found.high and found.high - found.low < 0.1


def test_an_ordinary_network_keeps_everything():
    rng = np.random.default_rng(2)
    ordinary_SK = seeds(rng, 0.01, law(STEPS_K / 1500))
    found = training_kept(seeds(rng, 0.01, law(1.0)), ordinary_SK, STEPS_K)
    assert found.low < 1 and found.high == np.inf


def test_training_that_does_not_help_has_no_equivalents():
    flat_SK = np.tile([1.0, 1.1, 1.2], (SEEDS, 1))
    assert "do not get better" in training_kept(np.ones(SEEDS), flat_SK, STEPS_K).why
    with pytest.raises(AbsorbError, match="two or more increasing lengths"):
        training_kept(np.ones(SEEDS), flat_SK, STEPS_K[::-1])
    bad_SK = np.where(np.arange(SEEDS)[:, None] == 2, np.nan, law(STEPS_K / 1500))
    assert "1 of 6 seeds" in training_kept(np.ones(SEEDS), bad_SK, STEPS_K).why
