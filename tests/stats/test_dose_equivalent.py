import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.dose_equivalent import dose_coordinate, dose_equivalent, dose_of_coordinate
from absorb.stats.simulate import dose_world, loss_law

N_G = np.array([0.0, 8, 20, 40, 80, 200, 400, 600, 800])
N = 800.0


def exact(n_eq, spread=0.01, seeds=6):
    rng = np.random.default_rng(0)
    noise_SQ = rng.standard_normal((seeds, len(N_G) + 1))
    noise_SQ -= noise_SQ.mean(axis=0)
    loss_SQ = loss_law(np.append(N_G, n_eq)) + spread * noise_SQ
    return loss_SQ[:, -1], loss_SQ[:, :-1]


def test_the_coordinate_is_log_above_the_least_dose_has_a_place_for_zero_and_turns_back():
    x_G = dose_coordinate(N_G, 8.0)
    assert x_G[0] == -1 and x_G[1] == 0 and x_G[4] == pytest.approx(np.log(10))
    assert [dose_of_coordinate(x, 8.0) for x in x_G] == pytest.approx(N_G)


@pytest.mark.parametrize("n_eq", [20.0, 80.0, 400.0])
def test_a_dose_on_the_grid_is_found_exactly(n_eq):
    found = dose_equivalent(*exact(n_eq), N_G, 0.5, N)
    assert found.n_eq.value == pytest.approx(n_eq)
    assert found.a_dose.value == pytest.approx(1 - n_eq / 400)
    assert found.a_dose.low < found.a_dose.value < found.a_dose.high


@pytest.mark.parametrize("n_eq", [28.0, 130.0, 300.0])
def test_a_dose_between_the_grid_is_found_within_five_percent(n_eq):
    found = dose_equivalent(*exact(n_eq), N_G, 0.5, N)
    assert found.n_eq.value == pytest.approx(n_eq, rel=0.05)


def test_filtered_networks_read_zero():
    reads = []
    rng = np.random.default_rng(0)
    for _ in range(100):
        world = dose_world(rng, 10, N_G, 200.0)
        reads.append(dose_equivalent(world.route_S, world.std_SG, N_G, 0.75, N).a_dose)
    values = np.array([x.value for x in reads])
    assert abs(values.mean()) < 3 * values.std() / 10
    assert sum(not x.excludes(0) for x in reads) >= 88  # 95 expected; below 88 once in 1000


def test_the_very_same_networks_read_exactly_zero():
    std_SG = exact(80.0)[1]
    found = dose_equivalent(std_SG[:, 4], std_SG, N_G, 0.9, N).a_dose
    assert found[:3] == (0, 0, 0)


def test_a_level_that_all_arms_of_a_seed_share_cancels():
    route_S, std_SG = exact(130.0)
    level_S = np.array([0.0, 5.0, -3.0, 2.0, 1.0, 7.0])
    found = dose_equivalent(route_S + level_S, std_SG + level_S[:, None], N_G, 0.5, N).a_dose
    expected = dose_equivalent(route_S, std_SG, N_G, 0.5, N).a_dose
    assert found[:3] == pytest.approx(expected[:3], abs=1e-6)


def test_worse_than_no_forget_data_is_at_least_one():
    route_S, std_SG = exact(0.0)
    found = dose_equivalent(route_S + 1, std_SG, N_G, 0.5, N).a_dose
    assert found.censored == "above" and found.value == 1 == found.low and found.high == np.inf
    assert "above the whole std curve" in found.why


def test_better_than_all_forget_data_is_censored_below():
    route_S, std_SG = exact(800.0)
    found = dose_equivalent(route_S - 1, std_SG, N_G, 0.5, N).a_dose
    assert found.censored == "below" and found.value == -1 == found.high and found.low == -np.inf


def test_under_the_least_dose_only_the_bracket_is_known():
    found = dose_equivalent(*exact(4.0), N_G, 0.5, N)
    assert found.n_eq.low == 0 and found.n_eq.high >= 8 and found.a_dose.high == 1
    assert "bracket" in found.n_eq.why and found.a_dose.bounded


def test_noise_that_lets_a_curve_rise_does_not_stop_it():
    route_S, std_SG = exact(130.0)
    std_SG[:, 7] += 0.3
    found = dose_equivalent(route_S, std_SG, N_G, 0.5, N)
    assert found.n_eq.value == pytest.approx(130, rel=0.05)


def test_undefined_without_unlabelled_data_or_without_an_effect():
    route_S, std_SG = exact(130.0)
    assert "label fraction 1" in dose_equivalent(route_S, std_SG, N_G, 1.0, N).a_dose.why
    flat = dose_equivalent(route_S, std_SG[:, ::-1], N_G, 0.5, N).a_dose
    assert np.isnan(flat.value) and "does not fall" in flat.why
    with pytest.raises(AbsorbError, match="increasing"):
        dose_equivalent(route_S, std_SG, N_G[::-1], 0.5, N)
