import numpy as np
import pytest
from planted_runs import table
from planted_tokens import rivals_rows
from test_rivals_figure import GAIN, line

from absorb.stats.frontier import halves
from figures.relearning import attacks_of, checkpoints, pages
from figures.style import styled

FALL = np.array([2.5, 1.5, 0.6, 0.2, 0.0])  # above the end, at each look


@pytest.fixture(scope="module")
def rows():
    return rivals_rows(line, seeds=4, noise=0.0, curve=lambda last: last + FALL)


@pytest.fixture(scope="module")
def found(rows):
    return pages(table(rows), False)


def curve(found, panel, series) -> dict:
    own = [m for m in found.pages[0].marks if (m.panel, m.series) == (panel, series)]
    return {m.at: m for m in own}


def test_curves_are_the_planted_ones_at_each_budget_of_steps(found):
    for method in ("route", "ascent", "never taught"):
        at = curve(found, "p = 1: steps", method)
        assert list(at) == [0, 25, 50, 75, 100] and {m.n for m in at.values()} == {2}
        values = np.array([m.value for m in at.values()])
        assert values - values[-1] == pytest.approx(FALL)


def test_networks_without_a_method_stand_beside_them(found):
    never, ordinary = (
        curve(found, "p = 1: steps", name)[100] for name in ("never taught", "ordinary")
    )
    assert never.value - ordinary.value == pytest.approx(2)


def test_where_there_is_nothing_to_choose_all_seeds_report(found):
    rows = rivals_rows(line, seeds=4, configs=1, curve=lambda last: last + FALL)
    one = pages(table(rows), False)
    assert {m.n for m in one.pages[0].marks} == {4} and {m.n for m in found.pages[0].marks} == {2}
    assert "over all 4 seeds" in one.pages[0].caption and "chosen on" not in one.pages[0].caption
    assert "chosen on 2 seeds" in found.pages[0].caption


def test_a_budget_of_few_examples_has_the_best_cell_already(found):
    at = curve(found, "p = 1: examples", "route")
    assert list(at) == [4, 16] and at[4].value == pytest.approx(at[16].value)


def test_the_config_is_the_strongest_within_the_tolerance(found):
    own = curve(found, "p = 1: steps", "distil")[100]
    assert own.flag == "rival.rate=0.0001, rival.strength=0.6"  # retain 1.2 of at least 1.1
    ordinary = 0.5 + curve(found, "p = 1: steps", "never taught")[100].value - 2.5
    assert own.value - ordinary == pytest.approx(GAIN["distil"])


def without_a_run(rows, found, all_seeds=False):
    """The chosen config of `distil` with its reporting runs diverged: one of two, or both."""
    flag = curve(found, "p = 1: steps", "distil")[100].flag
    rate, strength = (float(word.split("=")[1]) for word in flag.split(", "))
    report = sorted(halves([0, 1, 2, 3]).report)
    return [
        row | {"status": "diverged"}
        if row["rival.kind"] == "distil"
        and (row["rival.rate"], row["rival.strength"]) == (rate, strength)
        and row["routing.label_fraction"] == 1 and row["seed"] in report[: 2 if all_seeds else 1]
        else row for row in rows
    ]  # fmt: skip


@pytest.mark.parametrize("all_seeds", [False, True])
def test_where_a_reporting_run_diverged_there_is_no_mean_of_the_others(rows, found, all_seeds):
    again = pages(table(without_a_run(rows, found, all_seeds)), False)
    for budget in ("steps", "examples"):
        own = list(curve(again, f"p = 1: {budget}", "distil").values())
        assert own and not any(m.drawn for m in own)
        assert {m.why for m in own} == {f"{1 + all_seeds} of 2 seeds are not finite"}
        assert all(m.drawn for m in curve(again, f"p = 1: {budget}", "route").values())
    assert again.pages[0].draw() is not None


def test_kinds_of_attack_are_pooled(rows):
    row = dict(rows[0])
    one = attacks_of(row)
    for part in ("forget", "validation", "retain"):
        row[f"attack.head.{part}"] = (np.array(row[f"attack.all.{part}"]) - 0.3).tolist()
    two = attacks_of(row)
    assert one and one.forget_REK.shape == (2, 2, 5)
    assert two and two.forget_REK.shape == (4, 2, 5)
    assert attacks_of({k: v for k, v in row.items() if "attack." not in k}) is None


def test_looks_are_even_and_the_first_is_before_the_attack():
    assert checkpoints(60, 3) == (0, 30, 60)
    assert checkpoints(100, 5) == (0, 25, 50, 75, 100)


def test_one_column_of_an_attack_is_no_curve(rows):
    without = [{k: v for k, v in r.items() if not k.startswith("attack.")} for r in rows]
    one = [r | {"attack.all.0.001.4.forget": 1.0} for r in without]
    assert pages(table(one), True).pages == []


def test_a_row_of_panels_for_each_label_fraction(found):
    with styled():
        figure = found.pages[0].draw()
    assert [ax.get_title() for ax in figure.axes] == ["p = 0.5"] * 2 + ["p = 1"] * 2


def test_curves_are_of_attacks_alone(found):
    said = found.pages[0].caption
    assert "distil rival.rate=0.0001" in said
    assert "Curves: attacks (all) alone" in said and "route, hard lose the added units" in said
