"""The toy's dose response on planted losses: what is planted is drawn, for concept and twin."""

import numpy as np
import pytest
from planted_runs import FRACTIONS, dose_rows, forget_loss
from planted_toys import as_table, digons, toy_row

from figures.style import styled
from figures.toy_absorption import pages

ARMS = ("route", "hard", "filter", "placebo", "std")
TREATMENTS = ("raw", "mean", "calibrated")


def planted(seeds=4, absorbed=0.5, twin_rise=0.0, key=0, **other) -> list[dict]:
    """Six features; ablation raises the concept as `forget_loss` says and the twin by `twin_rise`.

    Weights have the concept and its twin at angles of their own to the first dimension.
    """
    rng = np.random.default_rng(key)
    cells = [(arm, p) for arm in ARMS for p in FRACTIONS] + [("capacity", 0.0)]
    rows = []
    for arm, p in cells:
        for seed in range(seeds):
            w_MF = digons(3)
            w_MF[:, 0], w_MF[:, 1] = [1, 0, 0], [0.6, 0.8, 0]
            noise_F = 0.002 * rng.standard_normal(6) + 0.01 * seed
            whole_F = 0.1 + noise_F
            ablated_F = whole_F.copy()
            ablated_F[0] = forget_loss(arm, p, absorbed) + noise_F[0]
            ablated_F[1:] += 0.003  # what any feature loses with a dimension
            ablated_F[1] += twin_rise * (arm == "route") * p
            losses = {"whole.features": whole_F.tolist(), "whole.forget": whole_F[0]}
            losses |= {f"{t}.features": ablated_F.tolist() for t in TREATMENTS}
            row = toy_row(w_MF, seed, routing__mechanism="activation", routing__arm=arm,
                          routing__label_fraction=p, world__structure="pairs", world__group=2,
                          world__correlation=0.8, **other)  # fmt: skip
            rows.append(row | losses)
    return rows


def drawn(*blocks):
    found = pages(as_table(*blocks), False)
    return found, {(m.panel, m.series, m.at): m for page in found.pages for m in page.marks}


@pytest.fixture(scope="module")
def whole():
    return drawn(planted(seeds=6, absorbed=0.9, twin_rise=0.2))


def mean_of(rows, arm, p, feature, treatment="raw"):
    own = [r for r in rows if (r["routing.arm"], r["routing.label_fraction"]) == (arm, p)]
    return np.mean([r[f"{treatment}.features"][feature] for r in own])


def test_every_arm_stands_at_the_mean_of_its_runs_for_concept_twin_and_others(whole):
    rows = planted(seeds=6, absorbed=0.9, twin_rise=0.2)
    _, marks = whole
    for arm in ARMS:
        for p in FRACTIONS:
            got = marks["loss of the concept, raw", arm, p]
            assert got.value == pytest.approx(mean_of(rows, arm, p, 0)) and got.n == 6
            assert got.low < got.value < got.high
    twin = marks["loss of its unlabelled twin, calibrated", "route", 0.9]
    assert twin.value == pytest.approx(mean_of(rows, "route", 0.9, 1, "calibrated"))
    others = np.mean([mean_of(rows, "hard", 0.5, i) for i in (2, 3, 4, 5)])
    assert marks["loss of other features, raw", "hard", 0.5].value == pytest.approx(others)
    unablated = marks["loss of the concept, whole", "route", 1.0]
    assert unablated.value == pytest.approx(mean_of(rows, "route", 1.0, 0, "whole"))


def test_the_planted_absorption_is_drawn_and_filter_reads_about_none(whole):
    _, marks = whole
    assert marks["A_dose, raw", "route", 0.5].value == pytest.approx(0.9, abs=0.05)
    null = marks["A_dose, raw", "filter", 0.25]
    assert null.low < 0 < null.high
    assert marks["kept share, raw", "filter", 1.0].value == pytest.approx(0.0, abs=0.02)


def test_what_the_twin_loses_beyond_other_features_is_its_excess(whole):
    _, marks = whole
    for p in FRACTIONS:
        got = marks["excess loss of the twin, raw", "route", p]
        assert got.value == pytest.approx(0.2 * p, abs=1e-9)
        assert marks["excess loss of the twin, raw", "placebo", p].value == pytest.approx(
            0, abs=1e-9
        )


def test_places_are_shares_of_squared_length_in_the_region(whole):
    _, marks = whole
    assert marks["place of the concept", "route", 0.5].value == pytest.approx(1.0)
    assert marks["place of its unlabelled twin", "route", 0.5].value == pytest.approx(0.36)
    assert marks["place of other features", "route", 0.5].value == pytest.approx(0.0)


def test_the_three_pages_draw_every_treatment_that_was_measured(whole):
    found, _ = whole
    names = ["toy_absorption", "toy_absorption_shares", "toy_absorption_places"]
    assert [page.name for page in found.pages] == names
    panels = []
    for page in found.pages:
        with styled():
            panels.append(len(page.draw().axes))
    assert panels == [12, 9, 3]


def test_the_headline_names_the_twin(whole):
    found, _ = whole
    assert "excess loss of the twin after ablation at p = 1: 0.200" in found.headline
    assert "place of its unlabelled twin at p = 1: 0.360" in found.headline


def test_features_on_their_own_have_no_twin():
    rows = [row | {"world.structure": "independent"} for row in planted(seeds=3)]
    found, marks = drawn(rows)
    assert not any("twin" in panel for panel, _, _ in marks)
    assert len(found.pages) == 3 and "twin" not in found.headline


def test_mechanisms_are_figures_of_their_own():
    other = [row | {"routing.mechanism": "parameter"} for row in planted(seeds=3)]
    found, marks = drawn(planted(seeds=3), other)
    assert len({page.name for page in found.pages}) == 6
    assert all(m.n <= 3 for m in marks.values())


def test_an_unfinished_sweep_is_refused_with_its_numbers_unless_partial():
    rows = planted(seeds=3)[:-1]
    left = pages(as_table(rows), False)
    assert not left.pages and "77 of 78 runs, capacity at 0 has 2 of 3 seeds" in left.left_out[0]
    assert "PARTIAL" in pages(as_table(rows), True).pages[0].caption


def test_runs_that_diverged_are_counted_and_left_out():
    rows = planted(seeds=4)
    rows[0] |= {"status": "diverged", "whole.features": None, "raw.features": None}
    found, marks = drawn(rows)
    assert marks["loss of the concept, raw", "route", 0.0].n == 3
    assert "1 diverged" in found.pages[0].caption


def test_other_experiments_have_no_toy_dose_response():
    pair = planted(seeds=2, routing__concept="[0, 1]")
    lonely = [row for row in planted(seeds=2) if row["routing.arm"] == "route"]
    plain = planted(seeds=2)
    plain = [row | {"routing.mechanism": "none"} for row in plain]
    for rows in (pair, lonely, plain, dose_rows(seeds=2)):
        assert not pages(as_table(rows), True).pages
    assert len(drawn(planted(seeds=2), dose_rows(seeds=2))[0].pages) == 3


def test_without_a_raw_ablation_the_twin_is_read_after_another():
    rows = [
        {name: value for name, value in row.items()
         if not name.startswith(("raw.", "calibrated."))}
        for row in planted(seeds=3, twin_rise=0.2)
    ]  # fmt: skip
    found, _ = drawn(rows)
    assert "excess loss of the twin after treatment mean at p = 1: 0.200" in found.headline
    assert all(page.draw() is not None for page in found.pages)


def test_where_no_run_ended_well_or_none_was_ablated_nothing_is_drawn():
    failed = [row | {"status": "failed"} for row in planted(seeds=2)]
    assert pages(as_table(failed), True) == ([], "", ["toy: no run ended well"])
    whole = [{name: value for name, value in row.items() if not name.startswith(TREATMENTS)}
             for row in planted(seeds=2)]  # fmt: skip
    assert pages(as_table(whole), False) == ([], "", ["toy: no losses after an ablation"])
