"""One file for other programs: every run once, the numbers as they are stored."""

import csv

import pyarrow.parquet
import pytest
from sweep_helpers import fake_row, request

from absorb.cli import main as absorb
from absorb.identity import flat
from absorb.store import Store

WORDS = ["routing.label_fraction=0.25,0.5", "seed=range(0,3)"]


@pytest.fixture
def store(tmp_path):
    """Six runs, one of them stored twice."""
    store = Store(tmp_path / "s")
    rows = [
        flat(p.config) | fake_row(p.config)
        | {"run_id": p.run_id, "list": [0.5, float(p.config.seed)]}
        for p in request(*WORDS).points
    ]  # fmt: skip
    store.write(rows, {"code": "a"})
    store.write(rows[:1], {"code": "b"})
    return store


def test_csv_has_every_run_once_and_no_lists(store, tmp_path, capsys):
    out = tmp_path / "runs.csv"
    assert absorb(["table", f"store={store.root}", f"out={out}"]) == 0
    assert "6 runs" in capsys.readouterr().out
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    stored = {row["run_id"]: row for row in store.table().to_pylist()}
    assert {row["run_id"] for row in rows} == set(stored) and len(rows) == 6
    assert all(float(r["raw.forget"]) == stored[r["run_id"]]["raw.forget"] for r in rows)
    assert "list" not in rows[0] and "routing.concept" in rows[0]


def test_parquet_has_the_lists_and_only_the_sweep_asked_for(store, tmp_path):
    out = tmp_path / "runs.parquet"
    words = ["routing.label_fraction=0.5", WORDS[1]]
    assert absorb(["table", *words, f"store={store.root}", f"out={out}"]) == 0
    rows = pyarrow.parquet.read_table(out).to_pylist()
    assert sorted(row["list"] for row in rows) == [[0.5, 0.0], [0.5, 1.0], [0.5, 2.0]]
    assert {row["routing.label_fraction"] for row in rows} == {0.5}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "table takes out=FILE"),
        (["out=runs.xlsx"], "ending in .csv or .parquet"),
        (["out=nowhere/runs.csv"], "out=nowhere/runs.csv: No such file"),
    ],
)
def test_mistakes_are_refused(store, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert absorb(["table", f"store={store.root}", *words]) == 2
    assert said in capsys.readouterr().err
