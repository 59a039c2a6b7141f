"""The experiment `dose_response` as it stands in conf/, with planted attack curves."""

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import saturation
from figures.select import ARM, FRACTION
from sweeps.app import run_sweeper

WORDS = ["experiment=dose_response", "model=mlp", "seed=range(0,6)"]
RATES, EXAMPLES, LOOKS = 2, 3, 5
FALL_K = np.array([0.0, 0.6, 0.8, 0.9, 1.0])  # of routed networks; filtered ones are flat at once
FALL_E = np.array([0.5, 0.75, 1.0])


def planted_row(config) -> dict:
    row: dict = flat(config) | {"status": "ok"}
    start = 2.0 + 0.05 * np.random.default_rng(config.seed).standard_normal()
    fall_K = np.minimum(1, 9 * FALL_K) if row[ARM] == "filter" else FALL_K
    loss_REK = np.broadcast_to(start - fall_K * FALL_E[:, None], (RATES, EXAMPLES, LOOKS))
    for kind in ("head", "all"):
        for part in ("forget", "validation"):
            row[f"attack.{kind}.{part}"] = loss_REK.ravel().tolist()
    return row


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [planted_row(config) for _, config, _ in run_sweeper(WORDS, lambda r: r).points]


def test_what_the_end_of_the_budget_adds_is_told(rows):
    found = saturation.pages(table(rows), False)
    (page,) = found.pages
    at = {(m.panel, m.series, m.at): m for m in page.marks}
    assert at["added at the end: steps", "route", 0.25].value == pytest.approx(0.2)
    assert at["added at the end: steps", "filter", 0.25].value == pytest.approx(0, abs=1e-9)
    assert at["added at the end: examples", "route", 0.5].value == pytest.approx(0.25)
    assert at["p = 0.5: steps", "route", 100].value == pytest.approx(1, abs=0.1)
    assert at["p = 0.5: examples", "route", 4].value == pytest.approx(1.5, abs=0.1)
    assert {m.panel for m in page.marks if m.panel.startswith("p = ")} == {
        f"p = {p}: {budget}"
        for p in (0.1, 0.25, 0.5, 0.75, 0.9)
        for budget in ("steps", "examples")
    }
    assert "route: p = 0.1 0.200" in found.headline and page.draw() is not None


def test_an_arm_with_a_run_that_diverged_has_no_mean_of_the_others(rows):
    def bad(row) -> bool:
        return row["seed"] == 3 and row[ARM] == "route" and row[FRACTION] == 0.5

    some = [row | {"status": "diverged"} if bad(row) else row for row in rows]
    (page,) = saturation.pages(table(some), False).pages
    at = {(m.panel, m.series, m.at): m for m in page.marks}
    for panel, place in (("p = 0.5: steps", 100), ("added at the end: steps", 0.5)):
        lost = at[panel, "route", place]
        assert not lost.drawn and lost.why == "1 of 6 seeds are not finite"
    assert at["added at the end: steps", "route", 0.25].drawn and page.draw() is not None


def test_experiments_of_one_arm_share_a_figure(rows):
    """Four of them: what is the same for most goes without saying."""
    alone = [
        row | {"routing.concept": concept, "routing.granularity": granularity}
        for row in rows
        if row[ARM] == "route" and row[FRACTION] in (0.0, 0.5)
        for concept, granularity in (("[0]", "example"), ("[1]", "example"), ("[2]", "class"))
    ]
    (page,) = saturation.pages(table(alone), False).pages
    assert page.name == "saturation_cells" and "granularity example" in page.caption
    (class_,) = (m for m in page.marks if "class" in m.series and m.panel.endswith("steps"))
    assert class_.series == "granularity class, concept 2"
    steps = [m.value for m in page.marks if m.panel.endswith("steps")]
    assert steps == pytest.approx([0.2] * 3)
    assert page.draw() is not None


def test_a_hole_is_refused_and_drawn_if_asked_for(rows):
    some = [r for r in rows if not (r["seed"] == 3 and r[ARM] == "route" and r[FRACTION] == 0.5)]
    found = saturation.pages(table(some), False)
    assert not found.pages and " of " in found.left_out[0]
    assert saturation.pages(table(some), True).pages


def test_runs_that_nobody_attacked_have_none(rows):
    plain = [{k: v for k, v in row.items() if not k.startswith("attack.")} for row in rows]
    assert not saturation.pages(table(plain), False).pages


@pytest.mark.parametrize("arms", [("route",), ("route", "filter")])
def test_where_no_run_ended_well_nothing_is_drawn(rows, arms):
    bad = [row | {"status": "diverged"} for row in rows if row[ARM] in arms]
    for partial in (False, True):
        found = saturation.pages(table(bad), partial)
        assert found == ([], "", ["saturation: no run ended well"])


def test_where_each_experiment_lost_a_run_no_number_is_said(rows):
    alone = [row | {"status": "diverged" if row["seed"] == 3 else "ok"}
             for row in rows if row[ARM] == "route" and row[FRACTION] == 0.5]  # fmt: skip
    found = saturation.pages(table(alone), False)
    assert "  steps: –" in found.headline and found.pages[0].draw() is not None
