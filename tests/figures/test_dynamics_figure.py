"""The experiments `dynamics` and `dynamics_toy` as they stand in conf/, with planted measures."""

import numpy as np
import pytest
from planted_runs import table

from absorb.errors import AbsorbError
from absorb.identity import flat
from figures import dynamics
from figures.dynamics_draw import FORETOLD, trajectory
from figures.dynamics_runs import (
    CONTROL,
    STABILITY,
    WEIGHTS,
    Cell,
    interval,
    series_of_run,
    studies,
)
from sweeps.app import run_sweeper

WORDS = ["experiment=dynamics", "seed=range(0,4)"]
TOY = ["experiment=dynamics_toy", "seed=range(0,3)"]


def configs(words):
    return [config for _, config, _ in run_sweeper(words, lambda request: request).points]


def planted_row(config) -> dict:
    """Curl and growth follow the labels of routed runs; the control has neither."""
    row: dict = flat(config) | {"status": "ok", "kept_share": 0.4}
    series, p = series_of_run(row), config.routing.label_fraction
    shift = 0.01 * (config.seed - 1.5)
    strength = {CONTROL: 0.0, "parameter": 1.0, "activation": 0.25, "placebo": 0.5}[series]
    grown = strength * p * config.train.epochs
    cosine_TT = np.full((3, 3), -0.1 * grown / 45)
    cosine_TT[0, 1] = 0.7
    row |= {"dynamics.curl": 0.3 * strength * p, "dynamics.least_real": -0.1 - strength * p + shift}
    row |= {"dynamics.multiplier": 1 + grown, "dynamics.size": 3 * np.exp(grown + shift)}
    row |= {
        "dynamics.loss": float(np.exp(grown + 5 * shift)),
        "dynamics.relative": 1 - strength / 4,
    }
    row |= {"dynamics.descent": 1 - strength * p, "dynamics.cosine": cosine_TT.ravel().tolist()}
    return row


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [planted_row(config) for config in configs(WORDS)]


def at(page, panel, series, p):
    (found,) = [m for m in page.marks if (m.panel, m.series, m.at) == (panel, series, p)]
    return found


def test_what_was_planted_is_drawn_with_its_seeds_and_its_control(rows):
    stable, between = dynamics.pages(table(rows), False).pages
    for series, strength in (("parameter", 1.0), ("activation", 0.25), (CONTROL, 0.0)):
        curl = at(stable, "15 epochs: curl ‖A‖/‖J‖", series, 0.75)
        assert curl.value == pytest.approx(0.3 * strength * 0.75) and curl.n == 4
        least = at(stable, "15 epochs: min Re λ", series, 0.75)
        assert least.value == pytest.approx(-0.1 - 0.75 * strength) and least.low < least.value
    assert at(between, "5 epochs: labelled → unlabelled", "parameter", 0.5).value == pytest.approx(
        0.7
    )
    assert at(between, "45 epochs: retain → labelled", "parameter", 1).value == pytest.approx(-0.1)
    assert "450" not in stable.caption and "180 runs, 4 seeds" in stable.caption
    assert stable.draw() is not None and between.draw() is not None


def test_means_on_a_log_scale_are_geometric(rows):
    stable, _ = dynamics.pages(table(rows), False).pages
    step = at(stable, "45 epochs: η max |λ|", "activation", 1)
    assert step.value == pytest.approx(3 * np.exp(0.25 * 45) * 2e-2)
    assert step.value / step.low == pytest.approx(step.high / step.value)


def test_what_foretells_the_last_loss_is_ranked(rows):
    _, between = dynamics.pages(table(rows), False).pages
    rank = {m.series: m for m in between.marks if m.panel == f"{FORETOLD} after 15 epochs"}
    assert rank["η max |λ|"].value == pytest.approx(1) and rank["η max |λ|"].n == 4
    assert rank["min Re λ"].value == pytest.approx(-1)
    assert rank["cos(F, ∇L)"].value == pytest.approx(-1)


def test_the_headline_pairs_each_run_with_its_control(rows):
    said = dynamics.pages(table(rows), False).headline
    assert "45 epochs, parameter, p = 1" in said
    assert "min Re λ less that of the control: −1.00 [−1.00, −1.00]" in said
    assert "η max |λ| after 5 epochs, rank correlation with the last loss: 1.00" in said


def test_a_planted_pair_of_convex_losses_is_a_saddle_and_leaves(rows):
    stable, _ = dynamics.pages(table(rows), False).pages
    own = {m.series: m.value for m in stable.marks if m.panel == "planted: a = 3, b = 3"}
    assert (own["least Re λ"], own["greatest Re λ"], own["curl"]) == (-2, 4, 0)
    ends = {
        c: trajectory(np.array([[1, c], [c, 1.0]]), np.array([0.5, -0.4]))[-1] for c in (0.5, 3)
    }
    assert np.abs(ends[0.5]).max() < 0.05 and np.abs(ends[3]).max() > 100


def test_a_run_that_is_not_there_is_counted(rows):
    found = dynamics.pages(table(rows[:-1]), False)
    assert not found.pages and found.left_out == ["mlp: 179 of 180 runs"]
    assert len(dynamics.pages(table(rows[:-1]), True).pages) == 2


def test_a_run_that_diverged_is_missing_and_not_read(rows):
    broken = rows[-1] | {"status": "diverged", "dynamics.curl": 99.0}
    found = dynamics.pages(table([*rows[:-1], broken]), False)
    assert not found.pages and found.left_out == ["mlp: 179 of 180 runs, 1 diverged"]
    stable, _ = dynamics.pages(table([*rows[:-1], broken]), True).pages
    assert "PARTIAL: 179 of 180 runs" in stable.caption and "1 diverged" in stable.caption
    assert max(m.value for m in stable.marks if "curl" in m.panel) < 1


def test_a_run_that_is_not_finite_leaves_its_point_out_and_says_so(rows):
    broken = [dict(row) for row in rows]
    (one,) = [row for row in broken if series_of_run(row) == "parameter" and row["seed"] == 0
              and row["train.epochs"] == 45 and row["routing.label_fraction"] == 1]  # fmt: skip
    one |= {"dynamics.least_real": float("nan")}
    stable, _ = dynamics.pages(table(broken), False).pages
    assert at(stable, "45 epochs: min Re λ", "parameter", 1).why == "1 of 4 seeds are not finite"
    (study,) = studies(table(broken))
    assert interval({0: one}, [0], STABILITY["least"]).n == 1 and len(study.cells) == 45


@pytest.mark.slow
def test_the_linear_world_has_its_closed_form_beside_it():
    rows = [planted_row(config) for config in configs(TOY)]
    found = dynamics.pages(table(rows), False)
    by_name = {page.name: page for page in found.pages}
    assert set(by_name) == {"dynamics-paths", "dynamics_interference-paths", "dynamics-toy",
                            "dynamics_interference-toy"}  # fmt: skip
    for p in (0, 0.25, 1):
        curl = at(by_name["dynamics-paths"], "40 epochs: curl ‖A‖/‖J‖", "closed form", p)
        assert curl.value == pytest.approx(p / (2 * np.sqrt(1 + (1 - p) ** 2)), abs=1e-7)
        step = at(by_name["dynamics-paths"], "40 epochs: η max |λ|", "closed form", p)
        assert step.value == pytest.approx(2e-2 * 2 * (2 - p))
    assert all(page.draw() is not None for page in found.pages)


def test_runs_without_the_treatment_are_no_study(rows):
    plain = [row | {"measure.treatments": '["whole"]'} for row in rows]
    assert studies(table(plain)) == []


def routed_by(rows, weights: str, curl: float) -> list[dict]:
    return [
        row | {WEIGHTS: weights, "dynamics.curl": curl}
        for row in rows
        if series_of_run(row) == "parameter"
    ]


def test_another_weight_of_the_concept_is_another_study_beside_the_same_control(rows):
    """A mean over both would mix two configs."""
    found = studies(table([*rows, *routed_by(rows, "[0.5,1.0]", 9.0)]))
    curls = [
        {row["dynamics.curl"] for row in study.cells[Cell("parameter", 1.0, 15)].values()}
        for study in found
    ]
    assert sorted(curls, key=max) == [{0.3}, {9.0}]
    assert all(len(study.cells[Cell(CONTROL, 0.5, 45)]) == 4 for study in found)


def test_two_runs_of_one_cell_and_seed_are_refused(rows):
    """Ordinary training without noise serves groups with and without it; here it is there twice."""
    std = [row | {"routing.arm": "std"} for row in rows if series_of_run(row) == "parameter"]
    noisy = [row | {"routing.false_negative": 0.1} for row in (*rows, *std)]
    with pytest.raises(AbsorbError, match=r"^two runs of std after 5 epochs at label fraction"):
        studies(table([*noisy, *std]))


def test_two_learning_rates_are_told_apart_in_both_captions(rows):
    rate = rows[0]["train.learning_rate"]
    slower = [row | {"train.learning_rate": rate / 2} for row in rows]
    found = dynamics.pages(table([*rows, *slower]), False)
    assert [page.name for page in found.pages] == [
        "dynamics-mlp", "dynamics_interference-mlp", "dynamics-mlp-2", "dynamics_interference-mlp-2"
    ]  # fmt: skip
    for page, own in zip(found.pages, (rate / 2, rate / 2, rate, rate), strict=True):
        assert page.caption.startswith(f"train.learning_rate={own}\n180 runs")
