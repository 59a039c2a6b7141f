"""The phase diagram on planted weights: exact ones agree everywhere, planted strays are counted."""

import numpy as np
import pytest
from planted_toys import as_table, digons, toy_row

from absorb.stats.two_features_best import best_two_features
from figures.phase_diagram import diagram_of, grids, pages
from figures.phase_draw import ABSENT, colours, edges, mixed
from figures.style import BLUE, VERMILLION, styled

P = np.geomspace(0.02, 1, 6)
R = np.geomspace(0.1, 10, 5)
TURNED = {"first only": [0.0, 1.0], "second only": [1.0, 0.0], "antipodal": [0.8, 0.8]}


@pytest.fixture(scope="module")
def exact():
    return best_two_features(P, R[:, None])


def planted(exact, strays=(), seeds=2, spoiled=1, **other) -> list[dict]:
    """Exact weights; another phase in all seeds at the places `strays`, else in seed `spoiled`."""
    rows = []
    for (i, r), (j, p) in [(a, b) for a in enumerate(R) for b in enumerate(P)]:
        for seed in range(seeds):
            w, b = exact.w[i, j], exact.b[i, j]
            if (i, j) in strays or seed == spoiled:
                w = np.array(TURNED[str(exact.family[i, j])])
            settings = {"world__active": float(p), "world__importance": float(r)} | other
            rows.append(toy_row(w[None], seed, 0.1 * seed, b, **settings))
    return rows


def the_one(rows):
    (page,) = pages(as_table(rows), False).pages
    return page, {(m.panel, m.series, m.at): m for m in page.marks}


def test_exact_weights_agree_at_every_point_and_reach_the_least_loss(exact):
    page, marks = the_one(planted(exact))
    assert marks["agreement", "best seed, share of points", 0].value == 1.0
    assert marks["agreement", "one seed, share of points", 0].value == 0.5
    excess = [m.value for m in page.marks if m.panel == "trained, loss above the least possible"]
    assert len(excess) == 30 and all(0 <= x + 1e-9 < 1e-6 for x in excess)
    assert "30 of 30 points (100.0 %)" in page.caption


def test_strays_are_counted_and_named(exact):
    strays = [(0, 0), (2, 1), (4, 5)]
    page, marks = the_one(planted(exact, strays))
    assert marks["agreement", "best seed, share of points", 0].value == pytest.approx(0.9)
    assert "27 of 30 points" in page.caption and "both alike for antipodal" in page.caption
    at = f"importance {R[4]:.4g}", float(P[5])
    assert marks["trained, length of the extra feature", *at].value == 0.0
    assert marks["exact, length of the extra feature", *at].value == pytest.approx(1.0, abs=1e-6)
    assert marks["trained, loss above the least possible", *at].value > 1
    assert marks["trained, length of the extra feature", *at].why == "first only"


def test_the_best_seed_is_chosen_by_its_exact_loss_and_not_by_a_measured_one(exact):
    rows = planted(exact)
    for row in rows:
        row["whole.loss"] = 0.0 if row["seed"] == 1 else 1.0
    assert the_one(rows)[1]["agreement", "best seed, share of points", 0].value == 1.0


def test_up_to_p_03_the_exact_networks_of_equal_importance_are_antipodal(exact):
    assert (
        "At importance 1 and p ≤ 0.3, 4 of 4 are antipodal." in the_one(planted(exact))[0].caption
    )


def test_the_rate_of_seeds_has_its_exact_interval(exact):
    _, marks = the_one(planted(exact, seeds=8, spoiled=3))
    rate = marks["seeds in the exact phase", f"importance {R[2]:.4g}", float(P[0])]
    assert (rate.value, rate.n) == (7 / 8, 8) and rate.low < 0.5 < 0.99 < rate.high


def test_a_sweep_short_of_a_run_or_of_a_whole_point_is_refused_unless_partial(exact):
    rows = planted(exact)
    without_point = [r for r in rows if (r["world.active"], r["world.importance"]) != (P[1], R[3])]
    for short, words in ((rows[:-1], "59 of 60 runs"), (without_point, "58 of 60 runs")):
        left = pages(as_table(short), False)
        assert not left.pages and words in left.left_out[0]
        (page,) = pages(as_table(short), True).pages
        assert "PARTIAL" in page.caption


def test_a_point_without_a_run_is_grey_and_not_counted(exact):
    rows = [r for r in planted(exact) if (r["world.active"], r["world.importance"]) != (P[1], R[3])]
    (one,) = grids(as_table(rows))
    diagram = diagram_of(one)
    assert diagram.there.sum() == 29 and diagram.agrees.sum() == 29
    np.testing.assert_array_equal(mixed(diagram.best_w)[3, 1], ABSENT)


def test_a_diverged_seed_leaves_the_others(exact):
    rows = planted(exact)
    rows[0]["status"] = "diverged"
    rows[3]["status"] = "failed"
    page, marks = the_one(rows)
    first = marks["trained, length of the extra feature", f"importance {R[0]:.4g}", float(P[0])]
    assert first.why == "both alike"
    assert marks["agreement", "best seed, share of points", 0].value == pytest.approx(29 / 30)
    assert marks["agreement", "one seed, share of points", 0].value == pytest.approx(0.5)
    assert "1 diverged, 1 failed" in page.caption


def test_other_toys_have_no_phase_diagram(exact):
    others = [toy_row(digons(2), seed=s) for s in range(3)]
    routed = planted(exact, routing__mechanism="activation")
    one_line = [row for row in planted(exact) if row["world.importance"] == R[0]]
    assert not pages(as_table(others, routed), True).pages
    assert not pages(as_table(one_line), True).pages


def test_colours_tell_the_three_phases_apart():
    from matplotlib.colors import to_rgb

    w = np.array([[[1.0, 0.0], [0.0, 1.0], [1.0, -1.0], [0.0, 0.5]]])
    shown = mixed(w)[0]
    np.testing.assert_allclose(shown[0], 1)
    np.testing.assert_allclose(shown[1], to_rgb(BLUE))
    np.testing.assert_allclose(shown[2], to_rgb(VERMILLION))
    np.testing.assert_allclose(shown[3], (1 + np.array(to_rgb(BLUE))) / 2)
    assert colours(np.zeros(2), np.ones(2)).shape == (2, 3)


def test_cells_lie_around_their_points():
    ends = edges(P)
    assert (ends[:-1] < P).all() and (ends[1:] > P).all() and len(ends) == 7
    np.testing.assert_allclose(ends[1:-1] ** 2, P[1:] * P[:-1])


def test_trained_and_exact_stand_in_the_same_cells(exact):
    (one,) = grids(as_table(planted(exact)))
    page = pages(as_table(planted(exact)), False).pages[0]
    with styled():
        figure = page.draw()
    first, second = (ax.collections[0].get_array() for ax in figure.axes[:2])
    np.testing.assert_allclose(first, mixed(exact.w))
    np.testing.assert_allclose(second, mixed(exact.w))
    assert diagram_of(one).best_w.shape == (5, 6, 2)
    assert figure.axes[0].get_xlim()[0] > 1 > figure.axes[0].get_xlim()[1]


def test_the_boundaries_that_are_drawn_are_known_with_the_page(exact):
    (page,) = pages(as_table(planted(exact)), False).pages
    with styled():
        drawn = page.draw().axes[0].lines
    for i, line in enumerate(drawn[:3]):
        own = [m for m in page.lines if m.series == f"line {i}"]
        assert [m.at for m in own] == pytest.approx(line.get_xdata())
        assert [m.value for m in own] == pytest.approx(line.get_ydata())
    assert not set(page.lines) & set(page.marks)
