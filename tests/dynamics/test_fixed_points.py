"""Fixed points by many starts, on fields whose roots are known."""

import jax.numpy as jnp
import numpy as np
import pytest
from quadratics import coupled, quadratic

from absorb.dynamics.field import Term
from absorb.dynamics.fixed_points import fixed_points
from absorb.errors import AbsorbError

LINE = [np.array([x]) for x in np.linspace(-2.05, 2, 12)]
PLANE = list(np.random.default_rng(0).uniform(-2, 2, (30, 2)))


def well(axis: int, psi) -> Term:
    """¼(x² − 1)² in one parameter: minima at ±1, a maximum at 0."""
    return Term(lambda theta_P: (theta_P[axis] ** 2 - 1) ** 2 / 4, jnp.asarray(psi, float))


def sorted_points(search) -> np.ndarray:
    return np.array(sorted(np.asarray(point.theta).round(9).tolist() for point in search.points))


def test_a_double_well_has_exactly_its_fixed_points():
    found = fixed_points([well(0, [1.0])], LINE, rate=0.1)
    np.testing.assert_allclose(sorted_points(found), [[-1], [0], [1]], atol=1e-9)
    assert sum(point.starts for point in found.points) + found.failed == found.starts == 12
    for point in found.points:
        outer = abs(float(point.theta[0])) > 0.5
        assert point.stability.least_real == pytest.approx(2 if outer else -1)
        assert point.stability.unstable == (0 if outer else 1) and point.residual <= 1e-9


def test_two_wells_have_nine_fixed_points_of_which_four_draw():
    found = fixed_points([well(0, (1, 1)), well(1, (1, 1))], PLANE, rate=0.1)
    values = (-1.0, 0.0, 1.0)
    np.testing.assert_allclose(sorted_points(found), [[a, b] for a in values for b in values],
                               atol=1e-9)  # fmt: skip
    assert sorted(p.stability.unstable for p in found.points) == [0] * 4 + [1] * 4 + [2]


def test_a_mask_can_take_the_stability_of_a_minimum_and_keep_the_point():
    found = fixed_points(coupled(3, 3, at=0.5), PLANE, rate=0.1)
    np.testing.assert_allclose(sorted_points(found), [[0.5, 0.5]])
    (point,) = found.points
    np.testing.assert_allclose(point.stability.eigenvalues_P, [-2, 4], atol=1e-9)
    assert point.starts == len(PLANE)


def test_a_line_of_fixed_points_gives_as_many_as_starts_each_neutral_along_it():
    line = [quadratic([[1, 1], [1, 1]], (1, 0.25))]
    found = fixed_points(line, PLANE[:6], rate=0.1)
    assert len(found.points) == 6
    for point in found.points:
        assert abs(float(point.theta.sum())) < 1e-8
        assert (point.stability.neutral, point.stability.unstable) == (1, 0)
        assert point.stability.eigenvalues_P[-1].real == pytest.approx(1.25)


def test_where_nothing_rests_every_start_fails():
    slope = [Term(lambda theta_P: theta_P.sum(), jnp.ones(1))]
    found = fixed_points(slope, LINE[:3], rate=0.1)
    assert found.points == () and (found.starts, found.failed) == (3, 3)


def test_no_start_and_too_many_parameters_are_refused():
    with pytest.raises(AbsorbError, match="starts=\\(\\)"):
        fixed_points([well(0, [1.0])], [], rate=0.1)
    with pytest.raises(AbsorbError, match="starts have 4097 parameters"):
        fixed_points([well(0, np.ones(4097))], [np.zeros(4097)], rate=0.1)
