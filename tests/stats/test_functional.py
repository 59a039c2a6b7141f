"""Functions compared prediction by prediction: planted agreement, chance, and peers."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import cohen_kappa_score

from absorb.errors import AbsorbError
from absorb.stats.functional import disagreement, error_consistency, jensen_shannon
from absorb.stats.over_pairs import mean_over_pairs


def drawn(runs: int = 4, examples: int = 30, classes: int = 5) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(classes), (runs, examples))


def sure(class_RN: np.ndarray) -> np.ndarray:
    return np.eye(class_RN.max() + 1)[class_RN]


def test_disagreement_counts_examples():
    class_RN = np.array([[0, 1, 2, 2], [0, 1, 1, 0], [0, 1, 2, 2]])
    found_RR = disagreement(sure(class_RN))
    assert (found_RR[0, 1], found_RR[1, 2], found_RR[0, 2]) == (0.5, 0.5, 0)
    assert np.isnan(np.diag(found_RR)).all() and (found_RR.T[0, 1] == 0.5)


def test_jensen_shannon_is_scipys_squared_in_nats():
    prob_RNC = drawn()
    each = [jensenshannon(p_C, q_C) ** 2 for p_C, q_C in zip(*prob_RNC[:2], strict=True)]
    assert jensen_shannon(prob_RNC)[0, 1] == pytest.approx(np.mean(each), rel=1e-12)


def test_jensen_shannon_is_zero_for_equal_and_ln_2_for_disjoint_predictions():
    prob_RNC = drawn(2)
    assert jensen_shannon(prob_RNC[[0, 0]])[0, 1] == 0
    apart_RNC = sure(np.array([[0, 1, 2], [1, 2, 0]]))
    assert jensen_shannon(apart_RNC)[0, 1] == pytest.approx(np.log(2), rel=1e-15)


def test_probabilities_that_sum_to_one_roughly_are_made_to():
    prob_RNC = drawn()
    rough_RNC = prob_RNC * np.array([1.0005, 0.9995, 1, 1])[:, None, None]
    np.testing.assert_allclose(jensen_shannon(rough_RNC), jensen_shannon(prob_RNC), rtol=1e-12)


def test_what_order_classes_and_examples_have_does_not_matter():
    prob_RNC = drawn()
    moved_RNC = prob_RNC[:, ::-1, [3, 0, 4, 1, 2]]
    for measure in (disagreement, jensen_shannon):
        np.testing.assert_allclose(measure(moved_RNC), measure(prob_RNC), rtol=1e-12)


def test_error_consistency_is_cohens_kappa_of_being_right():
    correct_RN = np.random.default_rng(1).random((3, 50)) < [[0.9], [0.6], [0.3]]
    found_RR = error_consistency(correct_RN)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected = cohen_kappa_score(correct_RN[i], correct_RN[j])
        assert found_RR[i, j] == pytest.approx(expected, rel=1e-12)


def test_error_consistency_of_shared_and_of_opposite_errors():
    half_N = np.arange(10) < 5
    found_RR = error_consistency(np.stack([half_N, half_N, ~half_N]))
    assert (found_RR[0, 1], found_RR[0, 2]) == (1, -1)


def test_independent_errors_are_consistent_by_chance_only():
    rng, covered, value = np.random.default_rng(2), 0, []
    for _ in range(100):
        found = mean_over_pairs(error_consistency(rng.random((6, 300)) < 0.8))
        covered, value = covered + (not found.excludes(0)), [*value, found.value]
    assert abs(np.mean(value)) < 3 * np.std(value) / 10
    assert covered >= 88  # 95 expected; three standard deviations are 6.5


def test_errors_that_hard_examples_share_are_consistent_to_their_degree():
    rng = np.random.default_rng(3)
    hard_N = rng.random(4000) < 0.3  # of these every run misses half, of the others none
    correct_RN = ~hard_N | (rng.random((5, 4000)) < 0.5)
    agree, chance = 0.7 + 0.3 * 0.5, 0.85**2 + 0.15**2
    expected = (agree - chance) / (1 - chance)
    assert mean_over_pairs(error_consistency(correct_RN)).value == pytest.approx(expected, abs=0.04)


def test_runs_that_are_never_wrong_have_no_consistency():
    found_RR = error_consistency(np.ones((2, 5)))
    assert np.isnan(found_RR[0, 1]) and np.isnan(mean_over_pairs(found_RR).value)


@pytest.mark.parametrize(
    ("prob_RNC", "said"),
    [
        (np.ones((2, 3)), "shape"),
        (np.ones((2, 3, 4)), "miss 1 by up to 3"),
        (np.full((2, 3, 4), np.nan), "not a number"),
        (np.array([[[1.5, -0.5]]]), "negative"),
    ],
)
def test_what_is_no_probability_is_refused(prob_RNC, said):
    with pytest.raises(AbsorbError, match=said):
        disagreement(prob_RNC)


@pytest.mark.parametrize("correct_RN", [np.ones(3), np.full((2, 3), 0.5), np.ones((2, 0))])
def test_what_is_not_right_or_wrong_is_refused(correct_RN):
    with pytest.raises(AbsorbError, match="correct_RN"):
        error_consistency(correct_RN)
