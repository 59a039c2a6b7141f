"""The experiment `four_properties` as it stands in conf/, with planted relations of tasks."""

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import four_properties, frontier
from figures.pair_tasks import task, tasks_of
from figures.task_pairs import PROPERTIES, studies
from sweeps.app import run_sweeper

WORDS = ["experiment=four_properties", "model=mlp", "world.a_view=upright,turned",
         "seed=range(0,4)", "world.a=[0,1,2,3,4],[5,6,7,8,9]", "world.b=[0,1,2,3,4],[5,6,7,8,9]",
         "measure.attack_kinds=[all]"]  # fmt: skip
CANNOT, CAN, TRIVIAL, BEST = 2.0, 0.2, 1.5, 0.1
RATES, EXAMPLES, LOOKS = 2, 3, 5


def related(row) -> float:
    """The planted relation: how much of task A is in a network that is good at B; no two tie."""
    (a, a_view, _), (b, b_view, _) = task(row, "a"), task(row, "b")
    number_a, number_b = (2 * (5 in digits) + (view == "turned")
                          for digits, view in ((a, a_view), (b, b_view)))  # fmt: skip
    return 0.8 - 0.3 * (a != b) - 0.2 * (a_view != b_view) - 0.013 * number_a - 0.007 * number_b


def planted_row(config, relation=related, ends=(6, 100)) -> dict:
    """B alone has all of B; one config has nothing of A; all others are worse than both."""
    row: dict = flat(config) | {"status": "ok", "trivial.retain": TRIVIAL}
    arm, epochs, s = row["routing.arm"], row["train.epochs"], relation(row)
    a, b, (short, long) = 1.0, 0.5, ends
    if arm == "filter":
        a, b = (s, 1.0) if epochs == long else (0.0, 1 - s) if epochs == short else (a, b)
    elif arm == "std":
        a = float(epochs > 0)
    loss = CANNOT - a * (CANNOT - CAN)
    curve = np.full((RATES, EXAMPLES, LOOKS), loss).ravel().tolist()
    row |= {"elicited.forget": loss, "refit.forget": loss, "attack.all.forget": curve}
    row |= {"attack.all.validation": curve, "raw.retain": TRIVIAL - b * (TRIVIAL - BEST)}
    return row


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [planted_row(config) for _, config, _ in run_sweeper(WORDS, lambda r: r).points]


def test_every_property_recovers_the_planted_relation(rows):
    (study,) = studies(table(rows))
    tasks = tasks_of(rows)
    by_pair = {(tasks.index(task(r, "b")), tasks.index(task(r, "a"))): related(r) for r in rows}
    assert len(study.pairs) == 12 and not study.missing
    for name in PROPERTIES:
        planted = [by_pair[pair] for pair in study.pairs]
        np.testing.assert_allclose(study.found[name].mean(axis=1), planted, atol=1e-9)
        np.testing.assert_allclose(
            study.same[name].mean(axis=1), [by_pair[i, i] for i in range(4)], atol=1e-9
        )


def test_transfer_is_read_where_the_most_examples_teach_a_start_everything(rows):
    """Averaged over log n and then divided: one n without room leaves the others to be read."""

    def spent(row):
        curve_REL = np.array(row["attack.all.forget"]).reshape(RATES, EXAMPLES, LOOKS)
        curve_REL[:, -1] = CAN
        flat_loss = curve_REL.ravel().tolist()
        return row | {"attack.all.forget": flat_loss, "attack.all.validation": flat_loss}

    (study,) = studies(table([spent(row) for row in rows]))
    (usual,) = studies(table(rows))
    np.testing.assert_allclose(study.found["transfer"], usual.found["transfer"], atol=1e-9)


def test_a_broken_network_costs_no_more_than_one_that_does_nothing(rows):
    """All but one config are far worse at B than a constant, and that one knows all of A."""

    def broken(row):
        if row["routing.arm"] == "filter" and row["train.epochs"] == 100:
            return row | {"elicited.forget": CAN}
        return row if row["routing.arm"] == "std" else row | {"raw.retain": 50 * TRIVIAL}

    (study,) = studies(table([broken(row) for row in rows]))
    np.testing.assert_allclose(study.found["cost"], 1, atol=1e-9)


def test_four_names_of_one_thing_agree(rows):
    found = four_properties.pages(table(rows), False)
    (page,) = found.pages
    taus = [m for m in page.marks if m.panel == "Kendall τ_b"]
    assert len(taus) == 6 and all(m.value == pytest.approx(1) for m in taus)
    within = [m for m in page.marks if m.panel == "Kendall τ_b within a view"]
    assert [(m.value, m.n) for m in within] == [(pytest.approx(1), 4)] * 6
    assert not [m for m in page.marks if m.panel == "counterexample"]
    assert not [m for m in page.marks if "planted" in m.panel or "features" in m.series]
    assert page.draw() is not None
    assert not frontier.pages(table(rows), False).left_out  # another question


def test_a_pair_that_is_not_there_is_counted(rows):
    some = [row for row in rows if related(row) != related(rows[0])]
    found = four_properties.pages(table(some), False)
    assert not found.pages and "ordered pairs of tasks" in found.left_out[0]


STORIES = ["experiment=four_properties_stories"]
TAUGHT, KNOWN = 0.4, 0.7  # losses on A's words once taught, on B's where it is known


def told_row(config) -> dict:
    """B alone has a planted part of A; the language alone has nothing, both have all."""
    row: dict = flat(config) | {"status": "ok"}
    arm, epochs, b = row["routing.arm"], row["train.epochs"], row["world.b"]
    part = in_common(row["world.a"], b)
    has = {"std": 1.0, "filter": part if epochs == 10 else 0.0}.get(arm, 1.0)
    has = 0.0 if b == "plain" else has
    on_a = of_language(row["world.a"])
    loss = on_a - has * (on_a - TAUGHT)
    kept = 1.0 if epochs == 10 and arm in ("filter", "std") else 1 - part
    on_b = None if b == "plain" else of_language(b) - kept * (of_language(b) - KNOWN)
    curve = np.full((2, EXAMPLES, LOOKS), loss).ravel().tolist()
    row |= {"elicited.forget": loss, "refit.forget": loss, "raw.forget": 9.0}
    row |= {"attack.all.forget": curve, "attack.all.validation": curve}
    return row | {"raw.concepts": [on_a, on_b], "raw.retain": -1.0}


def of_language(concept: str) -> float:
    """The loss on a concept's words of who knows the language alone."""
    return 2.0 + 0.1 * len(concept)


def in_common(a: str, b: str) -> float:
    """What two concepts share; no two ordered pairs tie, and the language alone shares nothing."""
    names = ["family", "topic", "topic_two", "trait"]
    if a == b or b not in names:
        return 0.9 * (a == b)
    return 0.2 + 0.09 * names.index(a) + 0.02 * names.index(b)


@pytest.fixture(scope="module")
def told() -> list[dict]:
    return [told_row(config) for _, config, _ in run_sweeper(STORIES, lambda r: r).points]


def test_among_stories_zero_is_the_language_alone(told):
    (study,) = studies(table(told))
    words = [one.words for one in study.tasks]
    assert words == ["family", "topic", "topic two", "trait"] and not study.missing
    planted = [in_common(*(words[t].replace(" ", "_") for t in pair[::-1])) for pair in study.pairs]
    for name in PROPERTIES:
        np.testing.assert_allclose(study.found[name].mean(axis=1), planted, atol=1e-9)
        np.testing.assert_allclose(study.same[name].mean(axis=1), 0.9, atol=1e-9)


def test_the_page_says_what_zero_is_and_knows_no_views(told):
    (page,) = four_properties.pages(table(told), False).pages
    assert page.name.endswith("-transformer")
    assert "network that learned the language alone" in page.caption
    assert "one view" not in page.caption and page.draw() is not None
    assert not [m for m in page.marks if "within" in m.panel]


def test_without_the_language_alone_nothing_is_read(told):
    some = [row for row in told if (row["world.a"], row["world.b"]) != ("trait", "plain")]
    found = four_properties.pages(table(some), False)
    assert not found.pages and "3 of 4 networks of the language alone" in found.left_out[0]
    none = [row for row in told if row["world.b"] != "plain"]
    found = four_properties.pages(table(none), False)
    assert not found.pages and "no run of the random start" in found.left_out[0]


@pytest.mark.parametrize("arm", ["std", "filter", "rival"])
def test_a_failed_run_leaves_a_gap_and_no_traceback(told, rows, arm):
    """Whatever its part in the reading, a run without measures makes its own pair undefined."""
    measured = ("raw.", "elicited.", "refit.", "attack.", "trivial.")
    for world in (told, rows):
        last = max(i for i, row in enumerate(world) if row["routing.arm"] == arm)
        bare = {k: None if k.startswith(measured) else v for k, v in world[last].items()}
        every = [*world[:last], bare | {"status": "failed"}, *world[last + 1 :]]
        (page,) = four_properties.pages(table(every), False).pages
        assert page.draw() is not None
