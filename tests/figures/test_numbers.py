"""Numbers in prose: found where they stand, told with their interval, missed when they moved."""

import json
from pathlib import Path

import pytest

from absorb.errors import AbsorbError
from figures.latex import latex
from figures.marks import Mark
from figures.numbers import (
    RUNS,
    Place,
    as_latex,
    cited,
    mark_at,
    numbers_of,
    sentences,
    wrong_citations,
)
from figures.save import as_json
from figures.tables import as_csv, from_csv
from figures.tables import as_latex as table_as_latex

PAPER = Path(__file__).parents[2] / "paper"
MARKS = [
    Mark("loss", "route", 0.25, 0.5, 0.4, 0.625, 10),
    Mark("loss", "route", 0.5, -1.25, float("-inf"), 0.0, 10, censored="below"),
    Mark("loss", "filter", 0.25, float("nan"), float("nan"), float("nan"), 0, why="nothing there"),
    Mark("A_dose, after 5 %", "route", 0.25, 2.0, 1.0, 3.0, 4, flag="claim"),
]
PLACES = {
    "route": Place("dose", "loss", "route", 0.25),
    "open": Place("dose", "loss", "route", 0.5),
}
TEXT = """
// #num("comment") is no citation
= A heading with #runs("dose") runs

The loss is #num("route") nats. It falls
by half (#val("open")), or more. #num("route") it stays, e.g. here.
"""


def fresh(marks=MARKS, runs=780):
    return numbers_of(PLACES, {"dose": marks}, {"dose": runs}, {"dose": "doses"})


def test_a_number_has_value_interval_seeds_and_origin():
    found = fresh()
    assert found["route"] == {
        "value": 0.5, "low": 0.4, "high": 0.625, "n": 10, "text": "0.500 [0.400, 0.625]",
        "short": "0.500", "experiment": "doses", "from": PLACES["route"]._asdict(),
    }  # fmt: skip
    assert found["open"]["low"] is None and found["open"]["text"] == "≤ −1.25 [−∞, 0.00]"
    assert found[RUNS + "dose"] == {"value": 780, "text": "780"}
    assert json.loads(as_json(found)) == found


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (("does", "loss", "route", 0.25), "no table is called 'does'; the nearest is 'dose'"),
        (("dose", "los", "route", 0.25), "no panel of dose is called 'los'; the nearest is 'loss'"),
        (("dose", "loss", "rout", 0.25), "no series of loss is called 'rout'"),
        (("dose", "loss", "route", 0.3), "at=0.3 of route has no value; there are 0.25, 0.5"),
        (("dose", "loss", "filter", 0.25), "at=0.25 of filter has no value"),
    ],
)
def test_a_place_where_nothing_stands_is_refused(place, said):
    with pytest.raises(AbsorbError, match="key: "):
        mark_at("key", Place(*place), {"dose": MARKS})
    with pytest.raises(AbsorbError) as error:
        mark_at("key", Place(*place), {"dose": MARKS})
    assert said in str(error.value)


def test_citations_come_with_their_sentences():
    found = cited(TEXT)
    assert set(found) == {"route", "open", RUNS + "dose"}
    assert found["route"] == [
        'The loss is #num("route") nats.',
        '#num("route") it stays, e.g. here.',
    ]
    assert found["open"] == ['It falls by half (#val("open")), or more.']
    assert list(sentences("One. Two\nthree.\n\nFour")) == ["One.", "Two three.", "Four"]


def test_citations_are_seen_in_code_and_not_in_comments():
    text = (
        'caption: [a #num( "a" )], num("b") // #num("c") at https://x.y\n/* #num("d") */ #val("e")'
    )
    assert set(cited(text)) == {"a", "b", "e"}


def test_digits_that_nobody_sees_do_not_count_as_moved():
    moved = [MARKS[0]._replace(value=0.5 + 1e-9), *MARKS[1:]]
    assert fresh(moved) != fresh() and wrong_citations(TEXT, fresh(), fresh(moved)) == []


def test_what_moved_is_named_with_every_sentence_that_says_it():
    assert wrong_citations(TEXT, fresh(), fresh()) == []
    moved = [MARKS[0]._replace(high=0.7), *MARKS[1:]]
    wrong = wrong_citations(TEXT, fresh(), fresh(moved))
    assert len(wrong) == 2 and all("route was 0.500 [0.400, 0.625]" in line for line in wrong)
    assert wrong[0].endswith('The loss is #num("route") nats.')
    (count,) = wrong_citations(TEXT, fresh(), fresh(runs=781))
    assert "runs of dose was 780 and is 781" in count


def test_keys_that_are_not_there_or_not_cited_are_named():
    without = {key: value for key, value in fresh().items() if key != "open"}
    (lost,) = wrong_citations(TEXT, without, without)
    assert lost.startswith("open is cited and has no number") and "or more" in lost
    assert wrong_citations('#num("route")', fresh(), fresh()) == ["open is not cited"]
    assert len(wrong_citations(TEXT, {}, fresh())) == 4


def test_a_table_reads_back_as_it_was_written():
    back = from_csv(as_csv(MARKS))
    assert back[:2] == MARKS[:2] and back[3] == MARKS[3]
    assert back[2].why == "nothing there" and not back[2].drawn


def test_latex_has_every_number_and_every_mark():
    text = as_latex(fresh())
    assert r"\csname absorbnum@open\endcsname{$\leq$ $-$1.25 [$-$$\infty$, 0.00]}" in text
    assert r"\csname absorbval@route\endcsname{0.500}" in text
    table = table_as_latex(MARKS)
    assert table.count(r"\\") == 1 + len(MARKS) and r"A\_dose, after 5 \%" in table


def test_every_sign_of_ours_is_said_in_latex_and_no_name_is_a_command():
    assert latex(r"50 % of {a_b} ~ $1 ^ 2 \x") == (
        r"50 \% of \{a\_b\} \textasciitilde{} \$1 \textasciicircum{} 2 \textbackslash{}x"
    )
    assert latex("‖∇ᵀ‖ → η × λ") == (r"$\|$$\nabla$$^{\top}$$\|$ $\to$ $\eta$ $\times$ $\lambda$")
    for path in (PAPER / "tables").glob("*.csv"):
        assert table_as_latex(from_csv(path.read_text(encoding="utf-8"))).isascii(), path.name
