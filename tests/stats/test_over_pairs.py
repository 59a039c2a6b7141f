import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.intervals import mean_t
from absorb.stats.over_pairs import mean_over_pairs, pair_table


def test_the_mean_leaves_the_diagonal_out():
    pair_RR = pair_table(lambda i, j: float(i + j), 4)
    assert np.isnan(np.diag(pair_RR)).all() and (pair_RR[3, 1], pair_RR[1, 3]) == (4, 4)
    assert mean_over_pairs(pair_RR).value == pytest.approx(3)


def test_pairs_that_are_sums_of_their_runs_have_the_interval_of_the_runs():
    x_R = np.array([1.0, 2.0, 4.0, 7.0, 11.0])
    pair_RR = pair_table(lambda i, j: (x_R[i] + x_R[j]) / 2, 5)
    assert mean_over_pairs(pair_RR)[:4] == pytest.approx(mean_t(x_R)[:4])


def test_the_interval_covers_though_runs_are_shared_by_pairs():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        x_R = rng.exponential(1.0, 8) ** 0.5
        pair_RR = pair_table(lambda i, j, x_R=x_R: x_R[i] * x_R[j], 8)
        covered += not mean_over_pairs(pair_RR).excludes(np.pi / 4)
    assert covered >= 180  # 190 expected; three standard deviations are 9


def test_a_pair_without_a_value_makes_the_mean_undefined():
    pair_RR = np.ones((4, 4))
    pair_RR[1, 2] = pair_RR[2, 1] = np.nan
    assert np.isnan(mean_over_pairs(pair_RR).value) and not mean_over_pairs(pair_RR).bounded


def test_two_runs_give_a_value_and_no_interval():
    found = mean_over_pairs(np.ones((2, 2)))
    assert found.value == 1 and not found.bounded


@pytest.mark.parametrize("shape", [(3,), (3, 4)])
def test_a_table_that_is_not_square_is_refused(shape):
    with pytest.raises(AbsorbError, match="pair_RR"):
        mean_over_pairs(np.zeros(shape))
