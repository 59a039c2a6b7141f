"""Overlap matrices on planted weights: what is drawn is WᵀW, b, lengths and shared directions."""

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgba
from planted_runs import dose_rows
from planted_toys import as_table, digons, intro_rows, kgon, side_by_side, sweep_rows, toy_row

from absorb.stats.geometry import dimensionality
from figures.overlap import LISTED, pages, superposition
from figures.style import GREY
from figures.toy_sweeps import SWEEPS

SPARSITY = SWEEPS[1].active
POLYGONS = side_by_side(kgon(5, 5, 1.2), kgon(4, 3, 0.8), np.ones((1, 1)))  # one feature is dropped


def polygons(seeds=2, **other):
    rng = np.random.default_rng(1)
    bias_F = rng.uniform(-1, 0, 10)
    worse = rng.standard_normal((5, 10))
    return [
        toy_row(POLYGONS if seed == 0 else worse, seed, 0.1 + 0.1 * seed, bias_F,
                world__active=p, world__importance=0.8, **other)
        for p in (0.2, 0.05) for seed in range(seeds)
    ]  # fmt: skip


def only(rows, partial=False):
    found = pages(as_table(rows), partial)
    assert len(found.pages) == 1 and found.left_out == []
    return found.pages[0]


def values(page, panel, series):
    found = sorted((m for m in page.marks if (m.panel, m.series) == (panel, series)),
                   key=lambda m: m.at)  # fmt: skip
    return np.array([m.value for m in found])


@pytest.mark.parametrize("k", [2, 3, 4, 5, 8])
def test_what_polygons_share_in_closed_form(k):
    shared_F = superposition(kgon(k + 2, k, 1.1))
    np.testing.assert_allclose(shared_F[:k], 1.21 * (1 if k == 2 else k / 2 - 1), atol=1e-12)
    np.testing.assert_array_equal(shared_F[k:], 0)


def test_what_is_shared_is_what_dimensionality_lacks():
    w_MF = np.random.default_rng(0).standard_normal((4, 9))
    squared_F = (w_MF**2).sum(axis=0)
    expected_F = squared_F / (squared_F + superposition(w_MF))
    np.testing.assert_allclose(dimensionality(w_MF), expected_F)


def test_images_are_the_overlaps_and_biases_of_the_best_run_on_symmetric_shades():
    rows = polygons()
    ax = only(rows).draw().axes[0]
    matrix, bias = ax.images
    np.testing.assert_allclose(matrix.get_array(), POLYGONS.T @ POLYGONS)
    np.testing.assert_allclose(bias.get_array()[:, 0], rows[0]["weights.b"])
    assert matrix.get_clim() == bias.get_clim() == (-1, 1)
    left, right, *_ = bias.get_extent()
    assert 10 < left < right < ax.get_xlim()[1]


def test_bars_are_lengths_in_the_colour_of_what_is_shared():
    bars = only(polygons()).draw().axes[2].patches
    lengths = [1.2] * 5 + [0.8] * 3 + [0, 1]
    np.testing.assert_allclose([bar.get_width() for bar in bars], lengths)
    shared = [1.44 * 1.5] * 5 + [0.64 * 0.5] * 3 + [0, 0]
    expected = colormaps["viridis"](np.clip(shared, 0, 1))
    expected[8] = to_rgba(GREY)  # dropped
    np.testing.assert_allclose([bar.get_facecolor() for bar in bars], expected)


def test_columns_go_from_dense_to_sparse():
    figure = only(sweep_rows(20, 5, 0.7, SPARSITY)).draw()
    assert [ax.get_title() for ax in figure.axes[:7]] == [f"p = {p:.3g}" for p in SPARSITY]
    assert figure.axes[7].get_xlabel() == "|Wᵢ|\n5 kept"
    assert figure.axes[13].get_xlabel() == "|Wᵢ|\n10 kept"


def test_the_tables_hold_what_is_drawn():
    rows = polygons()
    page = only(rows)
    overlap_FF = POLYGONS.T @ POLYGONS
    for i in range(10):
        np.testing.assert_array_equal(values(page, "p = 0.05, WᵀW", f"row {i}"), overlap_FF[i, i:])
    np.testing.assert_array_equal(values(page, "p = 0.05, bias", "bias"), rows[0]["weights.b"])
    np.testing.assert_allclose(values(page, "p = 0.05, length", "length")[4:6], [1.2, 0.8])
    np.testing.assert_allclose(values(page, "p = 0.05, shared", "shared")[4:6], [2.16, 0.32])


def test_of_many_features_only_visible_overlaps_are_listed_and_the_caption_says_so():
    sweep = SWEEPS[2]
    page = only(sweep_rows(100, 20, sweep.importance, sweep.active, seeds=1))
    listed = [m.value for m in page.marks if m.panel == "p = 0.05, WᵀW"]
    assert sorted(listed) == [-1.0] * 20 + [1.0] * 40
    assert f"magnitude {LISTED:g} or more" in page.caption
    assert "magnitude" not in only(polygons()).caption


def test_seeds_that_keep_other_features_show_in_the_interval():
    page = only(polygons(seeds=3))
    panel = "p = 0.05, runs"
    assert values(page, panel, "features kept by the best") == [9]
    (mean,) = [
        m for m in page.marks if (m.panel, m.series) == (panel, "features kept, mean over seeds")
    ]
    assert 9 < mean.value <= 10 and mean.low < mean.value < mean.high and mean.n == 3
    assert values(page, panel, "loss of the best") == [0.1]


def test_the_caption_says_how_many_runs_and_how_the_best_was_chosen():
    caption = only(sweep_rows(20, 5, 0.7, SPARSITY)).caption
    assert caption.startswith(
        "20 features in 5 hidden dimensions, the best of 3 seeds by importance"
    )
    assert "21 runs, 3 seeds, 0 diverged, 0 failed" in caption


def test_an_unfinished_sweep_is_refused_by_number_beside_a_whole_one():
    cut = sweep_rows(20, 5, 0.7, SPARSITY)[:-4]
    found = pages(as_table(cut, polygons()), False)
    assert len(found.pages) == 1 and len(found.left_out) == 1
    assert found.left_out[0].startswith("20 features in 5")
    assert "17 of 21 runs" in found.left_out[0]
    both = pages(as_table(cut, polygons()), True)
    assert [page.name for page in both.pages] == ["overlap-features_20", "overlap-features_10"]
    assert "17 runs (PARTIAL: 17 of 21 runs" in both.pages[0].caption


def test_other_tables_have_no_such_figure():
    equal = sweep_rows(20, 5, importance=1.0)
    alone = [toy_row(digons(3), seed=s, world__importance=0.7) for s in range(3)]
    routed = polygons(routing__mechanism="parameter")
    for rows in (dose_rows(seeds=2), equal, intro_rows(), alone, routed):
        assert pages(as_table(rows), True) == ([], "", [])
