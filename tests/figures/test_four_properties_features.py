"""The experiment `four_properties_features` as it stands in conf/, with its planted relations."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from planted_runs import table
from test_four_properties_figure import planted_row

from figures import four_properties
from figures.four_draw import PLANTED, TAU
from figures.pair_tasks import COLUMN, ROW, SUBSPACE, Task, feature_task, planted, task
from figures.task_pairs import DELTA, HELD, PROPERTIES, studies
from sweeps.app import run_sweeper

WORDS = ["experiment=four_properties_features", "seed=range(0,4)", "measure.attack_kinds=[all]"]
TASKS = ["0 to 3", "0 to 7", "0 to 3, 12 to 15", "2 to 9", "4 to 11", "8 to 15"]
ENDS = (3, 50)  # epochs of filtering at which all of the column, and the column alone, is lost


def share(row) -> float:
    """Of the features of A, the task that is asked, those that B has."""
    a, b = (set(task(row, role).place) for role in "ab")
    return len(a & b) / len(a)


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    points = run_sweeper(WORDS, lambda request: request).points
    return [planted_row(config, share, ENDS) for _, config, _ in points]


@pytest.fixture(scope="module")
def page(rows):
    (found,) = four_properties.pages(table(rows), False).pages
    return found


def test_every_property_of_all_pairs_recovers_the_share_that_is_planted(rows):
    (study,) = studies(table(rows))
    assert [one.words for one in study.tasks] == TASKS and len(study.pairs) == 30
    assert not study.missing and list(study.planted) == [COLUMN, ROW]
    for name in PROPERTIES:
        found = study.found[name].mean(axis=1)
        np.testing.assert_allclose(found, study.planted[COLUMN], atol=1e-9)
        np.testing.assert_allclose(study.same[name], 1, atol=1e-9)
    assert (study.found[HELD] <= DELTA + 1e-9).all() and (study.same[HELD] <= DELTA + 1e-9).all()


def test_a_cost_whose_network_may_yield_more_than_it_should_says_so(rows):
    moved = [0.2, -0.2, 0.15, -0.15]  # of the loss that is elicited, seed by seed
    noisy = [{**row, "elicited.forget": row["elicited.forget"] + moved[row["seed"] % 4]}
             if row["routing.arm"] == "filter" else row for row in rows]  # fmt: skip
    exact, open_ = (
        [m.flag for m in four_properties.pages(table(r), False).pages[0].marks if m.panel == "cost"]
        for r in (rows, noisy)
    )
    assert exact == 36 * [""] and sum(f.startswith("a is ") for f in open_) > 18


def test_the_design_has_every_quarter_and_a_task_within_another(rows):
    (study,) = studies(table(rows))
    count = {x: int((study.planted[COLUMN] == x).sum()) for x in (0, 0.25, 0.5, 0.75, 1)}
    assert count == {0: 8, 0.25: 5, 0.5: 11, 0.75: 4, 1: 2}
    nested = study.pairs.index((TASKS.index("0 to 7"), TASKS.index("0 to 3")))
    assert (study.planted[COLUMN][nested], study.planted[ROW][nested]) == (1, 0.5)


def test_each_property_is_held_against_what_is_planted(page):
    tau = {m.series: m for m in page.marks if m.panel == TAU}
    assert len(tau) == 6 + 4 * 2
    for name in PROPERTIES:
        assert tau[f"{name} ~ {COLUMN}"].value == pytest.approx(1)
        assert float(tau[f"{name} ~ {COLUMN}"].flag.removeprefix("P = ")) < 0.01
        assert tau[f"{name} ~ {ROW}"].value < 0.9


def test_the_page_shows_the_planted_shares_and_says_what_they_are(page):
    own = {m.series: m.value for m in page.marks if m.panel == PLANTED + COLUMN}
    assert len(own) == 36 and own["0 to 7 → 0 to 3"] == 1 and own["0 to 3 → 0 to 7"] == 0.5
    assert own["0 to 7 → 8 to 15"] == 0 and own["8 to 15 → 8 to 15"] == 1
    assert page.name == "four_properties-features"
    titles = [ax.get_title().replace("\n", " ") for ax in page.draw().findobj(Axes)]
    assert [title for title in titles if title] == [*PROPERTIES, "planted"]
    assert "Planted: the share of the column's features" in page.caption
    assert "other vectors of itself" in page.caption and "one view" not in page.caption


def test_a_pair_without_a_value_has_no_rank_but_its_planted_share(rows):
    gone = [{**row, "status": "failed"} if row["routing.arm"] == "filter" and row["seed"] == 0
            else row for row in rows]  # fmt: skip
    (page,), words, _ = four_properties.pages(table(gone), False)
    assert "(30 of 30 undefined)" in words
    why = [m.why for m in page.marks if m.panel == TAU]
    assert "a pair is undefined" in why and page.draw() is not None
    assert len([m for m in page.marks if m.panel == PLANTED + COLUMN and m.drawn]) == 36


def of(*features: int, view: str = "upright") -> Task:
    return Task(features, view, feature_task(features, view))


FOUR = [of(0, 1), of(1, 2), of(0, 1, view="rotated"), of(1, 2, view="rotated")]
PAIRS = [(0, 1), (0, 2), (2, 3), (0, 3), (2, 2)]


@pytest.mark.parametrize("kind", ["axes", "orthogonal"])
def test_rotation_leaves_the_subspace_and_no_feature(kind):
    found = planted(FOUR, PAIRS, {"world.kind": "feature_pair", "world.directions": kind})
    assert list(found) == [COLUMN, SUBSPACE]  # of row and column the same: sizes are equal
    assert found[COLUMN].tolist() == [0.5, 0, 0, 0, 1]
    assert found[SUBSPACE].tolist() == [0.5, 1, 0.5, 0.5, 1]


def test_what_is_not_known_is_not_planted():
    random = planted(FOUR, PAIRS, {"world.kind": "feature_pair", "world.directions": "random"})
    assert list(random) == [COLUMN]
    assert planted(FOUR, PAIRS, {"world.kind": "pair"}) == {}


@pytest.mark.parametrize(("features", "view", "said"), [
    ([3], "upright", "3"), ([7, 6], "upright", "6 to 7"),
    ([0, 2, 3, 9], "rotated", "0, 2 to 3, 9 (rotated)"),
])  # fmt: skip
def test_features_in_words(features, view, said):
    assert feature_task(features, view) == said
