"""Rows copied from one store into another: whole, small, and without what belongs to a machine."""

import json

import pytest
from sweep_helpers import fake_row, request

from absorb.cli import main as absorb
from absorb.identity import flat
from absorb.store import Store
from absorb.store.names import PAIRS

WORDS = ["routing.label_fraction=0.25,0.5", "seed=range(0,3)"]
CODE = {"sources": "a" * 64}
GIT = {"revision": "c" * 40, "changed": False}
OVERRIDES = ["world.path=/home/someone/pictures", "seed=range(0,3)"]


def filled(path, words=WORDS, code=CODE, columns=()) -> Store:
    """A store with a shard for each run of a sweep, by the code given."""
    store = Store(path)
    for point in request(*words).points:
        row = flat(point.config) | fake_row(point.config) | dict(columns)
        store.write(
            [row | {"run_id": point.run_id}],
            {
                "code": code,
                "git": GIT,
                "overrides": OVERRIDES,
                "host": "name-of-machine",
                "run_seconds": 2.0,
                "xla_flags": "--xla_dump_to=/home/someone/dump --xla_cpu_x=false",
            },
        )
    return store


def test_a_sweep_is_copied_whole_and_no_other(tmp_path, capsys):
    filled(tmp_path / "a", [*WORDS, "train.epochs=1,2"])
    words = [*WORDS, "train.epochs=2"]
    assert absorb(["extract", *words, f"store={tmp_path / 'a'}", f"to={tmp_path / 'b'}"]) == 0
    assert "6 runs copied from" in capsys.readouterr().out
    here, there = Store(tmp_path / "a"), Store(tmp_path / "b")
    assert there.run_ids() == {point.run_id for point in request(*words).points}
    for run_id in there.run_ids():
        own, copied = here.row(run_id), there.row(run_id)
        kept = {n: v for n, v in own.items() if v is not None and n != "shard"}
        assert {n: v for n, v in copied.items() if n != "shard"} == kept
    assert there.verify().ok and len(list((tmp_path / "b").glob("shards/*/*.parquet"))) == 1


def test_copying_again_changes_nothing(tmp_path):
    filled(tmp_path / "a")
    words = ["extract", *WORDS, f"store={tmp_path / 'a'}", f"to={tmp_path / 'b'}"]
    assert absorb(words) == 0
    first = {p: p.read_bytes() for p in (tmp_path / "b").rglob("*") if p.is_file()}
    assert absorb(words) == 0
    assert first == {p: p.read_bytes() for p in (tmp_path / "b").rglob("*") if p.is_file()}


def test_what_belongs_to_a_machine_or_is_large_stays_behind(tmp_path):
    large = {"kept.probability": [0.1] * 500, "world.path": "/home/someone/pictures"}
    filled(tmp_path / "a", columns=large)
    assert absorb(["extract", *WORDS, f"store={tmp_path / 'a'}", f"to={tmp_path / 'b'}"]) == 0
    there = Store(tmp_path / "b")
    table = there.table()
    assert "kept.probability" not in table.column_names
    assert set(table["world.path"].to_pylist()) == {"pictures"}
    (told,) = there.provenance(table["shard"][0].as_py())["extracted"]
    assert told["overrides"] == ["world.path=pictures", "seed=range(0,3)"] and told["git"] == GIT
    assert told["batches"] == told["runs"] == 6 and told["run_seconds"] == 12.0
    assert told["xla_flags"] == "--xla_dump_to=dump --xla_cpu_x=false"
    assert absorb(["extract", *WORDS, f"store={there.root}", f"to={tmp_path / 'c'}"]) == 0
    again = Store(tmp_path / "c")
    assert again.provenance(again.table()["shard"][0].as_py())["extracted"] == [told]
    manifests = [p.read_text() for p in (tmp_path / "b").rglob("*.json")]
    assert not any("someone" in text or "name-of-machine" in text for text in manifests)


def test_each_version_of_the_code_has_a_shard_of_its_own(tmp_path):
    filled(tmp_path / "a", [*WORDS, "train.epochs=1"])
    other = {"sources": "b" * 64}
    filled(tmp_path / "a", [*WORDS, "train.epochs=2"], other)
    words = [*WORDS, "train.epochs=1,2", f"store={tmp_path / 'a'}", f"to={tmp_path / 'b'}"]
    assert absorb(["extract", *words]) == 0
    table = Store(tmp_path / "b").table(("train.epochs",)).to_pylist()
    assert {(row["train.epochs"], json.loads(row["code"])["sources"][0]) for row in table} == {
        (1, "a"), (2, "b")
    }  # fmt: skip
    assert len({row["shard"] for row in table}) == 2


def test_pairs_of_the_runs_come_along(tmp_path):
    store = filled(tmp_path / "a")
    first, second, *_ = sorted(store.run_ids())
    pairs = [("1" * 64, first, second), ("2" * 64, first, "f" * 64)]
    Store(tmp_path / "a" / PAIRS).write(
        [{"run_id": run_id, "status": "ok", "pair.first": a, "pair.second": b, "barrier": 0.5}
         for run_id, a, b in pairs], {"code": CODE})  # fmt: skip
    assert absorb(["extract", *WORDS, f"store={tmp_path / 'a'}", f"to={tmp_path / 'b'}"]) == 0
    assert Store(tmp_path / "b" / PAIRS, create=False).run_ids() == {"1" * 64}


def test_runs_that_failed_are_a_matter_for_retry(tmp_path, capsys):
    first, *_ = request(*WORDS).points
    store = Store(tmp_path / "a")
    store.write([flat(first.config) | {"run_id": first.run_id, "status": "failed"}], {})
    words = ["extract", *WORDS, f"store={store.root}", f"to={tmp_path / 'b'}"]
    assert absorb(words) == 2
    err = capsys.readouterr().err
    assert "0 of 6 runs are finished" in err and "(1 failed): absorb retry with" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            [*WORDS, "train.epochs=7", "store=a", "to=b"],
            "0 of 6 runs are finished in a: absorb sweep",
        ),
        ([*WORDS, "store=a"], "to=DIRECTORY"),
        ([*WORDS, "store=a", "to="], "to=DIRECTORY"),
        (["store=a", "to=b"], "takes a sweep"),
        ([*WORDS, "store=a", "to=a"], "is the store that the rows come from"),
        ([*WORDS, "store=nowhere", "to=b"], "nowhere: no such directory"),
    ],
)
def test_a_mistake_is_refused_and_nothing_is_written(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    filled("a")
    assert absorb(["extract", *words]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "b").exists()
