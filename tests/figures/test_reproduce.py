"""The paper's sweeps again: what is the same, what lies within its interval, what moved."""

import shutil
from pathlib import Path

import pytest
from planted_runs import cloud_rows, dose_rows, stored

from absorb.errors import AbsorbError
from figures.paper import build, pages_of, plan_of
from figures.reproduce import (
    HALF,
    UNBOUNDED,
    Compared,
    experiments,
    main,
    told,
    understood,
    verdict,
)
from figures.tables import as_csv

PAPER = Path(__file__).parents[2] / "paper"
PLAN = """
[figures]
dose = ["dose_response"]
[tables]
clouds = ["cloud_table2"]
[reproduce]
small = ["dose"]
[reproduce.words]
clouds = ["experiment=one model=mlp", "experiment=two"]
[numbers.dose_response]
share = { panel = "mlp 8: A_dose, elicited", series = "route", at = 0.5 }
kept = { panel = "mlp 8: kept share, elicited", series = "filter", at = 0.5 }
[numbers.cloud_table2-digits]
split = { panel = "PANEL", series = "SERIES", at = AT }
"""
TEXT = """#let numbers = json("numbers.json")
#let num(key) = numbers.at(key).text
It is #num("share"), and #num("kept"), and #num("split").
"""


class Sweeps:
    """A stand-in for `absorb sweep` that stores planted runs; `shift` moves the routed losses."""

    def __init__(self, shift=0.0, code=0):
        self.shift, self.code, self.calls = shift, code, []

    def __call__(self, words) -> int:
        self.calls.append(list(words))
        store = Path(words[-1].removeprefix("store="))
        rows = dose_rows(seeds=4) if store.name == "dose" else cloud_rows(seeds=2)
        for row in rows:
            if row["routing.arm"] == "route" and "elicited.forget" in row:
                row["elicited.forget"] += self.shift
        if not store.exists():
            stored(store, rows)
        return self.code


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A paper that was built once."""
    folder = tmp_path_factory.mktemp("built") / "paper"
    clouds = folder.parent / "clouds"
    stored(folder / "runs" / "dose", dose_rows(seeds=4))
    stored(clouds, cloud_rows(seeds=2))
    page = next(iter(pages_of(clouds, ["cloud_table2"])))
    mark = next(m for m in page.marks if m.drawn)
    (folder / "tables").mkdir()
    (folder / "tables" / f"{page.name}.csv").write_text(as_csv(page.marks), encoding="utf-8")
    plan = PLAN.replace("PANEL", mark.panel).replace("SERIES", mark.series)
    (folder / "paper.toml").write_text(plan.replace("AT", str(mark.at)), encoding="utf-8")
    (folder / "main.typ").write_text(TEXT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("figures.save.FORMATS", ())
        assert build(folder) == 0
    return folder


@pytest.fixture
def paper(built, tmp_path) -> Path:
    """A copy of it, for a test to change."""
    return Path(shutil.copytree(built, tmp_path / "paper"))


def reproduced(
    paper, capsys, *words, today=lambda: "planted", **how
) -> tuple[int, list[str], Sweeps]:
    sweeps = Sweeps(**how)
    store = paper.parent / f"new{how.get('shift', '')}"
    capsys.readouterr()
    code = main([*words, f"paper={paper}", f"store={store}"], sweeps, sweeps, today)
    return code, capsys.readouterr().out.splitlines(), sweeps


def test_the_same_runs_give_the_same_numbers(paper, capsys):
    code, said, sweeps = reproduced(paper, capsys)
    assert code == 0 and said[-1].startswith("in all: 3 numbers: 3 the same, 0 within")
    assert [words[:-1] for words in sweeps.calls] == [
        ["experiment=dose"], ["experiment=one", "model=mlp"], ["experiment=two"]
    ]  # fmt: skip


def test_runs_that_other_code_has_made_reproduce_nothing(paper, capsys):
    code, said, _ = reproduced(paper, capsys, "small", today=lambda: "newer")
    assert code == 1 and "in all: 2 numbers: 2 the same" in said[-2]
    assert any(line.startswith("104 of 104 runs in") and "other code" in line for line in said)
    assert said[-1].startswith("not reproduced, for runs by other code: dose")


def test_what_todays_code_has_made_on_another_day_still_counts(paper, capsys):
    for _ in range(2):
        code, said, _ = reproduced(paper, capsys, "small")
        assert code == 0 and not any("other code" in line for line in said)


def test_small_runs_only_what_takes_minutes(paper, capsys):
    _, _, sweeps = reproduced(paper, capsys, "small")
    assert [words[0] for words in sweeps.calls] == ["experiment=dose"]


def test_what_has_no_data_here_is_left_out_and_named(paper, capsys):
    plan = (paper / "paper.toml").read_text(encoding="utf-8")
    plan = plan.replace("model=mlp", "world.path=gone/text.txt")
    (paper / "paper.toml").write_text(plan, encoding="utf-8")
    code, said, sweeps = reproduced(paper, capsys)
    assert said[0] == "clouds: left out, gone/text.txt is not there"
    assert code == 0 and said[-2].startswith("in all: 2 numbers") and len(sweeps.calls) == 1
    assert said[-1] == "1 numbers were not tried, for want of their data"


def test_where_all_data_are_gone_it_says_so(paper, capsys):
    plan = (paper / "paper.toml").read_text(encoding="utf-8")
    plan = plan.replace('"experiment=one model=mlp"', '"experiment=one world.path=gone.txt"')
    (paper / "paper.toml").write_text(plan, encoding="utf-8")
    with pytest.raises(AbsorbError, match=r"^clouds: nothing to run without these data"):
        reproduced(paper, capsys, "clouds")


def test_what_moved_is_listed_and_fails(paper, capsys):
    code, said, _ = reproduced(paper, capsys, "small", shift=0.2)
    (line,) = (line for line in said if "MOVED" in line)
    assert code == 1 and line.startswith("share: MOVED, was 0.5") and said[-1].endswith("1 moved")
    assert any("83 to 91 % of cases" in line for line in said)  # of 3 seeds, and of very many


def test_a_number_that_is_not_there_any_more_has_moved(paper, capsys):
    plan = (paper / "paper.toml").read_text(encoding="utf-8")
    plan = plan.replace("at = 0.5 }\nkept", "at = 0.7 }\nkept")
    (paper / "paper.toml").write_text(plan, encoding="utf-8")
    code, said, _ = reproduced(paper, capsys, "small")
    assert code == 1 and said[-1].endswith("1 the same, 0 within the committed interval, 1 moved")
    assert any("share: MOVED" in line and "at=0.7 of route has no value" in line for line in said)


def test_without_committed_numbers_nothing_is_run(paper, capsys):
    (paper / "numbers.json").unlink()
    with pytest.raises(AbsorbError, match="no number of dose"):
        reproduced(paper, capsys, "small")


def test_a_sweep_that_was_stopped_ends_it(paper, capsys):
    code, said, sweeps = reproduced(paper, capsys, code=75)
    assert code == 75 and len(sweeps.calls) == 1 and "numbers" not in said[-1]


@pytest.mark.parametrize(
    ("was", "now", "found"),
    [
        ({"value": 1.0, "low": 0.5, "high": 2.0}, 1.0 + 1e-9, "same"),
        ({"value": 1.0, "low": 0.5, "high": 2.0}, 1.9, "within"),
        ({"value": 1.0, "low": 0.5, "high": 2.0}, 2.1, "moved"),
        ({"value": 1.0, "low": 0.5, "high": 2.0}, 0.4, "moved"),
        ({"value": 1.0, "low": None, "high": 2.0}, -9.0, "within, one end open"),
        ({"value": 1.0, "low": None, "high": 2.0}, 9.0, "moved"),
        ({"value": 1.0, "low": None, "high": None}, 9.0, "unbounded"),
        ({"value": 1.0, "low": 0.5, "high": None}, 0.4, "moved"),
        ({"value": 0.0, "low": 0.0, "high": 0.0}, 0.0, "same"),
        ({"value": 0.0, "low": 0.0, "high": 0.0}, 1e-6, "moved"),
        ({"value": 780}, 781, "moved"),
    ],
)
def test_verdicts(was, now, found):
    assert verdict(was, {"value": now}) == found
    assert next(told([])).startswith("0 numbers")


def test_open_ends_are_counted_apart():
    found = [
        Compared("k", name, "1", "2") for name in ("same", "within", HALF, UNBOUNDED, UNBOUNDED)
    ]
    *lines, last = told(found)
    assert last == (
        "5 numbers: 1 the same, 1 within the committed interval, 1 within, one end open,"
        " 2 unbounded, 0 moved"
    )
    assert lines[1] == "k: within the one end of its interval, was 1, is 2" and len(lines) == 4


def test_the_papers_own_plan_names_every_table_and_what_is_small():
    plan = plan_of(PAPER)
    every = experiments(plan, understood([]))
    assert set(experiments(plan, understood(["small"]))) == set(plan.small) < set(every)
    assert set(plan.words) <= {*plan.figures, *plan.tables}
    assert not set(plan.figures) & set(plan.tables)


@pytest.mark.parametrize("word", ["store=", "out=x"])
def test_words_that_mean_nothing_are_refused(word):
    with pytest.raises(AbsorbError, match=f"^{word}: beside names reproduce takes paper=DIR"):
        understood([word])


def test_experiments_can_be_named(paper, capsys):
    code, said, sweeps = reproduced(paper, capsys, "clouds")
    assert code == 0 and [words[0] for words in sweeps.calls] == [
        "experiment=one",
        "experiment=two",
    ]
    assert said[-1].startswith("in all: 1 numbers: 1 the same")
    assert experiments(plan_of(paper), understood(["clouds", "small"])) == ["dose", "clouds"]


def test_a_name_that_is_none_is_refused_before_anything_runs(paper, capsys):
    with pytest.raises(
        AbsorbError, match=r"^dosis: no experiment of the paper; there are dose, clouds"
    ):
        reproduced(paper, capsys, "dosis")
    assert not (paper.parent / "new").exists()


def test_each_experiment_is_compared_once_its_runs_are_there(paper, capsys):
    _, said, _ = reproduced(paper, capsys, shift=0.2)
    assert said[0] == "2 experiments: dose, clouds"
    dose, clouds = said[said.index("dose:") : said.index("clouds:")], said[said.index("clouds:") :]
    assert any("share: MOVED" in line for line in dose)
    assert dose[-2].startswith("2 numbers: 1 the same") and dose[-2].endswith("1 moved")
    assert clouds[1].startswith("1 numbers: 1 the same")
    assert said[-1].startswith("in all: 3 numbers: 2 the same") and said[-1].endswith("1 moved")
