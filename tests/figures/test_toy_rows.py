"""Which planted runs make a study, which one is the best, and when a sweep is unfinished."""

import numpy as np
import pytest
from planted_runs import dose_rows
from planted_toys import as_table, digons, kgon, toy_row

from absorb.errors import AbsorbError
from figures.toy_rows import ACTIVE, IMPORTANCE, studies, unrouted, weights

P = (0.05, 0.2, 1.0)


def runs(seeds=3, **other):
    return [
        toy_row(kgon(5, 5), seed=s, loss=0.1 + 0.01 * ((s + 1) % 3), world__active=p, **other)
        for p in P
        for s in range(seeds)
    ]


def one(table):
    (found,) = studies(table, (ACTIVE,), unrouted)
    return found


def test_the_best_run_has_the_least_loss_of_those_that_ended_well():
    rows = runs()
    assert all(one(as_table(rows)).best((p,))["seed"] == 2 for p in P)
    rows[2]["status"] = "diverged"  # p = .05, seed 2
    found = one(as_table(rows))
    assert found.best((0.05,))["seed"] == 0 and found.best((0.2,))["seed"] == 2
    assert "9 runs, 3 seeds, 1 diverged, 0 failed" in found.runs_in_words
    for row in rows[:3]:
        row["status"] = "failed"
    assert one(as_table(rows)).best((0.05,)) is None


def test_a_run_whose_loss_is_no_number_is_not_the_best():
    rows = runs()
    rows[2]["whole.loss"] = float("nan")
    assert one(as_table(rows)).best((0.05,))["seed"] == 0


def test_other_experiments_in_the_table_do_not_take_part():
    routed = runs(routing__mechanism="activation")
    paired = runs(world__structure="pairs", world__group=2)
    untied = runs(model__tied=False)
    table = as_table(dose_rows(seeds=2), runs(), routed, paired, untied)
    assert len(one(table).rows) == 9
    (every,) = studies(as_table(dose_rows(seeds=2), runs()), (ACTIVE,), lambda row: True)
    assert len(every.rows) == 9
    assert studies(as_table(dose_rows(seeds=2)), (ACTIVE,), unrouted) == []
    assert studies({}, (ACTIVE,), unrouted) == []


def test_studies_that_differ_in_a_setting_stay_apart_and_say_in_which():
    table = as_table(runs(), runs(train__lr=1e-2))
    first, second = studies(table, (ACTIVE,), unrouted)
    assert (first.suffix, second.suffix) == ("-lr_0.001", "-lr_0.01")
    assert second.apart == "train.lr=0.01" and len(second.rows) == 9
    (both,) = studies(table, (ACTIVE, "train.lr"), unrouted)
    assert list(both.cells) == [(p, lr) for p in P for lr in (1e-3, 1e-2)]


def test_a_study_without_a_seed_somewhere_is_unfinished_by_number():
    assert one(as_table(runs())).missing == ""
    table = as_table(runs()[:-1])
    assert one(table).missing == "8 of 9 runs, world.active=1 has 2 of 3 seeds"
    assert "(PARTIAL: 8 of 9 runs" in one(table).runs_in_words


def test_settings_that_a_study_must_have_are_missed():
    def wanted(row):
        return [(0.05,), (0.1,), (0.2,), (1.0,)]

    (found,) = studies(as_table(runs()), (ACTIVE,), unrouted, wanted)
    assert found.missing == "9 of 12 runs, world.active=0.1 has 0 of 3 seeds"
    (found,) = studies(as_table(runs()), (ACTIVE,), unrouted, lambda row: [(0.05001,)])
    assert found.missing == ""


def test_two_compared_settings_make_a_grid():
    rows = [
        toy_row([[1.0, -1.0]], world__active=p, world__importance=r)
        for p in (1.0, 0.1)
        for r in (0.5, 2)
    ]
    (found,) = studies(as_table(rows), (ACTIVE, IMPORTANCE), unrouted)
    assert list(found.cells) == [(0.1, 0.5), (0.1, 2), (1.0, 0.5), (1.0, 2)]


def test_weights_come_back_in_their_shape():
    row = toy_row(digons(3), b_F=np.arange(6))
    got = weights(row)
    np.testing.assert_array_equal(got.w_MF, digons(3))
    np.testing.assert_array_equal(got.b_F, np.arange(6))
    assert got.v_MF is None
    untied = row | {"model.tied": False, "weights.v": list(range(18))}
    np.testing.assert_array_equal(weights(untied).v_MF, np.arange(18.0).reshape(3, 6))


def test_weights_of_another_shape_are_refused():
    row = toy_row(digons(3)) | {"model.hidden": 2}
    with pytest.raises(AbsorbError, match=r"weights.w: 18 numbers in a run of shape \(2, 6\)"):
        weights(row)
    with pytest.raises(AbsorbError, match=r"weights.w: 0 numbers"):
        weights(row | {"weights.w": None})
