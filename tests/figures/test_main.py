import ast
import re
from pathlib import Path

import pytest
from planted_runs import cloud_rows, dose_rows, stored

from absorb.cli import main as absorb
from absorb.errors import AbsorbError
from figures.codes import mixed
from figures.main import FIGURES, drawn_if_partial, main, read, refuse_nothing, understood
from figures.marks import Mark
from figures.page import Page, Pages
from figures.save import INDEX, Gallery

ROOT = Path(__file__).parents[2]
ENDINGS = {".pdf", ".svg", ".png", ".csv", ".md", ".json"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("figures") / "s", dose_rows(seeds=3), cloud_rows(seeds=3))


@pytest.fixture
def tables_only(monkeypatch):
    """Pictures are slow: where they do not matter, only the tables beside them are written."""
    monkeypatch.setattr("figures.save.FORMATS", ())


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.slow
def test_a_second_run_writes_the_same_bytes(store, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for out in (one, other):
        table = read(store)
        Gallery(out, "web").hang(FIGURES["dose_response"](table, False).pages[0])
        Gallery(out, "web").hang(FIGURES["cloud_table2"](table, False).pages[0])
    assert files(one) == files(other)
    assert {Path(name).suffix for name in files(one)} == ENDINGS and len(files(one)) == 11


def test_the_terminal_gets_paths_and_the_finding(store, tmp_path, tables_only, capsys):
    assert absorb(["figures", "dose_response", f"store={store}", f"out={tmp_path}"]) == 0
    said = capsys.readouterr().out
    paths = [line for line in said.splitlines() if line.startswith(str(tmp_path))]
    assert len(paths) == 6 and all(Path(path).is_file() for path in paths)
    assert re.search(r"^mlp 8, after elicited: 78 runs, 3 seeds, 0 diverged, 0 failed$", said, re.M)
    assert {Path(path).stem for path in paths} == {
        "dose_response", "dose_response_losses", "dose_response_detail-mlp"
    }  # fmt: skip
    assert "A_dose routed" in said and "retain loss rise" in said


def test_figures_go_below_the_store_unless_told(tmp_path):
    where = stored(tmp_path / "s", cloud_rows(seeds=2))
    assert main(["cloud_table2", f"store={where}"]) == 0
    assert (where / "figures" / "cloud_table2-digits.png").is_file()


def test_an_unfinished_sweep_is_refused_by_number_and_drawn_when_asked(tmp_path, tables_only):
    where = stored(tmp_path / "s", dose_rows(seeds=2)[:-1])
    with pytest.raises(AbsorbError, match=r"51 of 52 runs.*partial=true"):
        main(["dose_response", f"store={where}"])
    assert not (where / "figures").exists()
    assert main(["dose_response", f"store={where}", "partial=true"]) == 0
    assert "51 runs (of 52: PARTIAL)" in (where / "figures" / "dose_response.md").read_text()


def page(marks: int) -> Page:
    return Page("f", lambda: None, [Mark("p", "s", i, 1, 1, 1, 1) for i in range(marks)], "")


@pytest.mark.parametrize(
    ("partly", "promised"),
    [(Pages([page(1)], "", ["b: 1 seed"]), {"a: 1 of 2 runs"}),
     (Pages([], "", ["a: 1 of 2 runs", "b: 1 seed"]), set()),
     (Pages([], "", ["a: no run ended well", "b: 1 seed"]), set())],
)  # fmt: skip
def test_partial_is_promised_where_it_draws_more(partly, promised, monkeypatch):
    found = Pages([], "", ["a: 1 of 2 runs", "b: 1 seed"])
    monkeypatch.setitem(FIGURES, "frontier", lambda table, partial: partly)
    assert drawn_if_partial("frontier", {}, found) == promised


@pytest.mark.parametrize(
    ("reason", "more", "advice"),
    [("1 of 2 runs", True, ". Finish the sweep, or add partial=true to draw what is there"),
     ("1 of 2 runs", False, ". Finish the sweep"),
     ("1 of 2 runs, 1 diverged", True, ". Add partial=true to draw what is there"),
     ("1 of 2 runs, 1 diverged", False, ""),
     ("mlp: no run ended well", False, "")],
)  # fmt: skip
def test_what_helps_is_said_and_nothing_else(reason, more, advice):
    with pytest.raises(AbsorbError) as error:
        refuse_nothing("f", Pages([], "", [reason]), Path("s"), {reason} if more else set())
    assert str(error.value) == f"f is not drawn: {reason}{advice}"


def test_a_missing_arm_is_named(tmp_path):
    where = stored(tmp_path / "s", dose_rows(seeds=2, arms=("route", "filter", "std", "placebo")))
    with pytest.raises(AbsorbError, match="no runs of hard, capacity"):
        main(["dose_response", f"store={where}"])


def test_what_is_whole_is_drawn_and_the_rest_is_named(tmp_path, tables_only, capsys):
    other = dose_rows(seeds=2, routing__mechanism="parameter")[:-1]
    where = stored(tmp_path / "s", dose_rows(seeds=2), other)
    assert main(["dose_response", f"store={where}"]) == 0
    said = capsys.readouterr().out
    left_out = "not drawn, dose_response of mlp 8 (routing.mechanism=parameter): 51 of 52 runs"
    assert left_out in said
    assert "partial=true draws it" in said


@pytest.mark.slow
def test_two_experiments_in_one_store_get_two_files(tmp_path, tables_only, capsys):
    blocks = dose_rows(seeds=2), dose_rows(seeds=2, key=5, routing__mechanism="parameter")
    where = stored(tmp_path / "s", *blocks)
    assert main(["dose_response", f"store={where}"]) == 0
    one, other = (
        (where / "figures" / f"dose_response-mechanism_{name}.csv").read_text()
        for name in ("activation", "parameter")
    )
    assert one != other
    assert "routing.mechanism=parameter" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, message",
    [
        (["dose_respons"], "no such figure; choose from dose_response, cloud_table2"),
        (["stor=x"], "stor: figures takes"),
        (["partial=maybe"], "partial=maybe: true or false"),
        (["venue=nature"], "venue=nature: choose from web, icml"),
    ],
)
def test_words_that_mean_nothing_are_refused(words, message):
    with pytest.raises(AbsorbError, match=message):
        understood(words)


def test_both_ways_of_saying_it_mean_the_same():
    assert understood(["--out", "a b", "--partial"]) == understood(["out=a b", "partial=true"])
    assert understood(["--strict", "--venue", "icml"]) == understood(["strict=true", "venue=icml"])
    assert understood(["store='mü, n'", 'out="o"']) == understood(["store=mü, n", "out=o"])


@pytest.mark.slow
def test_what_has_not_changed_is_not_drawn_again(tmp_path, tables_only, capsys):
    """One stored value: of two figures the one that shows it is drawn again, and no other."""
    rows = dose_rows(seeds=2)
    one = stored(tmp_path / "one", rows, cloud_rows(seeds=2))
    rows[0]["raw.forget"] += 0.5
    other = stored(tmp_path / "other", rows, cloud_rows(seeds=2))
    words = [f"out={tmp_path / 'out'}", "dose_response", "cloud_table2"]

    def unchanged(store) -> set[str]:
        main([f"store={store}", *words])
        said = capsys.readouterr().out.splitlines()
        return {Path(line.split(":")[0]).name for line in said if line.endswith(": unchanged")}

    names = {path.stem for path in (tmp_path / "out").glob("*.csv")}
    assert unchanged(one) == set() == names
    names = {path.stem for path in (tmp_path / "out").glob("*.csv")}
    assert unchanged(one) == names and len(names) == 5
    assert names - unchanged(other) == {name for name in names if name.startswith("dose")}
    (tmp_path / "out" / "dose_response_losses.md").unlink()
    assert names - unchanged(other) == {"dose_response_losses"}
    (tmp_path / "out" / INDEX).write_text("{ torn", encoding="utf-8")
    assert unchanged(other) == set()


def test_a_figure_of_another_style_is_drawn_again(store, tmp_path, tables_only, capsys):
    words = ["cloud_table2", f"store={store}", f"out={tmp_path}"]
    assert main(words) == main([*words, "venue=icml"]) == main([*words, "venue=icml"]) == 0
    assert capsys.readouterr().out.count(": unchanged") == 2


def test_runs_by_several_versions_of_the_code_are_confessed(tmp_path, tables_only, capsys):
    rows, out = dose_rows(seeds=2), tmp_path / "out"
    one, other = ({"sources": letter * 64} for letter in "ab")
    where = stored(tmp_path / "s", rows[:-1], code=one)
    words = ["dose_response", "partial=true", f"store={where}", f"out={out}"]
    assert main(words) == 0
    assert "versions of the code" not in capsys.readouterr().out + table_of(out)
    stored(tmp_path / "s", rows[-1:], code=other)
    assert main(words) == 0
    for text in (capsys.readouterr().out, table_of(out)):
        assert "by 2 versions of the code: 51 by aaaaaaaa, 1 by bbbbbbbb." in text


def test_versions_are_named_by_sources_by_revision_or_as_they_were_given():
    codes = ['{"dirty": null, "revision": "52e0173f"}', "by hand", "by hand", None]
    assert mixed({"code": codes}).endswith("2 by by hand, 1 by 52e0173f, 1 by an unknown one.")


def table_of(out: Path) -> str:
    return (out / "dose_response.md").read_text(encoding="utf-8")


def test_strictly_only_runs_by_todays_code_count(tmp_path, tables_only, capsys):
    rows = dose_rows(seeds=2)
    where = stored(tmp_path / "s", rows[:-1], code="new")
    stored(tmp_path / "s", rows[-1:], code="old")
    words = ["dose_response", f"store={where}"]
    assert main(words) == 0
    with pytest.raises(AbsorbError, match="51 of 52 runs"):
        main([*words, "strict=true"], lambda: "new")
    assert "1 of 52 runs in" in capsys.readouterr().out
    with pytest.raises(AbsorbError, match="no runs of such an experiment"):
        main([*words, "strict=true"], lambda: "newer")


def test_a_store_without_such_runs_is_said(tmp_path):
    where = stored(tmp_path / "s", cloud_rows(seeds=2))
    with pytest.raises(AbsorbError, match=r"dose_response is not drawn: .* no runs"):
        main(["dose_response", f"store={where}"])
    empty = stored(tmp_path / "e", dose_rows(seeds=2, arms=("std",)))
    with pytest.raises(AbsorbError, match="no finished sweep"):
        main([f"store={empty}"])


def test_only_main_save_and_paper_touch_files():
    touching = {"open", "write_text", "write_bytes", "read_text", "savefig", "mkdir", "Store"}
    for path in (ROOT / "figures").glob("*.py"):
        called = {
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        }
        assert path.name in ("main.py", "save.py", "paper.py") or not called & touching, path.name
