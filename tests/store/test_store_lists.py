"""Measures that are lists of numbers, such as the weights of a toy."""

import math

import pytest
from shards import row

from absorb.errors import AbsorbError
from absorb.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def test_lists_of_any_length_keep_every_bit(store):
    third, weights = 1 / 3, [0.1, -0.0, math.inf]
    store.write([row(1, w=weights), row(2, w=[third]), row(3, w=[]), row(4, w=None)], {})
    store.write([row(5, other=1.0)], {})
    found = store.table().to_pydict()
    lists = dict(zip([int(run, 16) for run in found["run_id"]], found["w"], strict=True))
    assert lists == {1: weights, 2: [third], 3: [], 4: None, 5: None}
    assert math.copysign(1, lists[1][1]) == -1
    assert store.verify().ok


@pytest.mark.parametrize("value", [["a"], [1], [True], [[1.0]], [None], (1.0,), {"a": 1.0}])
def test_what_is_not_a_list_of_floats_is_refused(store, value):
    with pytest.raises(AbsorbError, match=r"'w' holds a .* neither a scalar nor a list of floats"):
        store.write([row(1, w=value)], {})


def test_a_number_and_a_list_do_not_go_together(store):
    with pytest.raises(AbsorbError, match="'w' mixes float, list"):
        store.write([row(1, w=1.0), row(2, w=[1.0])], {})
