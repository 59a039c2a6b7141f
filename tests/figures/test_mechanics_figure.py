"""The experiment `mechanics` as it stands in conf/, with planted diaries."""

import json

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import mechanics
from figures.mechanics_runs import CAPACITY, Cell, activations, cell_of, studies
from figures.select import FRACTION
from sweeps.app import run_sweeper

WORDS = ["experiment=mechanics", "model=mlp", "seed=range(0,6)", "train.epochs=20"]
EPOCHS, LOOKS = 20, 21
UNITS, EXAMPLES = 6, 16
GAIN = 0.5


def planted_row(config) -> dict:
    """R's share at the end is 1 - p / 2; half of a nudge stays; K's gradient is suppressed so."""
    row: dict = flat(config) | {"status": "ok"}
    cell, rng = cell_of(row), np.random.default_rng(config.seed)
    whole_E = np.linspace(0, 1, LOOKS) + 1e-3
    share_E = np.full(LOOKS, 1 - cell.p / 2 if cell.arm == "route" else 0.2)
    share_E = share_E + 0.001 * rng.standard_normal() + lifted(cell)
    row |= {
        "mechanics.whole": whole_E.tolist(),
        "mechanics.strength": (whole_E * share_E).tolist(),
        "mechanics.residual": (1.2 - whole_E).tolist(),
        "mechanics.suppress": (share_E + 0.01 * rng.standard_normal()).tolist(),
        "mechanics.control": np.full(LOOKS, 0.01 * rng.standard_normal()).tolist(),
        "mechanics.loss": (2 - whole_E).tolist(),
        "mechanics.credit": planted_credit(rng).ravel().tolist(),
        "usable.information": 0.3 - 0.2 * cell.p * (cell.arm == "route") + noise(rng),
        "usable.shuffled": noise(rng),
        "usable.start": 0.1 + noise(rng),
        "kept.loss": [0.0] * EXAMPLES,
    }
    units_NU = np.random.default_rng(0).standard_normal((EXAMPLES, UNITS))
    units_NU = units_NU + 0.3 * rng.standard_normal((EXAMPLES, UNITS))
    site = json.loads(row["routing.sites"])[-1]
    return row | {f"kept.site.{site}": units_NU.ravel().tolist()}


def noise(rng) -> float:
    return float(0.005 * rng.standard_normal())


def lifted(cell: Cell) -> np.ndarray:
    lift_E = np.zeros(LOOKS)
    if cell.nudge:
        lift_E[round(cell.at * EPOCHS) :] = cell.nudge
        lift_E[-1] *= GAIN
    return lift_E


def planted_credit(rng) -> np.ndarray:
    """Of unlabelled data two thirds is the region's, of all others nothing."""
    credit_KG = np.zeros((3, 4))
    credit_KG[1, :2] = [-2, -1]
    credit_KG[2, 1] = -5
    return credit_KG * rng.uniform(0.9, 1.1)


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [planted_row(config) for _, config, _ in run_sweeper(WORDS, lambda r: r).points]


def test_cells_are_told_apart(rows):
    (study,) = studies(table(rows))
    assert not study.missing and list(study.seeds) == list(range(6))
    assert [c.p for c in study.where("route")] == [0.1, 0.25, 0.5, 1]
    assert {c.until for c in study.where("route", stopped=True)} == {0.05, 0.1, 0.25, 0.5}
    assert {c.nudge for c in study.where("capacity", nudged=True)} == {-0.2, 0.2}
    assert study.where("capacity") == [CAPACITY]
    assert activations(study.of(CAPACITY)).shape == (6, EXAMPLES, UNITS)


def test_what_was_planted_is_drawn(rows):
    (page,) = mechanics.pages(table(rows), False).pages
    at = {(m.panel, m.series, m.at): m for m in page.marks}
    assert at["share", "route, p = 0.5", EPOCHS].value == pytest.approx(0.75, abs=0.01)
    assert at["share", "not routed", EPOCHS].value == pytest.approx(0.2, abs=0.01)
    assert at["suppression", "route, p = 0.5", 1].value == pytest.approx(0.75, abs=0.05)
    assert abs(at["suppression", "route, p = 0.5, random", 1].value) < 0.05
    assert at["credit", "route", 0.25].value == pytest.approx(2 / 3)
    assert at["probe", "route", 1].value == pytest.approx(0.1, abs=0.02)
    assert at["probe", "untrained", 0].value == pytest.approx(0.1, abs=0.02)
    assert at["A_probe", "route", 0.5].value == pytest.approx(0.5, abs=0.1)
    assert at["A_probe", "capacity", 0.5].value == pytest.approx(0, abs=0.05)
    assert at["labels stop", "p = 1, at the end", 0.05].value == pytest.approx(0.5, abs=0.01)
    assert ("gain", "route", 0.5) in at and ("gain", "capacity", 0.5) in at
    assert at["gain", "route", 0.5].value == pytest.approx(GAIN)
    assert at["form", "route", 0.25].value == pytest.approx(1, abs=0.2)
    assert page.draw() is not None


def test_a_study_with_a_hole_is_not_drawn(rows):
    some = [r for r in rows if not (r["seed"] == 3 and r[FRACTION] == 0.5)]
    found = mechanics.pages(table(some), False)
    assert not found.pages and " of " in found.left_out[0]
    none = [row for row in rows if row["routing.arm"] != "capacity"]
    assert "capacity" in mechanics.pages(table(none), False).left_out[0]


def test_two_studies_of_a_model_are_told_apart_in_their_captions(rows):
    rate = rows[0]["train.learning_rate"]
    slower = [row | {"train.learning_rate": rate / 2} for row in rows]
    found = mechanics.pages(table([*rows, *slower]), False).pages
    assert [(page.name, page.caption.splitlines()[0]) for page in found] == [
        ("mechanics-mlp", f"train.learning_rate={rate / 2}"),
        ("mechanics-mlp-2", f"train.learning_rate={rate}"),
    ]


def test_a_run_that_diverged_is_said_to_have_diverged(rows):
    bad = [rows[0] | {"status": "diverged"}, *rows[1:]]
    (said,) = mechanics.pages(table(bad), False).left_out
    assert said == f"mechanics: {len(rows) - 1} of {len(rows)} runs, 1 diverged"
