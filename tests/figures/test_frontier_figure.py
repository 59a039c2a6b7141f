"""The experiment `frontier` as it stands in conf/, with planted capabilities."""

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import frontier
from figures.frontier_pairs import control_of, studies
from sweeps.app import run_sweeper

WORDS = ["experiment=frontier", "model=mlp", "seed=range(0,6)"]
COST = {"asked": 0.4, "identical": 1.0, "separable": 0.0}
CEILING, FLOOR, BEST, TRIVIAL = 2.0, 0.5, 0.1, np.log(5)


@pytest.fixture(scope="module")
def planted() -> list[dict]:
    """24 configs of each pair on the line b = 1 − cost (1 − a), and the references."""
    rows, place = [], {}
    for _, config, _ in run_sweeper(WORDS, lambda request: request).points:
        row: dict = flat(config) | {"status": "ok", "forget_train_count": 242}
        control, seed = control_of(row), config.seed
        if config.routing.arm == "std":
            a, b = float(config.train.epochs > 0), 0.0
        elif config.routing.arm == "filter" and config.train.epochs == 100:
            a, b = 23 / 24, 1.0  # B alone: the scale of b
        else:
            i = place[control, seed] = place.get((control, seed), -1) + 1
            a = i / 24
            b = 1 - COST[control] * (1 - a)
        row["elicited.forget"] = CEILING - a * (CEILING - FLOOR)
        row["trivial.retain"] = TRIVIAL
        row["raw.retain"] = TRIVIAL - b * (TRIVIAL - BEST)
        rows.append(row)
    return rows


def test_the_planted_entanglement_is_read_from_the_experiment(planted):
    found = frontier.pages(table(planted), False)
    marks = {m.series: m for m in found.pages[0].marks if m.panel.endswith("numbers")}
    assert marks["ent"].value == pytest.approx(0.4, abs=0.03)
    assert marks["ent_raw, identical"].value == pytest.approx(1, abs=0.08)
    assert marks["zero cost, asked"].value == pytest.approx(23 / 24)
    assert found.pages[0].draw() is not None
    assert "frontier, classification: 0 to 4 against 5 to 9, 6 seeds" in found.headline
    assert "6 of filter, 6 of route, 6 of ascent, 6 of misdirect" in found.pages[0].caption


def test_the_raw_tradeoff_is_the_line_that_was_planted(planted):
    """L_B where E_A is at least τ: b = 1 − cost (1 − a), on a grid of 24 values of a."""
    page = frontier.pages(table(planted), False).pages[1]
    assert page.name == "tradeoff" and page.draw() is not None
    own = [m for m in page.marks if m.panel.endswith("T(τ)")]
    for m in own:
        i = np.floor((CEILING - m.at) / (CEILING - FLOOR) * 24 + 1e-9)  # the greatest a allowed
        b = 1 if i == 23 else 1 - COST[m.series] * (1 - i / 24)  # 23: B alone
        assert 0 <= i <= 23 and m.value == pytest.approx(TRIVIAL - b * (TRIVIAL - BEST), abs=1e-9)
    assert len(own) == 3 * 25 and max(m.at for m in own) == pytest.approx(CEILING)
    elicited = [m for m in page.marks if m.panel.endswith("elicited")]
    assert len(elicited) == len(own) and all(m.value >= m.at - 1e-9 for m in elicited)


def test_where_all_configs_do_worse_than_a_constant_the_constant_is_taken(planted):
    worse = [row | {"raw.retain": TRIVIAL + 1} if row["routing.arm"] != "filter" else row
             for row in planted]  # fmt: skip
    last = [row | {"elicited.forget": FLOOR} if row["routing.arm"] == "filter" else row
            for row in worse]  # fmt: skip
    page = frontier.pages(table(last), False).pages[1]
    end = [m for m in page.marks if m.panel.endswith("T(τ)") and m.at == pytest.approx(CEILING)]
    assert [m.value for m in end] == pytest.approx([TRIVIAL] * 3)
    assert {m.flag for m in end} == {"a random start with a constant"}


def test_every_pair_is_searched_with_as_many_configs(planted):
    (study,) = studies(table(planted))
    assert {search.a_CS.shape for search in study.searches.values()} == {(24, 6)}


@pytest.mark.parametrize(
    "left, said",
    [(lambda row: row["seed"] != 3 or row["train.epochs"] != 12, "of 468 runs"),
     (lambda row: control_of(row) != "identical", "no runs of identical"),
     (lambda row: row["train.epochs"] != 0, "no run of the random start")],
)  # fmt: skip
def test_what_is_not_whole_is_named(planted, left, said):
    found = frontier.pages(table([row for row in planted if left(row)]), False)
    assert not found.pages and said in found.left_out[0]


def test_two_searches_of_one_model_have_panels_of_their_own(planted):
    other = [row | {"world.validation": 0.3} for row in planted]
    found = frontier.pages(table([*planted, *other]), False)
    for page in found.pages:
        places = [(m.panel, m.series, m.at) for m in page.marks]
        assert len(set(places)) == len(places) and page.draw() is not None
    panels = {m.panel for m in found.pages[0].marks if m.panel.endswith(": numbers")}
    assert panels == {f"classification; world.validation={v}: numbers"
                      for v in (planted[0]["world.validation"], 0.3)}  # fmt: skip


def lost(row) -> dict:
    nothing = dict.fromkeys(("elicited.forget", "trivial.retain", "raw.retain"))
    return row | {"status": "diverged"} | nothing


def test_a_search_of_which_no_run_ended_well_is_left_out_and_named(planted):
    found = frontier.pages(table([lost(row) for row in planted]), False)
    assert found == ([], "", ["classification: no run ended well"])


def test_a_search_in_which_every_config_lost_a_run_says_so(planted):
    found = frontier.pages(table([lost(r) if r["seed"] == 3 else r for r in planted]), False)
    assert all(page.draw() is not None for page in found.pages)
