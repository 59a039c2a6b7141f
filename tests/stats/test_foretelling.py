import numpy as np
import pytest

from absorb.stats.foretelling import foretelling

RNG = np.random.default_rng(0)


def test_ranks_are_those_of_each_seed_and_not_of_all_runs_together():
    """Seeds far apart, the order of the cells reversed in each: −1, though pooled it is near 1."""
    level_S1 = 100.0 * np.arange(5)[:, None]
    early_SC = level_S1 + np.arange(6)
    found = foretelling(early_SC, level_S1 + np.arange(6)[::-1])
    assert found.value == pytest.approx(-1) and found.n == 5


def test_any_growing_function_ranks_alike():
    early_SC = RNG.standard_normal((4, 7))
    assert foretelling(early_SC, np.exp(5 * early_SC)).value == pytest.approx(1)


def test_unrelated_measures_foretell_nothing():
    missed = [foretelling(*RNG.standard_normal((2, 10, 15))).excludes(0) for _ in range(300)]
    assert np.mean(missed) < 0.09  # 5 % and three standard errors


def test_what_cannot_be_ranked_says_why():
    assert "fewer than 4" in foretelling(np.ones((3, 3)), np.ones((3, 3))).why
    same_SC = np.ones((3, 5))
    assert "alike" in foretelling(same_SC, RNG.standard_normal((3, 5))).why
    assert np.isnan(foretelling(np.full((3, 5), np.nan), RNG.standard_normal((3, 5))).value)
