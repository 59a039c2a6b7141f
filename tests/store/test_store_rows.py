"""What is written comes back: each run once, columns united by name, mistakes refused."""

import math

import numpy as np
import pyarrow
import pytest
from shards import manifest_file, only, row, run_id, snapshot

from absorb.errors import AbsorbError
from absorb.store import Store

CODE = {"code": "abc123"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def test_every_kind_of_scalar_comes_back_as_it_was(store):
    cells = {"a": 1, "b": 0.1, "c": "Wort ℵ", "d": True, "e": None, "f": -0.0, "g": 2**62}
    store.write([row(1, **cells)], CODE)
    (found,) = store.table().to_pylist()
    assert {name: found[name] for name in cells} == cells
    assert math.copysign(1, found["f"]) == -1
    assert [type(found[name]) for name in "abcd"] == [int, float, str, bool]


def test_nan_and_missing_are_two_things(store):
    store.write([row(1, x=math.nan), row(2, x=None), row(3, x=math.inf)], CODE)
    nan, missing, infinite = store.table()["x"].to_pylist()
    assert math.isnan(nan) and missing is None and infinite == math.inf
    assert store.table(where={"x": math.nan})["run_id"].to_pylist() == [run_id(1)]
    assert store.table(where={"x": None})["run_id"].to_pylist() == [run_id(2)]


def test_numpy_scalars_are_plain_scalars_and_floats_keep_every_bit(store):
    third = np.float64(1) / 3
    store.write([row(1, x=third, y=np.float32(0.1), z=np.int32(7), w=np.bool_(True))], CODE)
    found = store.row(run_id(1))
    assert (found["x"], found["y"], found["z"], found["w"]) == (
        1 / 3,
        float(np.float32(0.1)),
        7,
        True,
    )


def test_columns_of_different_shards_are_united_by_name(store):
    store.write([row(1, a=1, routing__label_fraction=0.5)], CODE)
    store.write([row(2, a=0.5, b="x")], {"code": "other"})
    table = store.table()
    assert table.column_names == [
        *("run_id", "status", "a", "b", "routing.label_fraction", "shard", "code")
    ]
    assert table["a"].to_pylist() == [1.0, 0.5] and table["a"].type == pyarrow.float64()
    assert table["b"].to_pylist() == [None, "x"]
    assert table["routing.label_fraction"].to_pylist() == [0.5, None]
    assert table["code"].to_pylist() == ["abc123", "other"]


def test_a_column_that_is_text_here_and_a_number_there_becomes_text(store):
    store.write([row(1, a="none")], CODE)
    store.write([row(2, a=0.5)], CODE)
    store.write([row(3, a=None)], CODE)
    assert store.table()["a"].to_pylist() == ["none", "0.5", None]


def test_a_table_does_not_depend_on_how_runs_were_batched(tmp_path):
    rows = [row(n, x=float(n)) for n in (5, 3, 9, 1)]
    together, apart = Store(tmp_path / "a"), Store(tmp_path / "b")
    together.write(rows, CODE)
    for each in rows:
        apart.write([each], CODE)
    assert together.table().drop("shard").equals(apart.table().drop("shard"))


@pytest.mark.parametrize(
    ("winner", "loser"), [("ok", "failed"), ("ok", "diverged"), ("diverged", "failed")]
)
def test_the_better_row_wins_whichever_shard_has_the_first_name(tmp_path, winner, loser):
    first_by_name = set()
    for i in range(8):
        store = Store(tmp_path / str(i))
        lost, won = (store.write([row(1, status, x=i)], CODE) for status in (loser, winner))
        first_by_name.add(lost < won)
        assert store.table()["shard"].to_pylist() == [won]
        assert store.row(run_id(1))["shard"] == won
        assert store.run_ids(status={winner}) == {run_id(1)}
        assert store.run_ids(status={loser}) == set()
    assert first_by_name == {True, False}


def test_of_two_equal_rows_the_first_shard_by_name_counts(store):
    names = [store.write([row(1, x=float(i))], CODE) for i in range(6)]
    first = min(names)
    assert store.table()["shard"].to_pylist() == [first]
    assert store.row(run_id(1))["shard"] == first
    assert store.table()["x"].to_pylist() == [float(names.index(first))]


def test_a_filter_cannot_bring_back_a_row_that_lost(store):
    store.write([row(1, "failed")], CODE)
    store.write([row(1, "ok")], CODE)
    assert store.table(where={"status": "failed"}).num_rows == 0


def test_columns_and_filters(store):
    store.write([row(n, x=float(n), seed=n % 2, arm="null") for n in range(4)], CODE)
    table = store.table(["x"], {"seed": 1, "arm": "null"})
    assert table.column_names == ["run_id", "status", "x", "shard", "code"]
    assert table["x"].to_pylist() == [1.0, 3.0]
    assert store.table(["x"], {"arm": "placebo"}).num_rows == 0


def test_an_unknown_column_is_refused_with_the_nearest_name(store):
    store.write([row(1, loss__forget=1.0)], CODE)
    with pytest.raises(AbsorbError, match=r"'loss\.forgot'.*'loss\.forget'"):
        store.table(["loss.forgot"])
    with pytest.raises(AbsorbError, match=r"'stauts'.*'status'"):
        store.table(where={"stauts": "ok"})
    with pytest.raises(AbsorbError, match=r"'loss\.forget' holds double"):
        store.table(where={"loss.forget": "high"})


def test_an_empty_store_answers(store):
    assert store.run_ids() == set() and store.run_ids(status={"ok"}) == set()
    assert store.table().column_names == ["run_id", "status", "shard", "code"]
    assert store.table(["x"], {"y": 1}).column_names == ["run_id", "status", "x", "shard", "code"]
    assert store.verify().ok and store.verify().problems == ()


def test_writing_the_same_again_changes_nothing(store):
    name = store.write([row(1, x=1.0)], CODE | {"seconds": 1})
    before = snapshot(store.root)
    assert store.write([row(1, x=1.0)], CODE | {"seconds": 2}) == name
    assert snapshot(store.root) == before
    assert store.provenance(name) == CODE | {"seconds": 1}


def test_other_code_makes_another_shard_though_the_numbers_are_the_same(store):
    names = {store.write([row(1, x=1.0)], {"code": code}) for code in ("a", "b", None)}
    assert len(names) == 3 and store.table().num_rows == 1


def test_writing_again_heals(store):
    name = store.write([row(1, x=1.0)], CODE)
    whole = snapshot(store.root)
    for pattern in ("shards/*/*.parquet", "shards/*/*.json"):
        only(store, pattern).write_bytes(b"rubbish")
        assert store.write([row(1, x=1.0)], CODE) == name
        assert snapshot(store.root) == whole


def test_a_row_is_found_by_a_unique_beginning(store):
    a, b = "ab" + "0" * 62, "ab" + "1" * 62
    store.write(
        [{"run_id": a, "status": "ok", "x": 1}, {"run_id": b, "status": "ok", "x": 2}], CODE
    )
    assert store.row("ab1")["x"] == 2 and store.row(a)["x"] == 1
    assert list(store.row("ab1")) == ["run_id", "status", "x", "shard", "code"]
    with pytest.raises(AbsorbError, match=r"2 runs begin with ab: ab00000000, ab11111111"):
        store.row("ab")
    with pytest.raises(AbsorbError, match=r"no run .* begins with ac"):
        store.row("ac")
    for bad in ("", "xyz", "AB", "a" * 65, "a\n"):
        with pytest.raises(AbsorbError, match="cannot begin a run id"):
            store.row(bad)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "at least one row"),
        ([row(1), row(1)], "twice"),
        ([row(1, "done")], "status 'done'"),
        ([{"status": "ok"}], "run_id None"),
        ([{"run_id": "A" * 64, "status": "ok"}], "run_id"),
        ([{"run_id": "a" * 64 + "\n", "status": "ok"}], "run_id"),
        ([row(1, x=[1])], "'x' holds a list"),
        ([row(1, x=np.zeros(2))], "'x' holds a ndarray"),
        ([row(1, x=1), row(2, x="a")], "'x' mixes int, str"),
        ([row(1, x=True), row(2, x=1)], "'x' mixes bool, int"),
        ([row(1, x=2**63)], "'x' holds a value that cannot be stored"),
        ([row(1, x="\ud800")], "'x' holds a value that cannot be stored"),
        ([row(1, shard="mine")], "'shard' is added by the store"),
        ([row(1, **{"x" * 201: 1})], "column name"),
        ([row(1, **{"a\nb": 1})], "cannot be printed"),
    ],
)
def test_bad_rows_are_refused_and_leave_nothing(store, rows, said):
    with pytest.raises(AbsorbError, match=said):
        store.write(rows, CODE)
    assert snapshot(store.root) == {}


@pytest.mark.parametrize("bad", [{"x": math.nan}, {"x": {1, 2}}, {"x": b"bytes"}])
def test_provenance_that_is_not_json_is_refused(store, bad):
    with pytest.raises(AbsorbError, match="provenance"):
        store.write([row(1)], bad)
    assert snapshot(store.root) == {}


def test_provenance_comes_back(store):
    made = {"code": "r1+d2", "config": {"seed": [1, 2]}, "seconds": 0.5, "lock": None}
    name = store.write([row(1)], made)
    assert store.provenance(name) == made
    for bad in ("0" * 32, "../x"):
        with pytest.raises(AbsorbError):
            store.provenance(bad)


def test_the_manifest_is_plain_json(store):
    import json

    name = store.write([row(1), row(2, "failed")], CODE)
    manifest = json.loads(manifest_file(store, name).read_bytes())
    assert manifest["runs"] == {"ok": [run_id(1)], "failed": [run_id(2)]}
    assert (manifest["rows"], manifest["schema_version"], manifest["name"]) == (2, 1, name)


def test_a_store_that_is_not_there(tmp_path):
    with pytest.raises(AbsorbError, match="no such directory"):
        Store(tmp_path / "absent", create=False)
    assert not (tmp_path / "absent").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(AbsorbError, match="file"):
        Store(tmp_path / "file")
    with pytest.raises(AbsorbError, match="file/below"):
        Store(tmp_path / "file/below")


def test_an_unknown_status_is_refused(store):
    with pytest.raises(AbsorbError, match="'done'"):
        store.run_ids(status={"done"})
