import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.frontier import best_crossed, best_within, frontier, halves, undominated


def by_hand(cost_C, gain_C):
    return {
        c
        for c in range(len(cost_C))
        if not any(
            cost_C[o] <= cost_C[c] and gain_C[o] >= gain_C[c]
            and (cost_C[o] < cost_C[c] or gain_C[o] > gain_C[c])
            for o in range(len(cost_C))
        )
    }  # fmt: skip


def test_the_undominated_are_those_that_no_other_beats():
    rng = np.random.default_rng(0)
    for _ in range(50):
        cost_C, gain_C = rng.random((2, 12))
        found = undominated(cost_C, gain_C)
        assert set(found) == by_hand(cost_C, gain_C)
        assert (np.diff(cost_C[found]) > 0).all() and (np.diff(gain_C[found]) > 0).all()


def test_of_equal_configs_one_stands_and_what_is_not_finite_never():
    cost_C = np.array([1.0, 1.0, np.nan, 2.0])
    gain_C = np.array([3.0, 3.0, 9.0, np.nan])
    assert undominated(cost_C, gain_C).tolist() == [0]


def test_the_halves_share_no_seed_and_leave_none_out():
    parts = halves([5, 3, 9, 1, 7])
    assert sorted([*parts.select, *parts.report]) == [0, 1, 2, 3, 4]
    assert len(parts.report) == 3 and parts.select.tolist() == [1, 4]  # the seeds 3 and 7
    with pytest.raises(AbsorbError, match="two or more"):
        halves([4])


def test_selection_looks_at_one_half_and_the_report_at_the_other():
    parts = halves(range(4))
    cost_CS = np.array([[1.0, 1, 1, 1], [2, 2, 2, 2]])
    gain_CS = np.array([[5.0, 1, 7, 1], [0, 2, 0, 2]])
    found = frontier(cost_CS, gain_CS, parts)
    assert [point.config for point in found] == [0, 1]
    assert [point.gain.value for point in found] == [6.0, 0.0]
    assert frontier(cost_CS, gain_CS[:, ::-1], parts)[0].config == 0


def test_the_best_of_many_equal_configs_is_reported_without_flattery():
    rng, reported, selected = np.random.default_rng(0), [], []
    parts = halves(range(6))
    for _ in range(200):
        gain_CS = rng.standard_normal((20, 6))
        cost_CS = np.ones((20, 6)) + np.zeros((20, 1))
        point = frontier(cost_CS, gain_CS, parts)[-1]
        reported.append(point.gain.value)
        selected.append(gain_CS[point.config, parts.select].mean())
    assert abs(np.mean(reported)) < 4 / np.sqrt(200 * 3)
    assert np.mean(selected) > 0.8


def test_the_best_within_a_bound_keeps_to_it():
    cost_C, gain_C = np.array([1.0, 1.2, 3.0]), np.array([0.5, 0.9, 7.0])
    assert best_within(cost_C, gain_C, 1.5) == 1
    assert best_within(cost_C, gain_C, 0.5) is None
    assert best_within(cost_C, np.array([0.5, np.nan, 7.0]), 1.5) == 0


def test_each_half_reports_what_the_other_chose():
    parts = halves(range(4))
    cost_CS, gain_CS = np.zeros((2, 4)), np.zeros((2, 4))
    gain_CS[0, parts.select], gain_CS[1, parts.report] = 5.0, 7.0  # each half likes its own config
    assert best_crossed(cost_CS, gain_CS, 0.0, -1.0).tolist() == [0.0] * 4
    gain_CS[0] = 9.0
    assert best_crossed(cost_CS, gain_CS, 0.0, -1.0).tolist() == [9.0] * 4
    assert best_crossed(cost_CS + 1, gain_CS, 0.0, -1.0).tolist() == [-1.0] * 4
    told_CS = np.arange(gain_CS.size).reshape(gain_CS.shape)
    found = (
        best_crossed(cost_CS, gain_CS, 0.0, -1.0),
        best_crossed(cost_CS, gain_CS, 0.0, -1.0, told_CS),
    )
    assert all(gain_CS.ravel()[int(k)] == gain for gain, k in zip(*found, strict=True))
    assert len(set(found[1])) == 4  # each seed's own
