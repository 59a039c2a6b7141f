"""The experiment `fixed_points` as it stands in conf/, with planted measures."""

import pytest
from planted_runs import table

from absorb.identity import flat
from figures import fixed_points
from figures.dynamics_runs import CONTROL, WEIGHTS, series_of_run
from sweeps.app import run_sweeper

STARTS = 4
NONE = float("nan")


def planted_row(config) -> dict:
    """The solver fails at one start more than the flow, which fails at a start of routed runs."""
    row: dict = flat(config) | {"status": "ok", "kept_share": 0.4}
    routed = series_of_run(row) != CONTROL
    p, kind = config.routing.label_fraction, config.model.kind
    for way, failed in (("solver", 1 + routed), ("flow", int(routed))):
        name = f"fixed_points.{way}"
        row |= {f"{name}.failed": float(failed), f"{name}.found": 2.0}
        row[f"{name}.as_trained"] = NONE if kind == "mlp" else 2.0
        row[f"{name}.stable"] = [NONE] * failed + [1.0] * (STARTS - failed - 1) + [0.0]
        row[f"{name}.kept"] = [0.3 + 0.1 * p] * STARTS if kind == "paths" else [NONE] * STARTS
    if row.get("model.depth") == 2:  # a saddle, of which no share can be told
        row["fixed_points.solver.kept"] = [NONE, *[0.4] * (STARTS - 1)]
    return row | {"fixed_points.trained.distance": 0.2 + 0.01 * config.seed}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    words = ["experiment=fixed_points", "seed=range(0,3)"]
    points = run_sweeper(words, lambda request: request).points
    return [planted_row(config) for _, config, _ in points]


def at(page, panel, series, p):
    (found,) = [m for m in page.marks if (m.panel, m.series, m.at) == (panel, series, p)]
    return found


def test_what_was_planted_is_drawn_with_its_seeds_and_its_control(rows):
    found = fixed_points.pages(table(rows), False)
    (page,) = found.pages
    assert at(page, "toy, sparse: find a root", "flow, routed", 0.5).value == 0.75
    assert at(page, "toy, sparse: find a root", "solver, control", 0.5).value == 0.75
    assert at(page, "toy, sparse: find a root", "solver, routed", 1).n == 3
    assert at(page, "toy, sparse: … a stable root", "flow, routed", 0.5).value == 0.5
    distance = at(page, "toy, sparse: where it rests", "training, routed", 1)
    assert distance.value == pytest.approx(0.21) and distance.low < 0.21 < distance.high
    assert at(page, "paths of 2: where it rests", "flow, routed", 1).value == pytest.approx(0.4)
    saddles = at(page, "paths of 2: where it rests", "solver, routed", 1)
    assert not saddles.drawn and saddles.why == "no run has one"
    assert "60 runs, 3 seeds" in page.caption and page.draw() is not None
    assert "fixed points, paths of 1, 3 seeds" in found.headline


def test_closed_forms_of_two_paths_stand_beside_them(rows):
    (page,) = fixed_points.pages(table(rows), False).pages
    for p in (0, 0.5, 1):
        want = (1 - p) / (2 - p)
        assert at(page, "paths of 1: where it rests", "closed form", p).value == want
        assert at(page, "paths of 1: where it rests", "closed form, control", p).value == 0.5
        assert at(page, "paths of 2: find a root", "closed form", p).value == 1
    assert not [m for m in page.marks if m.panel.startswith("toy") and "closed" in m.series]


def test_what_no_run_has_says_so_and_a_lack_in_one_is_counted(rows):
    (page,) = fixed_points.pages(table(rows), False).pages
    assert at(page, "mlp, digits: … training's", "flow, routed", 0.5).why == "no run has one"
    broken = [dict(row) for row in rows]
    toy = [r for r in broken if r["model.kind"] == "toy" and series_of_run(r) != CONTROL]
    toy[0]["fixed_points.flow.as_trained"] = NONE
    (page,) = fixed_points.pages(table(broken), False).pages
    said = at(page, "toy, sparse: … training's", "flow, routed", toy[0]["routing.label_fraction"])
    assert said.why == "1 of 3 seeds are not finite"


def test_a_run_that_is_not_there_is_counted(rows):
    found = fixed_points.pages(table(rows[1:]), False)
    assert len(found.left_out) == 1 and "of 18 runs" in found.left_out[0]
    (page,) = fixed_points.pages(table(rows[1:]), True).pages
    assert "PARTIAL" in page.caption


def test_a_run_that_did_not_end_well_is_not_there(rows):
    bad = [rows[0] | {"status": "diverged"}, *rows[1:]]
    found = fixed_points.pages(table(bad), False)
    assert len(found.left_out) == 1 and "of 18 runs, 1 diverged" in found.left_out[0]


def test_runs_without_the_treatment_are_no_study(rows):
    plain = [row | {"measure.treatments": '["whole"]'} for row in rows]
    assert fixed_points.pages(table(plain), True).pages == []


def test_another_weight_of_the_concept_is_another_study_beside_the_same_control(rows):
    """A mean over both would mix two configs."""
    toys = [row for row in rows if row["model.kind"] == "toy"]
    other = [row | {WEIGHTS: "[0.5,0.0]", "fixed_points.flow.found": 7.0}
             for row in toys if series_of_run(row) != CONTROL]  # fmt: skip
    found = [
        {row["fixed_points.flow.found"] for row in study.cells["routed", 0.5].values()}
        for study in fixed_points.studies(table([*toys, *other]))
    ]
    assert sorted(found, key=max) == [{2.0}, {7.0}]


def test_two_learning_rates_are_rows_of_their_own(rows):
    toys = [row for row in rows if row["model.kind"] == "toy"]
    faster = [row | {"train.learning_rate": 0.5} for row in toys]
    (page,) = fixed_points.pages(table([*faster, *toys]), False).pages
    names = dict.fromkeys(m.panel.split(": ")[0] for m in page.marks)
    slow = toys[0]["train.learning_rate"]
    assert list(names) == [f"toy, sparse; train.learning_rate={rate}" for rate in (slow, 0.5)]
    assert at(page, f"toy, sparse; train.learning_rate={slow}: find a root", "flow, routed", 1)
    assert page.draw() is not None
