"""The command line as a user meets it: words in, lines and exit codes out."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.types import Quote, QuotedString
from sweep_helpers import FakeEngine, request

import absorb.lanes.batch
from absorb.cli import ABOUT, COMMANDS, main
from absorb.identity import flat
from absorb.store import Store


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def engine(monkeypatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(absorb.lanes.batch, "train_batch", fake)
    return fake


def said(capsys, *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


SWEEP = ("sweep", "routing.label_fraction=0,0.5,1,1.0", "seed=range(0,5)")


def test_a_sweep_runs_once_and_says_so_the_second_time(here, engine, capsys):
    code, out, _ = said(capsys, *SWEEP)
    assert code == 0
    assert "15 runs (5 duplicate points collapsed): 0 already there, 15 to do" in out
    assert "15 stored in results" in out
    assert (here / "results" / "shards").is_dir()
    calls = len(engine.calls)
    code, out, _ = said(capsys, *SWEEP)
    assert (code, len(engine.calls)) == (0, calls)
    assert out == ("15 runs (5 duplicate points collapsed): 15 already there, nothing to do\n")


def test_a_wider_sweep_does_what_is_missing(here, engine, capsys):
    said(capsys, *SWEEP)
    _, out, _ = said(capsys, "sweep", "routing.label_fraction=0,1", "seed=range(0,7)")
    assert "14 runs: 10 already there, 4 to do" in out
    assert len(Store("results").run_ids()) == 19


def test_results_go_to_the_store_that_is_named(here, engine, capsys):
    said(capsys, "sweep", "seed=1", "store=elsewhere/deep")
    assert len(Store(here / "elsewhere" / "deep", create=False).run_ids()) == 1
    assert not (here / "results").exists()


@pytest.mark.parametrize("name", ["müller", "it's", "a, (b)", "back\\"])
def test_every_command_reads_the_name_of_a_store_alike(here, engine, capsys, name):
    store = "store=" + QuotedString(name, Quote.single).with_quotes()
    said(capsys, "sweep", "seed=1", store)
    (run,) = Store(here / name, create=False).run_ids()
    for words in (["show", run], ["card", run], ["doctor"], ["status"]):
        assert said(capsys, *words, store)[0] == 0
    assert [path.name for path in here.iterdir()] == [name]


def test_a_plan_creates_nothing(here, capsys):
    code, out, _ = said(capsys, "plan", *SWEEP[1:], "train.epochs=2,3")
    assert code == 0 and list(here.iterdir()) == []
    assert re.search(r"points +40 \(10 duplicates\)", out)
    assert re.search(r"programs to compile +2\b", out)
    for word in ("lanes", "memory", "time", "results"):
        assert word in out


def test_failed_runs_are_named_and_retried(here, engine, capsys):
    engine.broken = {2, 3}
    code, out, err = said(capsys, "sweep", "seed=range(0,5)")
    assert code == 1 and "(2 failed)" in out and "seed 2 is broken" in err
    engine.broken = {3}
    code, out, _ = said(capsys, "sweep", "seed=range(0,5)")
    assert code == 1  # as long as some of its runs have failed
    assert said(capsys, "sweep", "seed=range(0,6)")[0] == 1 and len(engine.calls) > 5
    assert out == "5 runs: 3 already there, 2 failed (absorb retry), nothing to do\n"
    code, out, _ = said(capsys, "retry")
    assert code == 1 and "2 runs: 0 already there, 2 failed, 2 to do" in out
    engine.broken = set()
    code, out, _ = said(capsys, "retry", "seed=range(0,5)")
    assert code == 0 and "1 failed, 1 to do" in out
    code, out, _ = said(capsys, "retry")
    assert code == 0 and "nothing to do" in out
    assert len(Store("results").run_ids(status=("ok",))) == 6


def test_train_prints_the_numbers_of_one_run(here, engine, capsys):
    code, out, _ = said(capsys, "train", "seed=4")
    number = Store("results").table(["raw.forget"])["raw.forget"].to_pylist()[0]
    assert code == 0 and re.search(rf"raw\.forget +{number!r}", out)
    code, out, _ = said(capsys, "train", "seed=4")
    assert "already there" in out and len(engine.calls) == 1
    code, _, err = said(capsys, "train", "seed=4,5")
    assert code == 2 and "2 runs: train takes one" in err


def test_retry_leaves_alone_what_failed_under_other_settings(here, engine, capsys, monkeypatch):
    engine.broken = set(range(3))
    said(capsys, "sweep", "seed=range(0,4)")
    one, two, three = (flat(point.config) for point in request("seed=7,8,9").points)
    del two["train.epochs"]
    three["model.kind"] = "unheard"
    rows = [
        {"run_id": digit * 64, "status": "failed", **row}
        for digit, row in zip("abc", (one, two, three), strict=True)
    ]
    for row in rows:
        Store("results").write([row], {})
    monkeypatch.setattr(Store, "row", None)  # the store is read once, not once for each run
    engine.broken = {2}
    code, out, _ = said(capsys, "retry")
    assert code == 1 and "3 runs: 0 already there, 3 failed, 3 to do" in out
    assert "3 failed runs were made under other settings: left alone\n" in out
    store = Store("results")
    assert len(store.run_ids(status=("ok",))) == 3
    assert {row["run_id"] for row in rows} <= store.run_ids(status=("failed",))
    engine.broken = set()
    assert said(capsys, "retry")[0] == 0
    code, out, _ = said(capsys, "retry")
    assert code == 0 and "0 runs: 0 already there, nothing to do" in out


def test_train_says_that_its_run_has_failed(here, engine, capsys):
    engine.broken = {4}
    assert said(capsys, "train", "seed=4")[0] == 1
    code, out, _ = said(capsys, "train", "seed=4")
    assert code == 1 and "already there" in out and "seed 4 is broken" in out
    engine.broken = set()
    assert said(capsys, "retry", "seed=4")[0] == 0 == said(capsys, "train", "seed=4")[0]


def test_show_prints_a_command_that_repeats_the_run(here, engine, capsys):
    said(
        capsys, "sweep", "model=autoencoder", "routing=parameter", "routing.arm=capacity",
        "routing.weights.forget=[1,0.25]", "seeds.order=7", "seed=3", "gate=learned",
    )  # fmt: skip
    (run,) = Store("results").run_ids()
    code, out, _ = said(capsys, "show", run[:9])
    assert code == 0 and run in out and "device_kind" in out
    (line,) = (text for text in out.splitlines() if text.startswith("repeat"))
    words = shlex.split(line)[1:]
    assert words[:2] == ["absorb", "train"] and "seed=3" in words
    code, out, _ = said(capsys, *words[1:])
    assert code == 0 and "already there" in out


def test_status_counts_the_store_and_a_sweep(here, engine, capsys):
    said(capsys, "sweep", "seed=range(90,95)")
    assert said(capsys, "status")[1].splitlines()[0] == "results: 5 runs, 3 ok, 2 diverged"
    out = said(capsys, "status", "seed=range(90,97)")[1]
    assert out.startswith("7 runs: 5 already there, 2 to do\n")


def test_doctor_names_and_sets_aside_what_is_broken(here, engine, capsys):
    said(capsys, "sweep", "seed=range(0,3)")
    (table,) = here.glob("results/shards/*/*.parquet")
    table.write_bytes(table.read_bytes()[:-1])
    code, out, _ = said(capsys, "doctor")
    assert code == 1 and table.name in out and "--fix" in out
    code, out, _ = said(capsys, "doctor", "--fix")
    assert code == 0 and "cleared away" in out and not table.exists()
    assert said(capsys, "doctor")[0] == 0
    assert "3 to do" in said(capsys, "sweep", "seed=range(0,3)")[1]


@pytest.mark.parametrize("command", ["status", "doctor", "show abc"])
def test_a_store_that_is_not_there_is_named(here, capsys, command):
    code, _, err = said(capsys, *command.split(), "store=nowhere")
    assert code == 2 and "store=nowhere: no such directory" in err
    assert not (here / "nowhere").exists()


def test_long_sweeps_ask_only_where_somebody_can_answer(here, engine, capsys, monkeypatch):
    long = ("sweep", "train.epochs=100000", "seed=range(0,50)")
    terminal = type("Terminal", (), {"isatty": lambda self: True})()
    monkeypatch.setattr("sweeps.commands.sys.stdin", terminal)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert said(capsys, *long)[0] == 0 and engine.calls == []
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert said(capsys, *long)[0] == 0 and len(engine.calls) == 1

    def gone(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", gone)  # Ctrl-D
    assert said(capsys, *long[:2], "seed=range(50,99)")[0] == 0 and len(engine.calls) == 1

    def never(question):
        raise AssertionError("asked")

    monkeypatch.setattr("builtins.input", never)
    said(capsys, *long[:2], "seed=range(50,99)", "--yes")
    said(capsys, *long[:2], "seed=range(100,150)", "launch.yes=true")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    said(capsys, *long[:2], "seed=range(150,199)")
    assert len(engine.calls) == 4


@pytest.mark.parametrize(
    "command, name", [("figures", "figures.main"), ("bench", "benchmarks.main")]
)
def test_words_for_figures_and_benchmarks_are_passed_on(monkeypatch, command, name):
    heard = []
    stand_in = type(sys)(name)
    stand_in.main = lambda words, *_: heard.append(list(words)) or 3
    monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.setitem(sys.modules, "benchmarks", type(sys)("benchmarks"))
    assert main([command, "dose_response", "--out", "here", "--partial"]) == 3
    assert heard == [["dose_response", "--out", "here", "--partial"]]


def test_every_command_is_in_the_help(capsys):
    assert set(ABOUT) == set(COMMANDS)
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in out


def test_an_unknown_command_and_option_are_mistakes(capsys):
    for words in (["swep"], [], ["sweep", "--yess"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [["plan", "seed=range(0,100)"], ["--help"]])
def test_a_reader_that_goes_away_is_no_error(here, command):
    words = shlex.join([sys.executable, "-m", "absorb.cli", *command])
    script = f"{words} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_another_locale_is_no_error(here):
    command = [sys.executable, "-m", "absorb.cli", "plan", "world.path='ä'"]
    done = subprocess.run(
        command, capture_output=True, timeout=120, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"absorb: world.path: no such setting")


def test_what_an_encoding_lacks_is_written_otherwise(here):
    command = [sys.executable, "-m", "absorb.cli", "plan", "seed=1", "store='caf\u00e9'"]
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, timeout=120, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"in caf\\xe9" in done.stdout


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "some/file"), "some/file: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_what_the_system_refuses_is_named(monkeypatch, capsys, error, line):
    def refused(options):
        raise error

    monkeypatch.setitem(COMMANDS, "plan", refused)
    assert said(capsys, "plan") == (2, "", f"absorb: {line}\n")


def test_an_error_of_no_file_is_not_hidden(monkeypatch):
    def broken(options):
        raise OSError("of the program's own")

    monkeypatch.setitem(COMMANDS, "plan", broken)
    with pytest.raises(OSError, match="own"):
        main(["plan"])
