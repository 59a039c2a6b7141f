"""Arrays beside a shard's rows."""

import numpy as np
import pytest
from shards import flip, only, row, run_id, snapshot

from absorb.errors import AbsorbError
from absorb.store import Store, StoreWarning

CODE = {"code": "abc"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_arrays_come_back_bit_for_bit_each_with_its_run(store):
    of_first = {
        "w_BU": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "scalar": np.array(np.nan),
        "empty": np.zeros((0, 3), np.int8),
        "flags": np.array([True, False]),
    }
    of_second = {"w_BU": np.ones((2, 2), np.float16)}
    arrays = {run_id(1): of_first, run_id(2): of_second}
    store.write([row(1), row(2), row(3)], CODE, arrays)
    assert_same(store.arrays(run_id(1)), of_first)
    assert_same(store.arrays(run_id(2)), of_second)
    with pytest.raises(AbsorbError, match="no arrays"):
        store.arrays(run_id(3))


def test_a_later_shard_with_arrays_serves_a_run_that_had_none(store):
    store.write([row(1)], CODE)
    store.write([row(1)], CODE, {run_id(1): {"x": np.ones(2)}})
    assert_same(store.arrays(run_id(1)), {"x": np.ones(2)})


@pytest.mark.parametrize(("winner", "loser"), [("ok", "diverged"), ("diverged", "failed")])
def test_arrays_are_those_of_the_row_that_counts(store, winner, loser):
    """The better row wins, also where another shard comes first by name."""

    def write(status, salt):
        array = np.full(2, float(status == winner))
        return store.write([row(1, status=status, salt=salt)], CODE, {run_id(1): {"x": array}})

    good = write(winner, 0)
    assert any(write(loser, salt) < good for salt in range(64))
    assert store.row(run_id(1))["status"] == winner
    assert_same(store.arrays(run_id(1)), {"x": np.ones(2)})


def test_the_same_arrays_give_the_same_shard_and_others_another(store):
    def write(x):
        return store.write([row(1)], CODE, {run_id(1): {"x": np.full(3, x), "a": np.ones(1)}})

    assert write(1.0) == write(1.0) != write(2.0)


def test_altered_arrays_are_not_handed_out(store):
    name = store.write([row(1)], CODE, {run_id(1): {"x": np.ones(50)}})
    flip(only(store, "shards/*/*.safetensors"))
    with pytest.warns(StoreWarning, match=f"{name}.*safetensors"), pytest.raises(AbsorbError):
        store.arrays(run_id(1))
    (problem,) = store.verify().problems
    assert problem.kind == "damaged" and problem.detail.startswith("its .safetensors file")


@pytest.mark.parametrize(
    "arrays",
    [
        {run_id(9): {"x": np.ones(1)}},
        {run_id(1): {"x": np.array(["text"])}},
        {run_id(1): {"x": np.array([object()], dtype=object)}},
        {run_id(1): {"x": np.ones(1, complex)}},
        {run_id(1): {"n" * 300: np.ones(1)}},
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_leave_nothing(store, arrays):
    with pytest.raises(AbsorbError):
        store.write([row(1)], CODE, arrays)
    assert snapshot(store.root) == {}
