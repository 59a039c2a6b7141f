"""The plane of two hidden dimensions on planted weights: what is drawn is what was planted."""

import numpy as np
import pytest
from planted_runs import dose_rows
from planted_toys import as_table, digons, intro_rows, kgon, side_by_side, sweep_rows, toy_row

from figures.superposition import names_of, pages

P = 20.0 ** -np.linspace(0, 1, 10)


def only(rows, partial=False):
    found = pages(as_table(rows), partial)
    assert len(found.pages) == 1 and found.left_out == []
    return found.pages[0]


def value(page, panel, series):
    (found,) = [m for m in page.marks if (m.panel, m.series) == (panel, series)]
    return found


def drawn_vectors(ax):
    """The ends of the lines from the origin; two more are the axes."""
    lines = [line.get_xydata() for line in ax.lines if len(line.get_xydata()) == 2][2:]
    assert all((xy[0] == 0).all() for xy in lines)
    return np.array([xy[1] for xy in lines]).T


def test_the_panels_go_from_dense_to_sparse_with_the_vectors_of_the_best_run():
    figure = only(intro_rows()).draw()
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[0] == "1 − p = 0\np = 1" and titles[-1] == "1 − p = 0.95\np = 0.05"
    assert [t.split("p = ")[-1] for t in titles] == [f"{P[i]:.3g}" for i in (0, 2, 4, 7, 9)]
    np.testing.assert_allclose(drawn_vectors(figure.axes[2]), kgon(5, 4, turn=0.2))
    np.testing.assert_allclose(drawn_vectors(figure.axes[4]), kgon(5, 5, 1.17, turn=0.3))
    assert {ax.get_aspect() for ax in figure.axes} == {1.0}


def test_the_table_holds_the_same_coordinates():
    page = only(intro_rows())
    for i in range(5):
        for d in range(2):
            got = value(page, "p = 0.05", f"feature {i}, hidden dimension {d}")
            assert got.value == kgon(5, 5, 1.17, turn=0.3)[d, i] and got.n == 4


def test_another_best_run_is_another_picture():
    rows = intro_rows()
    for row in rows:
        if row["seed"] == 0:
            row["whole.loss"] = 1e-9
    page = only(rows)
    np.testing.assert_allclose(drawn_vectors(page.draw().axes[4]), kgon(5, 3))
    assert value(page, "p = 0.05", "loss of the best").value == 1e-9
    assert value(page, "p = 0.05", "frame: triangle of 0, 1, 2").value == 3


def test_frames_are_named_below_the_panels_with_the_seeds_that_agree():
    page = only(intro_rows())
    labels = [ax.get_xlabel() for ax in page.draw().axes]
    assert labels[0] == "2 × single, 3 dropped\n2 of 3 other seeds"
    assert labels[2] == "2 × digon, 1 dropped\n2 of 3 other seeds"
    assert labels[4] == "pentagon\n2 of 3 other seeds"
    rate = value(page, "p = 0.05", "other seeds with pentagon")
    assert rate.value == pytest.approx(2 / 3) and rate.low < 0.2 and rate.n == 3


def test_one_seed_agrees_with_no_other():
    page = only([row for row in intro_rows() if row["seed"] == 3])
    rate = value(page, "p = 1", "other seeds with 2 × single, 3 dropped")
    assert not rate.drawn and rate.why == "no trials" and page.draw() is not None


def test_names_do_not_depend_on_the_order_of_features():
    rng = np.random.default_rng(0)
    uneven = np.array([[1.0, 0.8, 0.0], [0.0, 0.6, 1.0]])
    w_MF = side_by_side(kgon(3, 3), uneven, digons(1))
    names = {names_of(w_MF[:, rng.permutation(8)]) for _ in range(10)}
    assert names == {("3 in 2", "triangle", "digon")}


def test_the_loss_of_all_seeds_has_an_interval_over_them():
    rows = intro_rows()
    page = only(rows)
    losses = [row["whole.loss"] for row in rows if row["world.active"] == 1]
    mean = value(page, "p = 1", "loss, mean over seeds")
    assert mean.value == pytest.approx(np.mean(losses)) and mean.low < mean.value < mean.high
    assert value(page, "p = 1", "loss of the best").value == min(losses)


def test_the_caption_says_how_many_runs_and_how_the_best_was_chosen():
    caption = only(intro_rows()).caption
    assert "best of 4 seeds by importance-weighted test loss" in caption
    assert "40 runs, 4 seeds, 0 diverged, 0 failed" in caption


def test_an_unfinished_sweep_is_refused_by_number_and_drawn_when_asked():
    rows = intro_rows()[:-5]
    found = pages(as_table(rows), False)
    assert not found.pages
    assert found.left_out[0].startswith("5 features in 2: 35 of 40 runs")
    assert "35 runs (PARTIAL: 35 of 40 runs" in only(rows, partial=True).caption


def test_other_tables_have_no_such_figure():
    paths = [toy_row(digons(2), seed=s) for s in range(5)]
    for rows in (dose_rows(seeds=2), paths, sweep_rows(), sweep_rows(2, 1), sweep_rows(2, 2)):
        assert pages(as_table(rows), True) == ([], "", [])


def test_equal_importances_have_one_colour_and_long_features_stay_inside():
    rows = [
        toy_row(kgon(6, 6, 3.0), seed=s, world__active=p) for p in (0.1, 0.01) for s in range(2)
    ]
    ax = only(rows).draw().axes[0]
    colours = [tuple(line.get_color()) for line in ax.lines if line.get_marker() == "o"]
    assert len(colours) == 6 and len(set(colours)) == 1
    assert ax.get_xlim()[1] > 3.0 and ax.get_ylim()[0] < -3.0
