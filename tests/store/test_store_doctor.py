"""Damage is named, left out, set aside; the rest loads."""

import os
import time

import pytest
from shards import flip, manifest_file, reseal, row, run_id, snapshot, table_file

from absorb.errors import AbsorbError
from absorb.store import Store, StoreWarning
from absorb.store import rows as rows_module
from absorb.store.shard import shard_names

CODE = {"code": "abc"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "root")


@pytest.fixture
def two(store):
    """A store with a shard to be damaged (run 1) and a bystander (run 2)."""
    victim = store.write([row(1, x=1.0)], CODE)
    store.write([row(2, x=2.0)], CODE)
    return store, victim


def truncate(path, size):
    with open(path, "r+b") as file:
        file.truncate(size)


DAMAGE = {
    "flipped rows": lambda s, v: flip(table_file(s, v), 10),
    "flipped footer": lambda s, v: flip(table_file(s, v)),
    "flipped seal": lambda s, v: flip(manifest_file(s, v), 12),
    "flipped run id": lambda s, v: flip(manifest_file(s, v), -60),
    "flipped provenance": lambda s, v: flip(manifest_file(s, v), -5),
    "truncated rows": lambda s, v: truncate(table_file(s, v), 100),
    "empty rows": lambda s, v: truncate(table_file(s, v), 0),
    "huge sparse rows": lambda s, v: truncate(table_file(s, v), 1 << 40),
    "truncated manifest": lambda s, v: truncate(manifest_file(s, v), 100),
    "empty manifest": lambda s, v: truncate(manifest_file(s, v), 0),
    "huge sparse manifest": lambda s, v: truncate(manifest_file(s, v), 1 << 40),
    "rows gone": lambda s, v: table_file(s, v).unlink(),
    "rows are a link": lambda s, v: link_to_itself(table_file(s, v)),
    "foreign JSON": lambda s, v: manifest_file(s, v).write_text('{"hello": "world"}'),
    "not JSON": lambda s, v: manifest_file(s, v).write_bytes(b"\xff\x00"),
}


def link_to_itself(path):
    kept = path.rename(path.parents[2] / "kept.parquet")
    path.symlink_to(kept)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_shard_is_named_and_the_rest_loads(two, damage):
    store, victim = two
    damage(store, victim)
    with pytest.warns(StoreWarning, match=victim):
        assert store.table()["run_id"].to_pylist() == [run_id(2)]
    before = snapshot_small(store.root)
    report = store.verify()
    assert snapshot_small(store.root) == before
    assert not report.ok and report.shards == 1 and report.rows == 1
    assert any(victim in path for problem in report.problems for path in problem.paths)
    gone = store.quarantine(report, older_than_s=0)
    assert any(victim in path for path in gone)
    assert store.verify().problems == ()
    assert store.table()["run_id"].to_pylist() == [run_id(2)]
    assert store.run_ids() == {run_id(2)}
    store.write([row(1, x=1.0)], CODE)
    assert store.table()["x"].to_pylist() == [1.0, 2.0]


def snapshot_small(root):
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in root.rglob("*")
        if not path.is_dir()
    }


def test_quarantine_keeps_the_bytes_and_the_reason(two):
    store, victim = two
    flip(table_file(store, victim), 10)
    files = {
        p.name: p.read_bytes() for p in (table_file(store, victim), manifest_file(store, victim))
    }
    store.quarantine(store.verify())
    kept = store.root / "quarantine" / "000001"
    assert {p.name: p.read_bytes() for p in (kept / "moved").iterdir()} == files
    assert "checksum does not match" in (kept / "reason.txt").read_text()


def test_a_wrong_size_keeps_a_run_from_counting_as_done(two):
    store, victim = two
    table_file(store, victim).unlink()
    with pytest.warns(StoreWarning, match=f"{victim}.*parquet file: missing"):
        assert store.run_ids() == {run_id(2)}


def test_a_run_whose_rows_are_a_link_does_not_count_as_done(two):
    store, victim = two
    link_to_itself(table_file(store, victim))
    with pytest.warns(StoreWarning, match=f"{victim}.*not a plain file"):
        assert store.run_ids() == {run_id(2)}


def test_when_the_counting_row_is_damaged_the_next_one_counts(store):
    names = sorted(store.write([row(1, x=float(i))], CODE) for i in range(3))
    flip(table_file(store, names[0]), 10)
    with pytest.warns(StoreWarning, match=names[0]):
        assert store.table()["shard"].to_pylist() == [names[1]]
    with pytest.warns(StoreWarning, match=names[0]):
        assert store.row(run_id(1))["shard"] == names[1]


def test_a_manifest_under_another_name_is_damage(two):
    store, victim = two
    other = "f" * 32
    os.makedirs(store.root / "shards" / "ff")
    for path in (manifest_file, table_file):
        path(store, other).write_bytes(path(store, victim).read_bytes())
    with pytest.warns(StoreWarning, match=f"{other}.*that of shard '{victim}'"):
        assert store.table().num_rows == 2


def test_whole_rows_of_another_shard_are_damage(two):
    store, victim = two
    other = store.write([row(1, x=3.0)], CODE)
    size = table_file(store, victim).stat().st_size
    table_file(store, victim).write_bytes(table_file(store, other).read_bytes())
    assert table_file(store, victim).stat().st_size == size
    with pytest.warns(StoreWarning, match=f"{victim}.*checksum"):
        assert store.table()["x"].to_pylist() == [3.0, 2.0]


def test_a_manifest_that_names_other_runs_than_its_rows_is_damage(two):
    store, victim = two
    reseal(manifest_file(store, victim), lambda fields: fields.update(runs={"failed": [run_id(1)]}))
    with pytest.warns(StoreWarning, match=f"{victim}.*name different runs"):
        assert store.table()["run_id"].to_pylist() == [run_id(2)]


GARBLED = {
    "status": {"runs": {"done": [run_id(1)]}},
    "run id": {"runs": {"ok": ["../../etc"]}},
    "twice": {"runs": {"ok": [run_id(1)], "failed": [run_id(1)]}, "rows": 2},
    "row count": {"rows": 5},
    "checksum": {"table": {"sha256": "zz", "bytes": 5}},
    "size": {"table": {"sha256": "0" * 64, "bytes": -1}},
    "field": {"table": {"sha256": "0" * 64, "bytes": 1, "url": "x"}},
    "provenance": {"provenance": 3},
    "version": {"schema_version": True},
}


@pytest.mark.parametrize("garbled", GARBLED.values(), ids=GARBLED.keys())
def test_a_sealed_manifest_that_makes_no_sense_is_damage(two, garbled):
    store, victim = two
    reseal(manifest_file(store, victim), lambda fields: fields.update(garbled))
    with pytest.warns(StoreWarning, match=victim):
        assert store.run_ids() == {run_id(2)}


def test_arrays_that_the_manifest_does_not_know_are_foreign(two):
    store, victim = two
    stray = table_file(store, victim).with_suffix(".safetensors")
    stray.write_bytes(b"x")
    report = store.verify()
    assert [(p.kind, len(p.paths)) for p in report.problems] == [("foreign", 1)]
    store.quarantine(report)
    assert not stray.exists() and store.verify().shards == 2


def test_a_manifest_in_the_wrong_directory_counts_for_nothing(two):
    store, victim = two
    wrong = store.root / "shards" / f"{int(victim[:2], 16) ^ 1:02x}"
    wrong.mkdir(exist_ok=True)
    (wrong / f"{victim}.json").write_bytes(manifest_file(store, victim).read_bytes())
    assert list(shard_names(store.root)).count(victim) == 1
    assert [p.kind for p in store.verify().problems] == ["foreign"]


def test_what_the_system_does_not_let_us_read_stays_where_it_is(two, monkeypatch):
    store, victim = two
    store.save_checkpoint("batch", {}, {})
    unreadable = (table_file(store, victim), store.root / "checkpoints" / "batch.checkpoint")
    real = os.open

    def refuse(path, *rest, **more):
        if path in unreadable:
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.warns(StoreWarning, match=f"{victim}.*Permission denied"):
        assert store.table().num_rows == 1
    with pytest.raises(AbsorbError, match=r"batch\.checkpoint cannot be read: Permission denied"):
        store.load_checkpoint("batch")
    report = store.verify()
    assert [p.kind for p in report.problems] == ["unreadable"] * 2 and not report.ok
    assert store.quarantine(report, older_than_s=0) == []


def test_rows_that_unpack_too_large_are_not_unpacked(two, monkeypatch):
    store, _ = two
    monkeypatch.setattr(rows_module, "MAX_UNPACKED_BYTES", 10)
    with pytest.warns(StoreWarning, match="unpacks to more than 10 bytes"):
        assert store.table().num_rows == 0


STRANGERS = ["shards/notes.txt", "shards/zz/x.json", "shards/00/notes.txt", "checkpoints/model.pkl"]
STRANGERS += ["shards/00/" + "f" * 32 + ".json", "shards/00/" + "n" * 250, "shards/00/a\nb"]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_foreign_file_is_named_and_moved(two, stranger):
    store, _ = two
    path = store.root / stranger
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("hello")
    assert store.table().num_rows == 2
    report = store.verify()
    assert [problem.kind for problem in report.problems] == ["foreign"] and not report.ok
    store.quarantine(report)
    assert not path.exists() and store.verify().problems == ()
    kept = [p for p in store.root.glob("quarantine/*/moved/**/*") if p.is_file()]
    assert [p.read_text() for p in kept] == ["hello"]


def test_files_beside_the_stores_own_directories_are_left_alone(two):
    store, _ = two
    (store.root / "figures").mkdir()
    (store.root / "figures" / "a.png").write_text("mine")
    assert store.verify().problems == () and store.quarantine(store.verify()) == []
    assert (store.root / "figures" / "a.png").read_text() == "mine"


def remains(store):
    """What killed writers leave: rows without a manifest, and temporary files."""
    directory = store.root / "shards" / "aa"
    directory.mkdir(parents=True)
    (store.root / "checkpoints").mkdir()
    orphan = directory / ("aa" + "0" * 30 + ".parquet")
    leftovers = [directory / f".tmp-{'0' * 16}", store.root / "checkpoints" / f".tmp-{'1' * 16}"]
    for path in (orphan, *leftovers):
        path.write_bytes(b"half")
    return orphan, leftovers


def test_remains_of_killed_writers_are_harmless_and_cleared_when_old(two):
    store, _ = two
    orphan, leftovers = remains(store)
    assert store.table().num_rows == 2
    report = store.verify()
    assert report.ok and sorted(p.kind for p in report.problems) == [
        "leftover",
        "leftover",
        "orphan",
    ]
    assert store.quarantine(report) == []  # their writers may be alive
    old = time.time() - 3700
    for path in (orphan, *leftovers):
        os.utime(path, (old, old))
    assert len(store.quarantine(report)) == 3
    assert store.verify().problems == ()
    assert [p.name for p in store.root.glob("quarantine/*/moved/*")] == [orphan.name]


def test_remains_are_cleared_at_once_when_asked(two):
    store, _ = two
    remains(store)
    assert len(store.quarantine(store.verify(), older_than_s=0)) == 3
    assert store.verify().problems == ()


def test_what_healed_since_the_report_stays(two):
    store, victim = two
    flip(table_file(store, victim), 10)
    report = store.verify()
    store.write([row(1, x=1.0)], CODE)
    assert store.quarantine(report) == []
    assert store.table().num_rows == 2


def test_a_made_up_report_moves_nothing(two, tmp_path):
    from absorb.store import Problem, Report

    store, victim = two
    (tmp_path / "precious").write_text("x")
    problems = [("../precious",), (f"shards/{victim[:2]}/{victim}.json",), ("/etc/passwd",)]
    report = Report(0, 0, 0, tuple(Problem("foreign", paths, "lie") for paths in problems))
    before = snapshot(tmp_path)
    assert store.quarantine(report) == []
    assert snapshot(tmp_path) == before


def test_a_report_reads_as_text(two):
    store, victim = two
    flip(table_file(store, victim), 10)
    head, line = str(store.verify()).splitlines()
    assert head == "1 whole shards, 1 rows, 0 checkpoints"
    assert line.startswith("damaged: shards/") and line.endswith("checksum does not match")
