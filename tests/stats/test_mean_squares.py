import numpy as np
import pytest
from scipy import stats

from absorb.stats.mean_squares import combination, ratio

MS_T, DF_T = np.array([6.0, 2.5, 1.0]), (7, 14, 126)


def test_the_interval_of_one_mean_square_is_the_exact_chi_square_interval():
    ends = [7 * 6.0 / stats.chi2.ppf(q, 7) for q in (0.975, 0.025)]
    assert combination(np.array([1, 0, 0]), MS_T, DF_T) == pytest.approx(tuple(ends))


def test_a_difference_is_told_from_zero_exactly_where_the_f_test_says_so():
    critical = stats.f.ppf(0.975, 7, 14)
    for excess in (1e-6, -1e-6):
        ms_T = np.array([2.5 * critical * (1 + excess), 2.5, 1.0])
        assert (combination(np.array([1, -1, 0]), ms_T, DF_T)[0] > 0) == (excess > 0)


def test_turning_the_sign_turns_the_interval():
    weight_T = np.array([0.3, -0.2, 0.1])
    low, high = combination(weight_T, MS_T, DF_T)
    assert combination(-weight_T, MS_T, DF_T) == pytest.approx((-high, -low))


def test_a_ratio_of_two_mean_squares_has_the_exact_f_interval():
    over_T, under_T = np.array([1, 0, 0]), np.array([0, 1, 0])
    ends = [6.0 / 2.5 / stats.f.ppf(q, 7, 14) for q in (0.975, 0.025)]
    assert ratio(over_T, under_T, MS_T, DF_T) == pytest.approx(tuple(ends))


def test_a_ratio_does_not_depend_on_the_unit():
    over_T, under_T = np.array([1, -1, 0]), np.array([1, 2, 3])
    assert ratio(over_T, under_T, 1e-9 * MS_T, DF_T) == pytest.approx(
        ratio(over_T, under_T, MS_T, DF_T)
    )


def test_a_ratio_over_nothing_is_undefined():
    assert np.isnan(ratio(np.ones(3), np.ones(3), np.zeros(3), DF_T)).all()
