"""The known sweeps by their closed forms, and which studies count as sweeps."""

import numpy as np
from planted_toys import as_table, digons, kgon, toy_row

from figures.toy_rows import whole
from figures.toy_sweeps import SWEEPS, best_of, best_runs, probabilities_of, sparsity_sweeps

INTRO = SWEEPS[0]


def intro(seeds=2, active=INTRO.active, **other):
    return [
        toy_row(kgon(5, 4), seed=s, loss=0.1 - 0.01 * s, world__active=p, **other)
        for p in active
        for s in range(seeds)
    ]


def sweeps(rows):
    return sparsity_sweeps(as_table(rows), lambda row: True)


def test_known_sweeps_go_from_dense_to_sparse():
    for sweep in SWEEPS:
        assert list(sweep.active) == sorted(sweep.active, reverse=True) and sweep.active[0] == 1
    np.testing.assert_allclose(INTRO.active[-1], 1 / 20)
    np.testing.assert_allclose(INTRO.active[3], 20 ** (-1 / 3))
    np.testing.assert_allclose(SWEEPS[2].importance ** 99, 0.01)


def test_a_known_sweep_cut_off_after_any_run_is_unfinished():
    rows = intro(world__importance=0.9)
    (found,) = sweeps(rows)
    assert not found.missing and whole([found], False) == ([found], [])
    for n in (2, 3, 19):
        (found,) = sweeps(rows[:n])
        assert f"{n} of 20 runs" in found.missing
        assert whole([found], True) == ([found], [])
        drawn, left_out = whole([found], False)
        assert drawn == [] and left_out == [f"5 features in 2: {found.missing}"]


def test_another_importance_is_another_sweep_that_may_have_any_probabilities():
    rows = intro(active=(1.0, 0.5), world__importance=0.8)
    assert probabilities_of(rows[0]) == []
    (found,) = sweeps(rows)
    assert not found.missing and len(found.cells) == 2


def test_one_probability_alone_is_no_sweep():
    many = [toy_row(digons(2), seed=s) for s in range(9)]
    assert sweeps(many) == []


def test_best_runs_go_from_dense_to_sparse_without_settings_that_never_ended_well():
    rows = intro(world__importance=0.9)
    rows[2]["status"] = rows[3]["status"] = "diverged"
    best = best_runs(sweeps(rows)[0])
    assert [p for p, _ in best] == [p for i, p in enumerate(INTRO.active) if i != 1]
    assert {row["seed"] for _, row in best} == {1}


def test_a_sweep_of_which_no_run_ended_well_is_left_out_even_if_asked_for():
    (found,) = sweeps(intro(world__importance=0.9, status="diverged"))
    drawn, left_out = whole([found], True)
    assert drawn == [] and left_out == ["5 features in 2: no run ended well"]


def test_a_caption_counts_the_seeds_that_ended_well():
    rows = intro(seeds=4, world__importance=0.9)
    assert best_of(sweeps(rows)[0]).startswith("best of 4 seeds by importance-weighted test loss")
    assert best_of(sweeps(rows[::4])[0]).startswith("best of 1 seed by")
    rows[0]["status"] = "diverged"
    assert best_of(sweeps(rows)[0]).startswith("best of 3–4 seeds")
