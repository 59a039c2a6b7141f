"""Whatever is damaged is named and left out; the rest loads."""

import os

import pyarrow
import pytest
from pyarrow import parquet
from shards import flip, manifest_file, reseal, row, run_id, table_file

from absorb.store import Store, StoreWarning
from absorb.store import rows as rows_module
from absorb.store.atomic import sha256

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
    assert [p.detail for p in store.verify().problems] == [
        "its .parquet file: manifest and rows name different runs"
    ]


def int32_rows():
    return pyarrow.table(
        {"run_id": [run_id(1)], "status": ["ok"], "x": pyarrow.array([1], "int32")}
    )


def two_rows():
    return pyarrow.table({"run_id": [run_id(1)] * 2, "status": ["ok"] * 2})


def two_columns_of_one_name():
    columns = [pyarrow.array([text]) for text in (run_id(1), "ok", "a", "b")]
    return pyarrow.table(columns, names=["run_id", "status", "x", "x"])


def no_status():
    return pyarrow.table({"run_id": [run_id(1)]})


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (int32_rows, "'x' has type int32"),
        (two_rows, "2 rows instead of 1"),
        (two_columns_of_one_name, "a column name is repeated"),
        (no_status, "lack run_id or status"),
    ],
)
def test_rows_of_another_program_are_damage_though_sealed(two, forged, said):
    store, victim = two
    path = table_file(store, victim)
    parquet.write_table(forged(), path)
    described = {"sha256": sha256(path.read_bytes()), "bytes": path.stat().st_size}
    reseal(manifest_file(store, victim), lambda fields: fields.update(table=described))
    with pytest.warns(StoreWarning, match=f"{victim}.*{said}"):
        assert store.table().num_rows == 1
    assert said in store.verify().problems[0].detail


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


def test_rows_that_unpack_too_large_are_not_unpacked(two, monkeypatch):
    store, _ = two
    monkeypatch.setattr(rows_module, "MAX_UNPACKED_BYTES", 10)
    with pytest.warns(StoreWarning, match="unpacks to more than 10 bytes"):
        assert store.table().num_rows == 0
