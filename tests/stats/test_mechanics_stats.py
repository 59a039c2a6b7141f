"""Slopes of planted growth, gains of planted shares, and distances of planted rotations."""

import numpy as np
import pytest

from absorb.stats.mechanics import (
    credit_share,
    gain,
    probe_absorption,
    reinforcement,
    rotation,
    share,
)


def grown(depth: int, steps: int = 4000, every: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """A product of balanced factors that learns a slope of 1: strength and residual by look."""
    s, strength = 1e-3, []
    for _ in range(steps):
        strength.append(s)
        s += 5e-3 * depth * s ** (2 - 2 / depth) * (1 - s)
    s_E = np.array(strength[::every])
    return s_E, 1 - s_E


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_slope_tells_how_many_factors_there_are(depth):
    assert reinforcement(*grown(depth)) == pytest.approx(2 - 2 / depth, abs=0.02)


def test_a_strength_that_never_grows_has_no_slope():
    assert np.isnan(reinforcement(np.linspace(1, 0.1, 20), np.ones(20)))
    assert np.isnan(reinforcement(np.full(20, 0.3), np.ones(20)))


def test_noise_in_the_strength_is_no_reinforcement():
    """Growth that does not hang on strength has slope 0, on average."""
    rng = np.random.default_rng(0)
    slopes = [reinforcement(np.cumsum(rng.uniform(0.5, 1.5, 40)), np.ones(40)) for _ in range(300)]
    error = np.std(slopes) / np.sqrt(len(slopes))
    assert abs(np.mean(slopes)) < 4 * error < 0.05


def test_a_share_of_nothing_is_unknown():
    got_E = share(np.array([0.0, 1, 2]), np.array([0.0, 4, 2]))
    assert np.isnan(got_E[0]) and got_E[1] == 0.25 and got_E[2] == 1


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.7])
def test_the_gain_is_what_is_left_of_a_difference(kept):
    rng = np.random.default_rng(1)
    base_SE = rng.normal(0.5, 0.1, (10, 6))
    lift_SE = np.zeros((10, 6))
    lift_SE[:, 2], lift_SE[:, -1] = 0.1, 0.1 * kept
    found = gain(base_SE - lift_SE, base_SE + lift_SE, 2)
    assert found.value == pytest.approx(kept, abs=1e-9)
    assert found.low <= kept + 1e-9 and found.high >= kept - 1e-9


def test_probe_absorption_runs_from_hard_to_full():
    rng = np.random.default_rng(2)
    hard_S = 0.3 + 0.01 * rng.standard_normal(10)
    full_S = 0.1 + 0.01 * rng.standard_normal(10)
    assert probe_absorption(hard_S, hard_S, full_S).value == 0
    assert probe_absorption(full_S, hard_S, full_S).value == pytest.approx(1)
    half = probe_absorption((hard_S + full_S) / 2, hard_S, full_S)
    assert half.value == pytest.approx(0.5) and half.low > 0.4


def test_the_credit_of_unlabelled_data_is_shared_out():
    credit_SKG = np.zeros((10, 3, 4))
    credit_SKG[:, 0], credit_SKG[:, 2] = -7, 5  # of others, which do not count
    credit_SKG[:, 1] = [-3, -1, -0.5, -0.5]
    assert credit_share(credit_SKG).value == pytest.approx(3 / 5)


def test_a_rotation_is_no_other_structure_and_fewer_dimensions_are():
    rng = np.random.default_rng(3)
    common_NU = rng.standard_normal((40, 6))

    def seeds(scale_U):
        made = []
        for _ in range(12):
            turn_UU = np.linalg.qr(rng.standard_normal((6, 6)))[0]
            own_NU = rng.standard_normal((40, 6))
            made.append((common_NU + 0.5 * own_NU) * scale_U @ turn_UU)
        return np.array(made)

    plain_SNU = seeds(np.ones(6))
    same = rotation(seeds(np.ones(6)), plain_SNU)
    other = rotation(seeds(np.array([1, 1, 0.1, 0.1, 0.1, 0.1])), plain_SNU)
    assert same.low < 1 < same.high and same.high - same.low < 0.3
    assert other.low > 1.3
