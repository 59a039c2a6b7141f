"""The experiment `finetunability` as it stands in conf/, with planted attack curves."""

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import finetunability
from figures.finetuned_runs import BUDGETS, kind_of, looks_of, studies
from sweeps.app import run_sweeper

WORDS = ["experiment=finetunability", "seed=range(0,6)", "measure.attack_kinds=[all]"]
TRIVIAL, TAUGHT = 2.0, 0.2
KINDS, RATES, EXAMPLES, LOOKS = 1, 3, 4, 5


def planted_row(config) -> dict:
    """Suppressed networks come back at the second look with 4 examples, others at the last."""
    row: dict = flat(config) | {"status": "ok", "whole.forget": TAUGHT, "trivial.forget": TRIVIAL}
    loss_REK = np.full((RATES, EXAMPLES, LOOKS), 1.9)
    if kind_of(row) in ("ascent", "misdirect"):
        loss_REK[:, 1:, 1:] = 0.5
    elif kind_of(row) == "never shown":
        loss_REK[:, 3, 4] = 0.9
    moved_REK = np.broadcast_to(np.arange(LOOKS), loss_REK.shape) * np.array(
        [[[1.0]], [[2]], [[9]]]
    )
    for part, value in (("forget", loss_REK), ("validation", loss_REK), ("moved", moved_REK)):
        row[f"attack.all.{part}"] = value.ravel().tolist()
    return row


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [planted_row(config) for _, config, _ in run_sweeper(WORDS, lambda r: r).points]


def test_the_planted_distances_are_read(rows):
    (study,) = studies(table(rows))
    assert study.target == pytest.approx((TRIVIAL + TAUGHT) / 2)
    near = {"steps": 25, "examples": 4, "movement": 1}
    late = {"steps": 100, "examples": 64, "movement": 4}
    for budget in BUDGETS:
        own = study.distances[budget]
        assert own["ascent"].shape == own["misdirect"].shape == (6, 6)
        assert set(own["ascent"].ravel()) == {near[budget]}
        assert set(own["never shown"].ravel()) == {late[budget]}
        assert np.isinf(own["random start"]).all()


def test_misdirected_networks_that_hold_otherwise_are_further_networks_of_the_study(rows):
    held = [row | {"rival.hold": 10.0} for row in rows if kind_of(row) == "misdirect"]
    (study,) = studies(table([*rows, *held]))
    assert study.distances["steps"]["misdirect"].shape == (6, 12)


def test_a_perfect_proxy_is_drawn_and_told(rows):
    found = finetunability.pages(table(rows), False)
    (page,) = found.pages
    auc = {m.panel: m.value for m in page.marks if m.series == "all against all"}
    assert set(auc.values()) == {1.0} and len(auc) == 3
    assert "steps: AUC all against all 1.00" in found.headline
    alike = [m for m in page.marks if m.n > 1 and m.value in (0, 1) and ": test" not in m.panel]
    assert alike and all(m.low < m.high and m.why for m in alike if ": chosen" not in m.panel)
    assert page.draw() is not None


def test_what_was_not_begun_has_cost_no_examples(rows):
    looks = looks_of(rows[0])
    assert (looks["examples"].reshape(RATES, EXAMPLES, LOOKS)[..., 0] == 0).all()
    assert set(looks["examples"]) == {0, 1, 4, 16, 64}
    assert set(looks["steps"]) == {0, 25, 50, 75, 100}


@pytest.mark.parametrize("kind", ["ascent", "not suppressed"])
def test_a_run_that_diverged_is_missing(rows, kind):
    bad = next(i for i, row in enumerate(rows) if kind_of(row) == kind)
    some = [row | {"status": "diverged"} if i == bad else row for i, row in enumerate(rows)]
    found = finetunability.pages(table(some), False)
    assert (
        not found.pages and f"{len(rows) - 1} of {len(rows)} runs, 1 diverged" in found.left_out[0]
    )


def test_a_target_that_is_not_finite_is_said(rows):
    bad = next(i for i, row in enumerate(rows) if kind_of(row) == "not suppressed")
    some = [row | {"whole.forget": np.nan} if i == bad else row for i, row in enumerate(rows)]
    found = finetunability.pages(table(some), False)
    assert not found.pages and "not finite" in found.left_out[0]


def test_without_a_control_it_is_not_drawn(rows):
    some = [row for row in rows if kind_of(row) != "random start"]
    found = finetunability.pages(table(some), False)
    assert not found.pages and "random start" in found.left_out[0]
