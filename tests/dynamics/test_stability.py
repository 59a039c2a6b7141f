"""Stability on planted matrices, whose eigenvalues are known."""

import numpy as np
import pytest
from quadratics import coupled, quadratic, random_terms

from absorb.dynamics.field import field
from absorb.dynamics.stability import interference, of_matrix, stability
from absorb.errors import AbsorbError


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (3, 3), (2, 0.125), (0.5, -2), (-1, -1)])
def test_two_convex_blocks_have_the_eigenvalues_one_plus_minus_root_ab(a, b):
    found = stability(coupled(a, b), np.array([0.7, -0.2]), rate=0.1)
    root = np.sqrt(complex(a * b))
    np.testing.assert_allclose(found.eigenvalues_P, np.sort_complex([1 - root, 1 + root]))
    assert found.least_real == pytest.approx(1 - root.real)
    assert found.multiplier == pytest.approx(max(abs(0.9 + 0.1 * root), abs(0.9 - 0.1 * root)))
    assert found.curl == pytest.approx(abs(a - b) / np.sqrt(2) / np.sqrt(2 + a * a + b * b))


def test_blocks_that_are_each_convex_can_be_unstable_together():
    found = stability(coupled(3, 3), np.zeros(2), rate=0.01)
    np.testing.assert_allclose(found.eigenvalues_P, [-2, 4])
    assert (found.unstable, found.neutral, found.rate_bound) == (1, 0, 0)
    assert found.curl == 0  # a saddle, and still a gradient field
    alone = [stability([term], np.zeros(2), 0.01) for term in coupled(3, 3)]
    assert [a.unstable for a in alone] == [0, 0]


def test_opposite_pushes_turn():
    found = stability(coupled(0.5, -2), np.zeros(2), rate=0.5)
    np.testing.assert_allclose(found.eigenvalues_P, [1 - 1j, 1 + 1j])
    assert found.unstable == 0 and found.rate_bound == pytest.approx(1)
    assert stability(coupled(0.5, -2), np.zeros(2), found.rate_bound).multiplier == (
        pytest.approx(1)
    )


def test_a_pure_rotation_is_all_curl_and_left_at_every_rate():
    game = [quadratic([[0, 1], [1, 0]], (1, 0)), quadratic([[0, -1], [-1, 0]], (0, 1))]
    found = stability(game, np.zeros(2), rate=0.1)
    np.testing.assert_allclose(found.eigenvalues_P, [-1j, 1j], atol=1e-15)
    assert found.curl == 1 and found.rate_bound == 0 and found.unstable == 0
    assert found.multiplier == pytest.approx(np.sqrt(1.01))


def test_a_steps_growth_is_what_the_iteration_shows():
    terms, rate, theta_P = coupled(3, 3), 0.05, np.array([0.3, 0.1])
    predicted = stability(terms, theta_P, rate).multiplier
    for _ in range(60):
        before_P, theta_P = theta_P, theta_P - rate * np.asarray(field(terms, theta_P))
    assert np.linalg.norm(theta_P) / np.linalg.norm(before_P) == pytest.approx(predicted, rel=1e-4)


def test_masks_of_one_do_not_turn_whatever_the_losses():
    terms, theta_P = random_terms(4)
    assert stability([t._replace(psi=np.ones(4)) for t in terms], theta_P, 0.1).curl == 0
    assert stability(terms, theta_P, 0.1).curl > 0.05


def test_scaling_the_losses_changes_the_rate_and_not_the_curl():
    one = of_matrix(j := np.array([[2.0, 1.0], [0.0, 1.0]]), (j - j.T) / 2, rate=0.3)
    ten = of_matrix(10 * j, 5 * (j - j.T), rate=0.03)
    assert ten.curl == pytest.approx(one.curl) and ten.multiplier == pytest.approx(one.multiplier)
    assert ten.rate_bound == pytest.approx(one.rate_bound / 10)


def test_nothing_at_all_is_neutral_and_what_is_not_finite_is_not_judged():
    still = of_matrix(np.zeros((2, 2)), np.zeros((2, 2)), rate=1.0)
    assert still.neutral == 2 and still.rate_bound == np.inf and np.isnan(still.curl)
    broken = of_matrix(np.full((2, 2), np.nan), np.zeros((2, 2)), rate=1.0)
    assert np.isnan(broken.least_real) and np.isnan(broken.eigenvalues_P).all()


def test_interference_is_the_change_of_each_loss_in_a_small_step():
    terms, theta_P = random_terms(4, losses=3)
    matrix = np.asarray(interference(terms, np.float32(theta_P)))
    step_P, eta = np.asarray(field(terms, np.float32(theta_P)), float), 1e-3
    for j, term in enumerate(terms):
        slope = float(term.loss(theta_P + eta * step_P) - term.loss(theta_P - eta * step_P))
        assert slope / (2 * eta) == pytest.approx(matrix[:, j].sum(), rel=1e-2)


def test_losses_of_parameters_of_their_own_do_not_interfere():
    apart = [quadratic(np.diag([1.0, 0]), (1, 1)), quadratic(np.diag([0, 2.0]), (1, 1))]
    matrix = np.asarray(interference(apart, np.array([1.0, 3.0])))
    np.testing.assert_array_equal(matrix, [[1, 0], [0, 36]])


@pytest.mark.parametrize("rate", [0.0, -1.0, np.inf, np.nan])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(AbsorbError, match="rate="):
        stability(coupled(1, 1), np.zeros(2), rate)
