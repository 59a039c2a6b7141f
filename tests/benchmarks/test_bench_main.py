"""The command takes names from a table, and says what is missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from absorb.errors import AbsorbError
from benchmarks.main import BENCHMARKS, main
from benchmarks.report import Figure, Report, at_most
from benchmarks.torch_solo import get_torch


def test_an_unknown_benchmark_lists_those_there_are():
    with pytest.raises(AbsorbError, match="speeed: no such benchmark; choose from lanes, mnist"):
        main(["speeed"])


def test_only_what_is_asked_for_is_measured_and_written(monkeypatch, tmp_path, capsys):
    report = Report([Figure("a delay", "s", [2.0], at_most(1))])
    monkeypatch.setitem(BENCHMARKS, "planning", lambda effort: report)
    monkeypatch.setitem(BENCHMARKS, "lanes", None)
    assert main(["planning", "--out", str(tmp_path / "out.json")]) == 0
    assert "| a delay | 2 s" in capsys.readouterr().out
    kept = json.loads((tmp_path / "out.json").read_text())
    assert set(kept) == {"environment", "planning"}
    assert kept["planning"]["figures"][0]["met"] is False


def test_without_pytorch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(AbsorbError, match=r"absorb\[bench\]"):
        get_torch()


def test_nothing_imports_jax_before_it_is_told_of_the_cores():
    found = subprocess.run(
        [sys.executable, "-c", "import benchmarks.main, sys; print('jax' in sys.modules)"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == "False"
