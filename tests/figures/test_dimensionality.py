"""Dimensionalities of planted polytopes: fractions, kinds, D* and shares as they were planted."""

import numpy as np
import pytest
from planted_runs import dose_rows
from planted_toys import (
    antiprism,
    as_table,
    digons,
    filled,
    geometry_rows,
    intro_rows,
    kgon,
    sweep_rows,
    tetrahedron,
    toy_row,
)

from figures.dimensionality import KINDS, kinds_of, pages

IDEALS = {
    "single": np.ones((1, 1)),
    "tetrahedron": tetrahedron(),
    "triangle": kgon(3, 3),
    "digon": digons(1),
    "pentagon": kgon(5, 5),
    "antiprism": antiprism(),
}
M = 12  # 1 + 3 + 2 + 1 + 2 + 3
ALL = filled(list(IDEALS.values()), M, 30)


def both(second=ALL, seeds=2, **other):
    """Every ideal at p = .1, and `second` at p = .02, by the best seed; the others have digons."""
    digons_alone = filled([digons(1)] * M, M, 30)
    return [
        toy_row(w if seed == 0 else digons_alone, seed, 0.1 + seed, world__active=p, **other)
        for p, w in ((0.1, ALL), (0.02, second)) for seed in range(seeds)
    ]  # fmt: skip


def only(rows, partial=False):
    found = pages(as_table(rows), partial)
    assert len(found.pages) == 1 and found.left_out == []
    return found.pages[0]


def values(page, panel, series, at=10.0):
    return [m.value for m in page.marks if (m.panel, m.series) == (panel, series)
            and m.at == pytest.approx(at)]  # fmt: skip


@pytest.mark.parametrize("kind", IDEALS)
def test_features_of_an_ideal_have_its_fraction_and_its_kind(kind):
    page = only(both())
    got = values(page, "dimensionality of the best", kind)
    assert len(got) == IDEALS[kind].shape[1]
    np.testing.assert_allclose(got, float(KINDS[kind].fraction), rtol=1e-9)


def test_features_that_are_not_learned_have_none():
    page = only(both())
    learned = sum(w.shape[1] for w in IDEALS.values())
    assert values(page, "dimensionality of the best", "dropped") == [0.0] * (30 - learned)


def test_a_shape_without_a_name_is_another_frame():
    w_MF = np.zeros((3, 5))
    w_MF[:2] = kgon(5, 4, 1.0)
    w_MF[0, 1] = 0.7  # not orthogonal to 0 any more
    assert kinds_of(w_MF) == ["other"] * 4 + ["dropped"]
    assert kinds_of(kgon(7, 6)) == ["other"] * 6 + ["dropped"]


def test_d_star_is_the_mean_over_seeds_with_its_interval():
    page = only(both(filled([digons(1)] * M, M, 30)))
    (at_10, at_50) = sorted((m for m in page.marks if m.panel == "D*"), key=lambda m: m.at)
    assert (at_10.at, at_50.at) == pytest.approx((10, 50))
    lengths = sum((w**2).sum() for w in IDEALS.values())
    assert at_10.value == pytest.approx((M / lengths + 1 / 2) / 2)
    assert at_10.low < at_10.value < at_10.high and at_10.n == 2
    assert at_50.value == at_50.low == at_50.high == 0.5


def test_shares_are_of_learned_features_and_means_over_seeds():
    page = only(both())
    learned = sum(w.shape[1] for w in IDEALS.values())
    kinds = [kind for kind in KINDS if kind != "dropped"]
    share = {kind: values(page, "share of learned features", kind)[0] for kind in kinds}
    assert sum(share.values()) == pytest.approx(1)
    assert share["antiprism"] == pytest.approx(8 / learned / 2)
    assert share["digon"] == pytest.approx((2 / learned + 1) / 2)
    assert values(page, "features learned", "mean over seeds") == [(learned + 24) / 2]


def test_what_is_drawn_is_what_is_in_the_tables():
    page = only(both())
    above, below = page.draw().axes
    dots = above.collections[0].get_offsets()
    own = [m for m in page.marks if m.panel.startswith("dimensionality")]
    np.testing.assert_allclose(dots[:, 1], [m.value for m in own])
    assert np.abs(np.log(dots[:, 0] / [m.at for m in own])).max() < np.log(50 / 10) / 2
    line_xy = above.containers[0][0].get_xydata().astype(float)
    star = values(page, "D*", "mean over seeds")[0]
    np.testing.assert_allclose(line_xy, [[10, star], [50, star]])
    tops = [bar.get_y() + bar.get_height() for bar in below.patches]
    assert max(tops) == pytest.approx(1) and below.get_xscale() == "log"


def test_lines_stand_at_the_sticky_fractions_under_their_names():
    above = only(both()).draw().axes[0]
    names = {text.get_text(): text.xy[1] for text in above.texts}
    near = {
        "1 own dimension": 1, "3/4 tetrahedron": 3 / 4, "2/3 triangle": 2 / 3, "1/2 digon": 1 / 2,
        "2/5 pentagon": 2 / 5, "3/8 square antiprism": 3 / 8, "0 not learned": 0,
    }  # fmt: skip
    assert names == {name: pytest.approx(y, abs=0.02) for name, y in near.items()}
    drawn = {line.get_ydata()[0] for line in above.lines if len(set(line.get_ydata())) == 1}
    assert set(near.values()) <= drawn


def test_one_seed_is_drawn_without_an_interval():
    page = only(both(seeds=1))
    assert [(m.low, m.high) for m in page.marks if m.panel == "D*"] == [(-np.inf, np.inf)] * 2
    line, _, (whiskers,) = page.draw().axes[0].containers[0]
    assert len(line.get_xdata()) == 2 and not any(len(xy) for xy in whiskers.get_segments())


def test_the_caption_says_how_many_runs_and_how_the_best_was_chosen():
    caption = only(geometry_rows(points=20)).caption
    assert caption.startswith("200 features of equal importance in 20 hidden dimensions")
    assert "60 runs, 3 seeds, 0 diverged, 0 failed" in caption
    assert "the best of 3 seeds by importance-weighted test loss" in caption


def test_an_unfinished_sweep_is_refused_by_number_and_drawn_when_asked():
    rows = geometry_rows()[:-7]
    found = pages(as_table(rows), False)
    assert not found.pages and found.left_out[0].startswith("200 features in 20: 53 of 60 runs")
    assert "53 runs (PARTIAL: 53 of 60 runs" in only(rows, partial=True).caption


def test_other_tables_have_no_such_figure():
    routed = both(routing__mechanism="activation")
    plane = [toy_row(kgon(5, 5), world__active=p) for p in (0.1, 0.2)]
    for rows in (dose_rows(seeds=2), intro_rows(), sweep_rows(), routed, plane, [toy_row(ALL)]):
        assert pages(as_table(rows), True) == ([], "", [])
