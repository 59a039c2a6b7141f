"""The two ways to a root, on fields whose roots and flows are known."""

import numpy as np
import pytest

from absorb.dynamics.roots import Field, Root, distinct, followed, reached, solved
from absorb.stats.planted_dynamics import Coupled

WELL = Field(lambda x_P: x_P**3 - x_P, lambda x_P: np.diag(3 * x_P**2 - 1))
JUMP = Field(
    lambda x_P: x_P + np.where(x_P < 0, -1, 1), lambda x_P: np.eye(len(x_P))
)  # rests on its jump


def linear(matrix) -> Field:
    matrix_PP = np.array(matrix, float)
    return Field(lambda x_P: matrix_PP @ x_P, lambda x_P: matrix_PP)


@pytest.mark.parametrize("start", [-1.7, -0.3, 0.05, 0.9])
def test_the_flow_goes_to_the_well_of_its_start_and_the_solver_where_it_is_near(start):
    there = reached(WELL, np.array([start]))
    assert there.theta_P[0] == pytest.approx(np.sign(start), abs=1e-9) and there.residual < 1e-12
    near = min((-1.0, 0.0, 1.0), key=lambda root: abs(root - start))
    assert solved(WELL, np.array([start])).theta_P[0] == pytest.approx(near, abs=1e-9)


def test_a_root_that_every_flow_leaves_is_found_by_the_solver_alone():
    """Two convex losses, each trains one parameter: (3, 3) has λ = −2."""
    start_P = np.array([0.7, -0.2])
    for case, drawn in ((Coupled(3, 3), False), (Coupled(0.5, 0.5), True)):
        of_case = linear(case.jacobian)
        np.testing.assert_allclose(solved(of_case, start_P).theta_P, 0, atol=1e-12)
        assert (reached(of_case, start_P).residual <= 1e-9) == drawn


def test_along_a_line_the_flow_keeps_what_it_conserves():
    """F = (2, 1)(a + c): a − 2c never changes."""
    root = reached(linear([[2, 2], [1, 1]]), np.array([1.0, 0.5]))
    np.testing.assert_allclose(root.theta_P, [0.0, 0.0], atol=2e-3)
    assert abs(root.theta_P.sum()) < 1e-12


def test_what_rests_on_a_jump_is_no_root():
    root = reached(JUMP, np.array([0.8]))
    assert abs(root.theta_P[0]) < 0.01 and root.residual > 0.9
    assert solved(JUMP, np.array([0.8])).residual > 0.9


def test_where_the_field_is_not_finite_there_is_no_root():
    broken = Field(lambda x_P: x_P * np.nan, lambda x_P: np.full((1, 1), np.nan))
    assert np.isnan(solved(broken, np.ones(1)).residual)
    assert np.isnan(reached(broken, np.ones(1)).residual)
    cliff = Field(lambda x_P: np.where(x_P > 1, 1.0, np.nan), lambda x_P: np.eye(1) * 1e-3)
    assert not solved(cliff, np.full(1, 2.0)).residual <= 1e-9
    assert not reached(cliff, np.full(1, 2.0)).residual <= 1e-9


def test_a_flow_is_no_longer_than_it_may_be():
    turn = linear([[0, -1], [1, 0]])
    short = followed(turn, np.array([1.0, 0.0]), steps=3)
    assert np.linalg.norm(short) == pytest.approx(1, abs=0.01)
    assert abs(short[1]) < 0.05  # it turned by next to nothing; in ten steps by a half


def test_near_roots_are_one_and_the_better_stands_for_them():
    roots = [Root(np.array([x]), r) for x, r in [(1.0, 1e-9), (1.0 + 1e-7, 1e-12), (2.0, 0.0)]]
    groups = distinct(roots, apart=1e-5)
    assert [[r.residual for r in group] for group in groups] == [[0.0], [1e-12, 1e-9]]
    assert len(distinct(roots, apart=1e-8)) == 3
    far = [Root(1e3 * root.theta_P, 0.0) for root in roots]
    assert len(distinct(far, apart=1e-5)) == 2  # apart is relative to the point's own length
