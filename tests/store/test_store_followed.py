"""A store followed from look to look says what a store opened anew says."""

import pytest
from shards import manifest_file, row, run_id, table_file

from absorb.store import Followed, Store, StoreWarning, manifest

CODE = {"code": "abc"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def read(monkeypatch):
    """Names of the manifests that are read."""
    names, decode = [], manifest.decode
    monkeypatch.setattr(
        manifest, "decode", lambda data, name: names.append(name) or decode(data, name)
    )
    return names


def looked(followed: Followed, number: int = 1) -> str | None:
    followed.look()
    return followed.status(run_id(number))


def test_each_manifest_is_read_once(store, read):
    followed, names = Followed(store.root), []
    for number in range(20):
        names.append(store.write([row(number)], CODE))
        assert looked(followed, number) == "ok" and followed.status(run_id(number + 1)) is None
    assert sorted(read) == sorted(names)


def test_a_better_row_counts_from_when_it_comes_and_until_it_goes(store):
    """Whatever came first: each step is what a store that is opened anew says."""
    followed, names = Followed(store.root), {}
    steps = ("failed", "diverged", "failed again", "ok", "-ok", "-diverged", "-failed", "again")
    expected = ("failed", "diverged", "diverged", "ok", "diverged", "failed", "failed", "failed")
    for step, status in zip(steps, expected, strict=True):
        if step.startswith("-"):
            manifest_file(store, names[step[1:]]).unlink()  # as the quarantine does first
        else:
            named = step if step in ("failed", "diverged", "ok") else "failed"
            names[step] = store.write([row(1, named, salt=step)], CODE)
        assert looked(followed) == status
        assert store.run_ids(status=(status,)) == {run_id(1)}


def test_a_shard_that_is_set_aside_and_written_again_comes_and_goes(store):
    followed, name = Followed(store.root), store.write([row(1)], CODE)
    assert looked(followed) == "ok"
    table_file(store, name).unlink()
    store.quarantine(store.verify())
    assert looked(followed) is None
    assert store.write([row(1)], CODE) == name and looked(followed) == "ok"


def test_what_is_damaged_does_not_count_until_it_is_whole(store):
    followed, name = Followed(store.root), store.write([row(1)], CODE)
    table_file(store, name).unlink()
    with pytest.warns(StoreWarning, match=name):
        assert looked(followed) is None
    store.write([row(1)], CODE)
    assert looked(followed) == "ok"


def test_runs_that_nobody_asks_about_are_not_held(store):
    store.write([row(1), row(2)], CODE)
    followed = Followed(store.root, ignored={run_id(1)})
    assert looked(followed, 1) is None and followed.status(run_id(2)) == "ok"
