"""The paper rebuilds from what lies beside it, and says so when something moved."""

import json
import re
import shutil
from pathlib import Path

import pytest
from planted_runs import cloud_rows, dose_rows, stored

from absorb.cli import main as absorb
from figures.numbers import RUNS, cited, wrong_citations
from figures.paper import (
    committed_numbers,
    fresh_numbers,
    pages_of,
    plan_of,
    text_of,
)
from figures.tables import as_csv, from_csv

PAPER = Path(__file__).parents[2] / "paper"
PLAN = """
[figures]
dose = ["dose_response"]
clouds = ["cloud_table2"]

[numbers.dose_response]
share = { panel = "mlp 8: A_dose, elicited", series = "route", at = 0.5 }

[numbers.cloud_table2-digits]
split = { panel = "PANEL", series = "SERIES", at = 1 }
"""
TEXT = """#let numbers = json("numbers.json")
#let num(key) = numbers.at(key).text
#let runs(name) = numbers.at("runs of " + name).text
Absorbed is #num("share"). Of #runs("dose") runs, settings split by #num("split").
"""


@pytest.fixture
def paper(tmp_path, monkeypatch):
    """A small paper of planted runs; pictures are left out where they do not matter."""
    monkeypatch.setattr("figures.save.FORMATS", ())
    stored(tmp_path / "runs" / "dose", dose_rows(seeds=2))
    stored(tmp_path / "runs" / "clouds", cloud_rows(seeds=2))
    mark = next(iter(pages_of(tmp_path / "runs" / "clouds", ["cloud_table2"]))).marks[0]
    plan = PLAN.replace("PANEL", mark.panel).replace("SERIES", mark.series)
    plan = plan.replace("at = 1 ", f"at = {mark.at} ")
    (tmp_path / "paper.toml").write_text(plan, encoding="utf-8")
    (tmp_path / "main.typ").write_text(TEXT, encoding="utf-8")
    return tmp_path


def build(paper, capsys) -> list[str]:
    assert absorb(["paper", f"paper={paper}"]) == 0
    return capsys.readouterr().out.splitlines()


def test_every_number_of_the_paper_is_cited_there_and_as_committed():
    """What fails here is fixed by `absorb paper`, once every sentence that it names was read."""
    owners = {entry["from"]["table"]: entry["experiment"]
              for entry in committed_numbers(PAPER).values() if "from" in entry}  # fmt: skip
    fresh = fresh_numbers(PAPER, plan_of(PAPER), owners)
    assert wrong_citations(text_of(PAPER), committed_numbers(PAPER), fresh) == []
    assert committed_numbers(PAPER) == fresh


def test_no_semicolon_after_a_number_is_taken_for_the_end_of_code():
    assert not re.findall(r'#(?:num|runs)\("[^"]*"\);', text_of(PAPER))


def test_the_papers_prose_has_no_result_of_its_own():
    """No decimal fraction in the text but the label fractions, widths and sizes of the design."""
    text = re.sub(r"(?m)^#(let|set|show|place|text|v|block).*$|//.*$", "", text_of(PAPER))
    found = set(re.findall(r"(?<![\d\w.])(?:\d+\.\d+|\.\d+)(?![\d\w])", text))
    assert found <= {".25", ".5"}, found


@pytest.mark.slow
def test_the_papers_tables_are_what_its_rows_give():
    for experiment, names in plan_of(PAPER).figures.items():
        for page in pages_of(PAPER / "runs" / experiment, names):
            there = from_csv((PAPER / "tables" / f"{page.name}.csv").read_text(encoding="utf-8"))
            for one, other in zip(there, from_csv(as_csv(page.marks)), strict=True):
                assert one[:2] == other[:2] and one[6:] == other[6:], page.name
                assert one[2:6] == pytest.approx(other[2:6], rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.slow
def test_a_second_build_changes_nothing(paper, capsys):
    first = build(paper, capsys)
    assert sum(line.endswith(": drawn") for line in first) == 5
    before = {p: p.read_bytes() for p in paper.rglob("*") if p.is_file()}
    second = build(paper, capsys)
    assert sum(line.endswith(": unchanged") for line in second) == 5
    assert not any(line.startswith("changed") for line in second)
    assert before == {p: p.read_bytes() for p in paper.rglob("*") if p.is_file()}
    assert (paper / "build" / "absorb.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_one_changed_value_rebuilds_what_shows_it_and_names_the_sentence(paper, capsys):
    build(paper, capsys)
    rows = dose_rows(seeds=2)
    for row in rows:
        if row["routing.arm"] == "route" and row["routing.label_fraction"] == 0.5:
            row["elicited.forget"] += 0.05
    shutil.rmtree(paper / "runs" / "dose")
    stored(paper / "runs" / "dose", rows)
    said = build(paper, capsys)
    drawn = {Path(line.split(":")[0]).name for line in said if line.endswith(": drawn")}
    assert drawn == {"dose_response", "dose_response_losses", "dose_response_detail-mlp"}
    (changed,) = (line for line in said if line.startswith("changed"))
    assert changed.startswith("changed: share was") and "Absorbed is" in changed
    assert json.loads((paper / "numbers.json").read_text())["share"]["n"] == 2


def test_a_table_that_nothing_draws_feeds_no_number(paper, capsys):
    """Such as one that was left by other rows."""
    (paper / "tables").mkdir()
    table = paper / "tables" / "dose_response_old.csv"
    page = next(iter(pages_of(paper / "runs" / "dose", ["dose_response"])))
    table.write_text(as_csv(page.marks), encoding="utf-8")
    plan = (paper / "paper.toml").read_text(encoding="utf-8")
    plan = plan.replace("[numbers.dose_response]", "[numbers.dose_response_old]")
    (paper / "paper.toml").write_text(plan, encoding="utf-8")
    assert absorb(["paper", f"paper={paper}"]) == 2
    assert "dose_response_old: no figure there draws such a table" in capsys.readouterr().err


def test_a_drawn_table_is_none_that_an_experiment_of_the_same_figure_keeps(paper, capsys):
    plan = paper / "paper.toml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(f'[tables]\nlarger = ["dose_response"]\n{text}', encoding="utf-8")
    build(paper, capsys)
    assert committed_numbers(paper)["share"]["experiment"] == "dose"


def test_numbers_are_committed_only_with_a_text_that_can_be_set(paper, capsys):
    """The sentence that moved is named again until it is."""
    (paper / "main.typ").write_text(TEXT + "#unknown()", encoding="utf-8")
    assert absorb(["paper", f"paper={paper}"]) == 2
    assert "main.typ" in capsys.readouterr().err
    (paper / "main.typ").write_text(TEXT, encoding="utf-8")
    assert any(line.startswith("changed: share") for line in build(paper, capsys))


def test_a_number_without_a_place_fails_the_build(paper, capsys):
    (paper / "main.typ").write_text(TEXT + '\n\nAnd #num("other").', encoding="utf-8")
    assert absorb(["paper", f"paper={paper}"]) == 1
    assert "other is cited and has no number: And" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('elicited", series', 'elicted", series'), "no panel of dose_response is called"),
        (("at = 0.5 ", "on = 0.5 "), "share: needs exactly table, panel, series, at"),
        (('dose_response"]', 'dose_respons"]'), "dose_respons: no such figure"),
        (("[figures]", "[figures"), "paper.toml: "),
        (("at = 0.5 ", "at = 'x' "), "share: at='x': must be a number"),
        (("share = {", "share = 5 #"), "share: needs exactly"),
    ],
)
def test_a_plan_that_means_nothing_is_refused(paper, capsys, change, said):
    plan = (paper / "paper.toml").read_text(encoding="utf-8")
    assert change[0] in plan
    (paper / "paper.toml").write_text(plan.replace(*change), encoding="utf-8")
    assert absorb(["paper", f"paper={paper}"]) == 2
    assert said in capsys.readouterr().err


def test_outside_a_checkout_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert absorb(["paper"]) == 2
    assert "absorb paper is for a checkout" in capsys.readouterr().err
    assert cited('#runs("dose")') == {RUNS + "dose": ['#runs("dose")']}
