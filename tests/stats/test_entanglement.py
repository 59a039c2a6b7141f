"""Frontiers with a known hypervolume, known entanglement between planted controls."""

import moocore
import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.entanglement import ent_raw, entanglement, least_loss
from absorb.stats.hypervolume import best_b, hypervolume, slopes, volume, widened
from absorb.stats.intervals import Interval, mean_t, unclosed
from absorb.stats.planted import ABLE, at_bound

M = 10
GRID_C = np.arange(M) / M  # configs evenly spaced in a


def arm(cost: float, seeds: int = 6, noise: float = 0.0, rng=None):
    """A frontier b = 1 − cost (1 − a): 0 separable, 1 the diagonal, above 1 antagonistic."""
    shape = (2, M, seeds)
    a_C, b_C = GRID_C, 1 - cost * (1 - GRID_C)
    error = noise * rng.standard_normal(shape) if rng is not None else np.zeros(shape)
    return a_C[:, None] + error[0], b_C[:, None] + error[1]


def area(a_C, b_C):
    """∫₀¹ b* dα by the definition, on a fine grid of middles."""
    alpha_G = (np.arange(20_000) + 0.5) / 20_000
    return best_b(a_C, b_C, alpha_G).mean()


def test_the_published_fixture_of_the_hypervolume():
    points = [[5, 5], [4, 6], [2, 7], [7, 4]]
    assert moocore.hypervolume(points, ref=[10, 10]) == 38
    assert moocore.hypervolume(points, ref=0, maximise=True) == 39


def test_the_hypervolume_is_the_integral_of_the_frontier():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a_C, b_C = rng.uniform(-0.3, 1.3, (2, 12))
        assert hypervolume(a_C, b_C) == pytest.approx(area(a_C, b_C), abs=2e-4)


def test_the_frontier_takes_the_best_that_is_able_to_no_more_and_never_less_than_nothing():
    a_C, b_C = np.array([0.4, 0.2, -0.1, np.nan]), np.array([0.9, 0.5, -0.2, 2.0])
    assert best_b(a_C, b_C, np.array([0.0, 0.2, 0.3, 0.4, 1.0])).tolist() == [0, 0.5, 0.5, 0.9, 0.9]
    assert hypervolume(np.array([np.nan]), np.array([1.0])) == 0


def test_slopes_are_the_derivatives_of_the_hypervolume():
    a_K, b_K = np.array([0.1, 0.4, 0.7]), np.array([0.2, 0.5, 1.1])
    da_K, db_K = slopes(a_K, b_K)
    for k, move in enumerate(np.eye(3) * 1e-6):
        assert hypervolume(a_K + move, b_K) - hypervolume(a_K, b_K) == pytest.approx(
            1e-6 * da_K[k], abs=1e-11
        )
        assert hypervolume(a_K, b_K + move) - hypervolume(a_K, b_K) == pytest.approx(
            1e-6 * db_K[k], abs=1e-11
        )


@pytest.mark.parametrize("cost", [0.0, 0.4, 1.0])
def test_entanglement_is_the_planted_one_whatever_the_steps_cost(cost):
    found = entanglement(arm(cost), arm(0.0), arm(1.0))
    assert found.ent.value == pytest.approx(cost)
    assert found.raw.value == pytest.approx(cost * (1 + 1 / M), abs=1e-9)


def test_antagonistic_tasks_lie_above_one_and_the_trivial_network_bounds_them():
    found = entanglement(arm(1.3), arm(0.0), arm(1.0))
    assert found.ent.value == pytest.approx(2 * (1 - 1 / 2.6), abs=0.03)  # b falls to 0 at a = 3/13
    assert ent_raw(volume(*arm(50.0))).value == pytest.approx(2.0)


def test_the_interval_covers_and_two_independent_tasks_are_not_called_entangled():
    rng = np.random.default_rng(1)
    for truth in (0.0, 0.5, 1.0):
        found = [
            entanglement(
                arm(truth, 10, 0.03, rng), arm(0, 10, 0.03, rng), arm(1, 10, 0.03, rng)
            ).ent
            for _ in range(100)
        ]
        covered = sum(not ent.excludes(truth) for ent in found)
        assert covered >= 88, (truth, covered)  # 95 % of 100, less three standard errors
        assert np.mean([ent.value for ent in found]) == pytest.approx(truth, abs=0.03)


def test_a_capability_below_0_by_chance_is_not_known_to_be_0():
    a_S, one_S = np.array([-0.39, 0.9, -0.67, -0.46, -0.97, -0.26, 0.2, -0.41]), np.ones(8)
    found, open_end = volume(a_S[None], one_S[None]).value, mean_t(a_S).high
    assert open_end > 0 and (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(1 - open_end)
    below = volume(a_S[None] - 1.0, one_S[None]).value  # all of its interval is below 0
    assert (below.low, below.high) == (1.0, 1.0)


def test_a_capability_above_1_or_b_below_0_may_be_worth_something():
    above_S, worth_S = np.array([1.5, 1.4, 0.7, 0.9, 1.4, 1.2]), np.full(6, 0.8)
    found = volume(above_S[None], worth_S[None]).value
    assert found.low == 0 and found.high == pytest.approx(0.8 * (1 - mean_t(above_S).low))
    nothing_S, b_S = np.zeros(6), np.array([-0.3, 0.1, -0.4, -0.2, 0.3, 0.0])
    found = volume(nothing_S[None], b_S[None]).value
    assert found.low == 0 and found.high == pytest.approx(mean_t(b_S).high)


def test_an_interval_that_another_leaves_open_is_open():
    value = Interval(0.5, 0.4, 0.6, 5)
    assert widened(value, value, value) == value
    found = widened(value, value._replace(low=-0.1), value._replace(high=0.7))
    assert found == value._replace(low=-0.1, high=0.7)
    found = widened(value, unclosed(0.5, 5, "too few"), value)
    assert not found.bounded and found.why == "too few" and found[:3] == (0.5, -np.inf, 0.6)


def test_the_interval_at_a_bound_covers_as_it_says():
    rng = np.random.default_rng(5)
    for seeds in (5, 10):
        found = [at_bound(rng, seeds) for _ in range(400)]
        covered = np.mean([not one.excludes(2 * ABLE) for one in found])
        assert covered > 0.9, (seeds, covered)  # .82 and .84 without scatter at the bound


def test_no_seed_reports_a_config_that_it_chose():
    """The best of many equal configs is luck: the union over seeds reads it as skill."""
    rng = np.random.default_rng(2)
    honest, union = [], []
    for _ in range(50):
        a_CS, b_CS = np.zeros((40, 6)), 0.5 + 0.2 * rng.standard_normal((40, 6))
        honest.append(volume(a_CS, b_CS).value.value)
        union.append(hypervolume(a_CS.ravel(), b_CS.ravel()))
    assert np.mean(honest) == pytest.approx(0.5, abs=3 * 0.2 / np.sqrt(50 * 3))
    assert np.mean(union) > 0.9


def test_controls_that_cannot_be_told_apart_give_no_ratio():
    rng = np.random.default_rng(3)
    found = entanglement(arm(0.5, 8, 0.1, rng), arm(0.5, 8, 0.1, rng), arm(0.5, 8, 0.1, rng))
    assert np.isnan(found.ent.value) and "told apart" in found.ent.why
    assert found.raw.bounded


def test_what_is_not_finite_is_never_chosen_and_a_chosen_one_that_fails_is_said():
    a_CS, b_CS = arm(0.4)
    b_CS[3] = np.nan
    assert np.isfinite(volume(a_CS, b_CS).value.value)
    a_CS, b_CS = arm(0.4)
    a_CS[5, 0] = np.inf
    hv = volume(a_CS, b_CS)
    assert np.isnan(hv.value.value) and np.isnan(ent_raw(hv).value)


@pytest.mark.parametrize("bad", [arm(1.0, seeds=3), (np.ones((3, 5)), np.ones((3, 6)))])
def test_too_few_seeds_and_shapes_that_differ_are_refused(bad):
    with pytest.raises(AbsorbError, match="a_CS, b_CS: shapes"):
        volume(*bad)


def test_every_arm_is_searched_with_as_many_configs():
    with pytest.raises(AbsorbError, match="must agree"):
        entanglement(arm(0.5), arm(0.0), tuple(x[:5] for x in arm(1.0)))


def test_least_loss_chooses_on_one_half_and_reports_on_the_other():
    elicited_CS = np.array([[1.0, 1, 1, 1], [2, 2.2, 2, 2.2], [3, 3, 3, 3]])
    loss_CS = np.array([[0.1, 0.1, 0.1, 0.1], [0.5, 0.2, 0.5, 0.2], [0.9, 0.9, 0.9, 0.9]])
    low, mid, none = least_loss(elicited_CS, loss_CS, np.array([0.5, 2.1, 4.0]))
    assert (low.config, low.loss.value) == (0, pytest.approx(0.1))
    assert (mid.config, mid.loss.value, mid.elicited.value) == (1, pytest.approx(0.5), 2.0)
    assert none.config is None and np.isnan(none.loss.value) and "reaches" in none.loss.why


def test_where_no_config_has_a_scale_the_volume_is_undefined_and_not_0():
    b_CS = np.linspace(0.2, 0.9, 12).reshape(3, 4)
    found = volume(np.full((3, 4), np.nan), b_CS)
    assert np.isnan(found.value.value) and np.isnan(found.seeds.value_S).all() and found.value.why
    a_CS = np.full((3, 4), np.nan)
    a_CS[1] = 0.25  # one config that can be placed is a frontier
    assert volume(a_CS, b_CS).value.value == pytest.approx(0.75 * b_CS[1].mean())
