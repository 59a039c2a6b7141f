"""Checkpoints of a batch in progress."""

import math

import numpy as np
import pytest
from shards import flip

from absorb.errors import AbsorbError
from absorb.store import Store, StoreWarning


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def saved(store, name="batch"):
    found = store.load_checkpoint(name)
    assert found is not None
    return found


def test_a_checkpoint_comes_back_bit_for_bit_and_the_last_one_counts(store):
    arrays = {"params/w": np.float32([1, np.nan, -0.0]), "step": np.array(7), "none": np.zeros(0)}
    store.save_checkpoint("batch", {"old": np.ones(3)}, {"step": 1})
    store.save_checkpoint("batch", arrays, {"step": 7, "loss": [0.1, None], "name": "ℵ"})
    found = saved(store)
    assert found.meta == {"step": 7, "loss": [0.1, None], "name": "ℵ"}
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype and found.arrays[name].shape == array.shape
        assert found.arrays[name].tobytes() == array.tobytes()


def test_meta_data_may_hold_nan(store):
    store.save_checkpoint("batch", {}, {"loss": math.nan})
    assert math.isnan(saved(store).meta["loss"])


def test_absent_and_dropped_are_none(store):
    assert store.load_checkpoint("batch") is None
    store.drop_checkpoint("batch")
    store.save_checkpoint("batch", {}, {})
    store.drop_checkpoint("batch")
    assert store.load_checkpoint("batch") is None


@pytest.mark.parametrize("at", [0, 25, 90, 110, -1])
def test_one_flipped_bit_anywhere_sets_it_aside(store, at):
    store.save_checkpoint("batch", {"x": np.ones(20)}, {"step": 1})
    store.save_checkpoint("other", {}, {"step": 2})
    path = store.root / "checkpoints" / "batch.checkpoint"
    flip(path, at)
    broken = path.read_bytes()
    assert [p.paths for p in store.verify().problems] == [("checkpoints/batch.checkpoint",)]
    with pytest.warns(StoreWarning, match=r"batch\.checkpoint is damaged"):
        assert store.load_checkpoint("batch") is None
    (kept,) = store.root.glob("quarantine/*/moved/*")
    assert kept.read_bytes() == broken
    assert store.load_checkpoint("batch") is None and saved(store, "other").meta == {"step": 2}
    assert store.verify().ok


@pytest.mark.parametrize("size", [0, 10, 200, 1 << 40])
def test_a_wrong_size_is_noticed_before_anything_is_allocated(store, size):
    store.save_checkpoint("batch", {"x": np.ones(100)}, {"step": 1})
    with open(store.root / "checkpoints" / "batch.checkpoint", "r+b") as file:
        file.truncate(size)
    with pytest.warns(StoreWarning, match="damaged"):
        assert store.load_checkpoint("batch") is None


def test_what_is_not_json_or_an_array_is_refused_and_the_old_one_stays(store):
    store.save_checkpoint("batch", {}, {"step": 1})
    with pytest.raises(AbsorbError, match="JSON"):
        store.save_checkpoint("batch", {}, {"x": {1}})
    with pytest.raises(AbsorbError, match="'x' has type object"):
        store.save_checkpoint("batch", {"x": np.array([None])}, {})
    assert saved(store).meta == {"step": 1}
