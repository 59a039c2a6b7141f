import numpy as np
import pytest

from absorb.stats.relearn import best_by_examples, best_by_steps, flattened

NAN = float("nan")


def test_each_budget_reads_test_where_validation_is_least_so_far():
    validation_AK = np.array([[3.0, 2.0, 2.5], [4.0, 1.9, 1.0]])
    test_AK = np.array([[3.1, 2.1, 0.1], [4.1, 2.9, 1.5]])
    assert best_by_steps(validation_AK, test_AK).tolist() == [3.1, 2.9, 1.5]


def test_no_minimum_is_taken_over_test():
    rng = np.random.default_rng(0)
    test_AK = rng.standard_normal((500, 4))
    found = [best_by_steps(rng.standard_normal((8, 4)), rng.permutation(test_AK)[:8])[-1]
             for _ in range(400)]  # fmt: skip
    assert abs(np.mean(found) - test_AK.mean()) < 4 / np.sqrt(400)


def test_what_is_not_finite_is_never_chosen():
    validation_AK = np.array([[NAN, 1.0], [2.0, -np.inf]])
    test_AK = np.array([[7.0, 5.0], [6.0, 8.0]])
    assert best_by_steps(validation_AK, test_AK).tolist() == [6.0, 5.0]
    assert np.isnan(best_by_steps(np.full((2, 2), NAN), test_AK)).all()


def test_a_budget_of_examples_has_all_rates_and_checkpoints_of_fewer():
    validation_REK = np.array([[[5.0, 4.0], [3.0, 6.0]], [[4.5, 4.6], [9.0, 9.0]]])
    assert best_by_examples(validation_REK, validation_REK * 10).tolist() == [40.0, 30.0]


def test_the_stored_list_comes_back_in_its_shape():
    values = np.arange(2 * 3 * 4.0).reshape(2, 3, 4)
    assert flattened(values.ravel().tolist(), 2, 3) == pytest.approx(values)
    with pytest.raises(ValueError):
        flattened([1.0] * 7, 2, 3)
