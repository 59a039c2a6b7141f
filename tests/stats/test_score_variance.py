"""Variance over runs with a planted size, on a test set whose noise is larger."""

from itertools import combinations

import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.score_variance import score_variance, split_half


def drawn(rng: np.random.Generator, runs: int, examples: int, sd: float) -> np.ndarray:
    """Scores whose runs differ by `sd`, on examples that differ, with noise of its own in each."""
    run_R1, example_N = sd * rng.standard_normal((runs, 1)), rng.standard_normal(examples)
    return run_R1 + example_N + rng.standard_normal((runs, examples))


def test_the_closed_form_is_the_mean_over_all_splits():
    score_RN = drawn(np.random.default_rng(0), 5, 8, 1.0)
    halves = [np.isin(np.arange(8), chosen) for chosen in combinations(range(8), 4)]
    mean = np.mean([split_half(score_RN, first_N) for first_N in halves])
    assert score_variance(score_RN).distribution.value == pytest.approx(mean, rel=1e-12)


def test_a_split_is_the_covariance_of_the_parts():
    score_RN = np.array([[1, 3, 0, 0], [2, 2, 1, 3], [5, 3, 4, 0]], float)
    first_N = np.array([True, True, False, False])
    assert split_half(score_RN, first_N) == pytest.approx(2 / 3)  # of 2, 2, 4 and 0, 2, 2


def test_it_is_the_component_of_a_two_way_analysis_of_variance():
    score_RN = drawn(np.random.default_rng(1), 6, 9, 0.5)
    rest_RN = score_RN - score_RN.mean(0) - score_RN.mean(1, keepdims=True) + score_RN.mean()
    ms_runs, ms_rest = 9 * score_RN.mean(1).var(ddof=1), (rest_RN**2).sum() / (5 * 8)
    found = score_variance(score_RN)
    assert found.distribution.value == pytest.approx((ms_runs - ms_rest) / 9, rel=1e-12)
    assert found.noise == pytest.approx(ms_rest / 9, rel=1e-12)


def test_what_examples_and_runs_have_in_common_does_not_matter():
    score_RN = drawn(np.random.default_rng(2), 5, 20, 0.5)
    shifted_RN = 3 * (score_RN + 10 * np.arange(20))
    assert score_variance(shifted_RN).distribution[:3] == pytest.approx(
        9 * np.array(score_variance(score_RN).distribution[:3])
    )


@pytest.mark.parametrize("sd", [0.0, 0.1, 0.5])
def test_the_planted_variance_is_recovered_without_bias_and_covered(sd):
    rng = np.random.default_rng(3)
    found = [score_variance(drawn(rng, 8, 100, sd)) for _ in range(400)]
    value = np.array([f.distribution.value for f in found])
    assert abs(value.mean() - sd**2) < 3 * value.std() / 20
    assert np.mean([f.naive for f in found]) > sd**2 + 0.008  # the test set's noise is 0.01
    assert sum(not f.distribution.excludes(sd**2) for f in found) >= 367  # 380 expected, sd 4.4


def test_runs_that_are_truly_equal_are_called_different_as_seldom_as_stated():
    rng = np.random.default_rng(4)
    chance_N = rng.beta(2, 0.5, 100)  # right or wrong by chance, on easy and hard examples
    found = [score_variance(rng.random((8, 100)) < chance_N).distribution for _ in range(400)]
    assert sum(f.low > 0 for f in found) <= 20  # 10 expected; three standard deviations are 10


def test_equal_means_leave_the_interval_open():
    found = score_variance(np.array([[0, 1, 1], [1, 1, 0.0], [1, 0, 1]])).distribution
    assert found.value < 0 and not found.bounded and "same mean" in found.why
    assert score_variance(np.ones((3, 4))).distribution.value == 0


def test_a_run_that_is_not_finite_is_reported():
    score_RN = np.ones((3, 4))
    score_RN[1, 2] = np.inf
    found = score_variance(score_RN).distribution
    assert np.isnan(found.value) and "1 of 3 runs" in found.why
    assert "one run" in score_variance(np.ones((1, 4))).distribution.why


def test_what_has_no_halves_is_refused():
    with pytest.raises(AbsorbError, match="score_RN"):
        score_variance(np.ones((3, 1)))
    with pytest.raises(AbsorbError, match="first_N: 4 of 4"):
        split_half(np.ones((3, 4)), np.ones(4, bool))
