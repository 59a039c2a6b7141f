"""A figure counts by its median, and the table says honestly what was not met."""

import json

import pytest

from benchmarks.report import Figure, Report, at_least, at_most, number, save


def test_the_median_is_held_against_the_goal_and_equality_keeps_it():
    assert Figure("speed", "x", [1, 15, 99], at_least(15)).met
    assert not Figure("speed", "x", [1, 14.9, 99], at_least(15)).met
    assert Figure("cost", "%", [2, 15, 3], at_most(15)).met
    assert not Figure("cost", "%", [16, 15.1, 3], at_most(15)).met


def test_a_figure_without_a_goal_is_neither_met_nor_missed():
    assert Figure("speed", "x", [1.0]).met is None
    assert Figure("speed", "x", [1.0]).cells()[3:] == ("", "")


def test_the_table_names_goal_and_shortfall():
    text = Report([Figure("speed", "x", [10, 12, 14], at_least(15))], ["a note"]).text()
    assert "| speed | 12 x   | 11 to 13  | ≥ 15 | NO  |" in text and "- a note" in text


@pytest.mark.parametrize(
    "value, text", [(0.0312, "0.0312"), (54.321, "54.3"), (1234.5, "1,230"), (100000, "100,000")]
)
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert number(value) == text


def test_every_sample_is_saved(tmp_path):
    figure = Figure("speed", "x", [3.0, 1.0, 2.0], at_least(2))
    save(str(tmp_path / "out.json"), Report([figure]).as_json())
    kept = json.loads((tmp_path / "out.json").read_text())["figures"][0]
    assert kept["samples"] == [3, 1, 2] and kept["median"] == 2 and kept["met"] is True
    assert kept["goal"] == {"bound": 2, "at_least": True}
