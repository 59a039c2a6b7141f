"""The experiment `path_dependence` as it stands in conf/, with planted predictions and homes."""

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import path_dependence, score_variance
from figures.path_cubes import ROUTED, SHARED, UNROUTED, UNTRAINED, by_sharing, shared, studies
from sweeps.app import run_sweeper

CLASSES, KEPT, UNITS, BLOCKS = 10, 20, 3, 2
FEW = ["experiment=path_dependence"]


def planted_row(config) -> dict:
    """Predictions and units hang on the initialisation alone, homes on the labels alone."""
    seeds = config.seeds
    rng = np.random.default_rng([config.train.epochs, seeds.init])
    prob_KC = rng.dirichlet(np.full(CLASSES, 0.1), KEPT)
    housed_C = (np.arange(CLASSES) + seeds.labels) % 2  # 0: in the region
    loss_PC = np.zeros((4, CLASSES))
    loss_PC[1] = loss_PC[3] = 1.0 - housed_C
    loss_PC[2] = housed_C
    loss_PC[3] = 1.0
    loss_PCB = loss_PC[..., None] + np.array([0.0, 1e-3])
    return flat(config) | {
        "status": "ok",
        "kept.probability": prob_KC.ravel().tolist(),
        "kept.loss": [0.1] * KEPT,
        "kept.correct": rng.integers(0, 2, KEPT).astype(float).tolist(),
        "kept.site.hidden1": rng.normal(size=(KEPT, UNITS)).ravel().tolist(),
        "homes.loss": loss_PCB.ravel().tolist(),
    }


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    points = run_sweeper(FEW, lambda request: request).points
    return [planted_row(config) for _, config, _ in points]


def test_what_two_runs_of_a_cube_share():
    assert SHARED[shared(0b000, 0b111)] == "nothing"
    assert SHARED[shared(0b100, 0b111)] == "init"
    assert SHARED[shared(0b010, 0b000)] == "init, labels"
    each = by_sharing(np.arange(64.0).reshape(8, 8))
    assert set(each) == set(SHARED)


def test_the_planted_cause_is_found(rows):
    (study,) = studies(table(rows))
    assert not study.missing and {k: len(v) for k, v in study.cubes.items()} == {
        ROUTED: 10, UNROUTED: 10}  # fmt: skip
    (page,) = path_dependence.pages(table(rows), False).pages
    at = {(m.panel, m.series, SHARED.get(int(m.at))): m.value for m in page.marks}
    for panel, alike in (("disagreement", 0.0), ("debiased CKA, calibrated", 1.0)):
        assert at[panel, ROUTED, "init"] == at[panel, UNROUTED, "init, order"] == alike
        assert abs(at[panel, ROUTED, "order, labels"] - alike) > 0.5
        assert abs(at[panel, UNTRAINED, "nothing"] - alike) > 0.5
    assert at["classes of one home", ROUTED, "labels"] == 1
    assert at["classes of one home", ROUTED, "init, order"] == 0
    assert page.draw() is not None


def test_a_cube_with_a_hole_is_named(rows):
    short = [row for row in rows if (row["seeds.init"], row["seeds.order"]) != (3, 2)]
    found = path_dependence.pages(table(short), False)
    assert not found.pages and "runs routed are in whole cubes" in found.left_out[0]


@pytest.mark.parametrize("epochs", [True, False])
def test_a_run_that_diverged_is_missing_and_in_no_cube(rows, epochs):
    bad = next(i for i, row in enumerate(rows) if bool(row["train.epochs"]) == epochs)
    some = [row | {"status": "diverged"} if i == bad else row for i, row in enumerate(rows)]
    for figure in (path_dependence, score_variance):
        found = figure.pages(table(some), False)
        assert not found.pages and f"{len(rows) - 1} of {len(rows)} runs" in found.left_out[0]
    (study,) = studies(table(some))
    read = [row for cubes in study.cubes.values() for cube in cubes for row in cube]
    read += [row for pair in study.starts for row in pair]
    assert {row["status"] for row in read} == {"ok"}


def varied_alike(rows: list[dict], spread: float, noise: float) -> list[dict]:
    """Losses of a run's own mean, and of every picture by itself."""
    found = []
    for i, row in enumerate(rows):
        rng = np.random.default_rng(i)
        loss_K = 1 + spread * rng.normal() + noise * rng.normal(size=KEPT)
        found.append(row | {"kept.loss": loss_K.tolist()})
    return found


@pytest.mark.parametrize(("spread", "noise"), [(0.2, 1.0), (0.0, 1.0), (0.3, 0.0)])
def test_the_noise_of_the_test_set_is_told_from_what_runs_differ_by(rows, spread, noise):
    (page,) = score_variance.pages(table(varied_alike(rows, spread, noise)), False).pages
    at = {(m.panel, m.series, int(m.at)): m for m in page.marks}
    for name in (ROUTED, UNROUTED):
        naive, of_set, rest = (at["loss, (.01 nats)", name, i] for i in range(3))
        assert naive.n == 20 and naive.value == pytest.approx(of_set.value + rest.value)
        assert of_set.value == pytest.approx(1e4 * noise**2 / KEPT, rel=0.3, abs=1e-8)
        assert rest.low <= 1e4 * spread**2 <= rest.high and naive.low < naive.value < naive.high
    assert page.draw() is not None


def test_a_run_without_finite_losses_leaves_no_variance(rows):
    broken = [row | {"kept.loss": [np.nan] * KEPT} if i == 0 else row for i, row in enumerate(rows)]
    (page,) = score_variance.pages(table(broken), False).pages
    (one,) = (m for m in page.marks if m.panel == "loss, (.01 nats)" and not m.at and not m.drawn)
    assert one.why == "1 of 20 runs are not finite"
    assert page.draw() is not None


@pytest.mark.parametrize("figure", [path_dependence, score_variance])
def test_where_no_trained_run_ended_well_nothing_is_drawn(rows, figure):
    bad = [row | {"status": "diverged"} if row["train.epochs"] else row for row in rows]
    found = figure.pages(table(bad), True)
    assert not found.pages and f"of {len(rows)} runs ended well" in found.left_out[0]
