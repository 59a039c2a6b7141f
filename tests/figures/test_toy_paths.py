"""The figure of chance pairings on planted weights: rates come back, other runs stay out."""

import numpy as np
import pytest
from planted_runs import dose_rows
from planted_toys import as_table, digons, toy_row

from figures.style import styled
from figures.toy_paths import ANY, FIXED, MATCHED, NULL, RATE, pages


def in_order(order) -> np.ndarray:
    """Weights in which neighbours in `order` are opposite, turned at random."""
    m = len(order) // 2
    rng = np.random.default_rng(int(order[0]))
    w_MF = np.zeros((m, 2 * m))
    w_MF[:, list(order)] = digons(m)
    return np.linalg.qr(rng.standard_normal((m, m)))[0] @ w_MF


def random_rows(m: int, runs: int, key: int = 0, **other) -> list[dict]:
    rng = np.random.default_rng(key)
    return [toy_row(in_order(rng.permutation(2 * m)), seed=s, **other) for s in range(runs)]


def planted_rows(together: int, apart: int, **other) -> list[dict]:
    orders = [(0, 1, 2, 3)] * together + [(0, 2, 1, 3)] * apart
    return [toy_row(in_order(order), seed=s, **other) for s, order in enumerate(orders)]


def the_one(*blocks):
    found = pages(as_table(*blocks), False)
    (page,) = found.pages
    return page, {(m.panel, m.series, m.at): m for m in page.marks}


def test_random_matching_agrees_at_every_size():
    page, marks = the_one(random_rows(2, 200), random_rows(3, 200), random_rows(5, 200))
    for m, null in ((2, 1 / 3), (3, 1 / 5), (5, 1 / 9)):
        fixed, drawn = marks[RATE, FIXED, m], marks[RATE, NULL, m]
        assert drawn.value == pytest.approx(null) and fixed.low < null < fixed.high
        assert fixed.n == 200
        assert marks[RATE, ANY, m].value == pytest.approx(null, abs=1e-12)
        assert marks[MATCHED, MATCHED, m].value == 1.0
        assert marks["all matchings alike", "p-value", m].value > 0.01
    assert "m = 2 yes" in page.caption and "NO" not in page.caption


def test_the_planted_rate_of_each_pair_is_drawn_with_its_interval():
    page, marks = the_one(planted_rows(45, 15))
    assert marks["m = 2", "0 and 1", 0].value == 0.75
    assert marks["m = 2", "2 and 3", 2].value == 0.75
    assert marks["m = 2", "0 and 2", 0].value == 0.25
    assert marks["m = 2", "1 and 2", 1].value == 0.0
    assert marks["m = 2", "0 and 1", 0].low < 0.75 < marks["m = 2", "0 and 1", 0].high
    assert "m = 2 NO" in page.caption
    assert marks["all matchings alike", "p-value", 2].value < 1e-6


def test_pairs_that_come_back_in_every_run_are_co_absorption_and_chance_is_not():
    for rows, alike in ((planted_rows(45, 15), True), (random_rows(2, 60), False)):
        _, marks = the_one(rows)
        found, null = (marks["co-absorption", s, 2] for s in ("agreement", "permuted homes"))
        assert (found.value > null.high) == alike and found.n == 60
    both = (0.75**2 + 0.25**2) / 3  # of six pairs two are together in .75 and two in .25 of runs
    _, marks = the_one(planted_rows(45, 15))
    assert marks["co-absorption", "agreement", 2].value == pytest.approx(both)


def test_features_that_stay_alone_lower_the_mean_over_pairs_and_not_the_test():
    lonely = [toy_row([[1.0, -1, 0, 0], [0, 0, 1, 1]], seed=s) for s in range(200, 300)]
    _, marks = the_one(random_rows(2, 200), lonely)
    assert marks[MATCHED, MATCHED, 2].value == pytest.approx(2 / 3)
    assert marks[RATE, ANY, 2].value == pytest.approx((200 / 3 + 100 / 6) / 300)
    assert marks[RATE, f"{FIXED}, matchings alone", 2].n == 200


@pytest.mark.slow
def test_the_null_of_the_test_is_kept_over_many_stores():
    said = [
        the_one(random_rows(2, 60, key))[1]["all matchings alike", "p-value", 2].value < 0.05
        for key in range(60)
    ]
    assert sum(said) <= 8  # expected 3


def test_other_toys_do_not_take_part():
    others = [
        planted_rows(9, 0, routing__mechanism="activation"),
        planted_rows(9, 0, world__structure="pairs"),
        planted_rows(9, 0, world__importance=0.9),
        [toy_row([[1.0, -1.0]], seed=s) for s in range(9)],
        dose_rows(seeds=2),
    ]
    _, marks = the_one(random_rows(3, 200), *others)
    assert {at for _, series, at in marks if series == NULL} == {3}
    assert not pages(as_table(*others), True).pages


def test_settings_of_routing_and_measures_set_nothing_apart_and_count_no_run_twice():
    rows = planted_rows(3, 1)
    again = planted_rows(3, 1, routing__concept="[0,1]", routing__arm="capacity")
    page, marks = the_one(rows, again)
    assert marks["m = 2", "0 and 1", 0].n == 4 and page.name == "toy_paths"


def test_worlds_of_other_sparsity_are_figures_of_their_own():
    found = pages(as_table(planted_rows(3, 1), planted_rows(1, 3, world__active=0.05)), False)
    assert [page.name for page in found.pages] == ["toy_paths-active_0.1", "toy_paths-active_0.05"]


def test_an_unfinished_sweep_is_refused_with_its_numbers_unless_partial():
    rows = [*random_rows(2, 60), *random_rows(3, 59)]
    left = pages(as_table(rows), False)
    assert not left.pages and "119 of 120 runs, model.hidden=3" in left.left_out[0]
    (page,) = pages(as_table(rows), True).pages
    assert "PARTIAL: 119 of 120" in page.caption


def test_runs_that_diverged_are_counted_and_left_out():
    rows = planted_rows(3, 1)
    rows[0]["status"] = "diverged"
    page, marks = the_one(rows)
    assert marks["m = 2", "0 and 1", 0].value == pytest.approx(2 / 3)
    assert "1 diverged" in page.caption


def test_heat_maps_show_the_rates_in_their_cells():
    page, _ = the_one(planted_rows(45, 15))
    with styled():
        figure = page.draw()
    heat = next(ax for ax in figure.axes if ax.images)
    shown = {(t.get_position(), t.get_text()) for t in heat.texts}
    assert ((1, 0), "75") in shown and ((0, 1), "75") in shown and ((3, 0), "0") in shown
    assert len(heat.texts) == 12


def test_one_run_of_each_size_is_no_figure():
    found = pages(as_table(random_rows(2, 1), random_rows(3, 1)), False)
    assert not found.pages
    (said,) = found.left_out
    assert said.endswith("one run of a size ended well; 2 or more are needed")
