"""Nothing is written, read or moved outside the root."""

import os

import pytest
from shards import row, run_id, snapshot

from absorb.errors import AbsorbError
from absorb.store import Store

CODE = {"code": "abc"}
BAD_NAMES = [
    "",
    ".",
    "..",
    "../outside",
    "/etc/passwd",
    "a/b",
    ".hidden",
    "-flag",
    "x" * 101,
    "x" * 300,
    "a\n",
    "a\0b",
    "é",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_checkpoint_names_are_refused(tmp_path, name):
    store = Store(tmp_path / "root")
    for act in (
        lambda: store.save_checkpoint(name, {}, {}),
        lambda: store.load_checkpoint(name),
        lambda: store.drop_checkpoint(name),
    ):
        with pytest.raises(AbsorbError, match="not allowed in a store"):
            act()
    assert snapshot(tmp_path) == {"root": None}


def test_the_longest_name_works(tmp_path):
    store = Store(tmp_path)
    store.save_checkpoint("x" * 100, {}, {"a": 1})
    saved = store.load_checkpoint("x" * 100)
    assert saved is not None and saved.meta == {"a": 1}


@pytest.mark.parametrize("link", ["shards", "shards/{digits}"])
def test_a_link_out_of_the_store_is_not_written_through(tmp_path, link):
    probe = Store(tmp_path / "probe")
    digits = probe.write([row(1)], CODE)[:2]
    store, outside = Store(tmp_path / "root"), tmp_path / "outside"
    outside.mkdir()
    path = store.root / link.format(digits=digits)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(outside)
    with pytest.raises(AbsorbError, match="symbolic link"):
        store.write([row(1)], CODE)
    assert snapshot(outside) == {}


def test_a_whole_shard_behind_a_link_is_not_taken_for_ours(tmp_path):
    elsewhere, store = Store(tmp_path / "elsewhere"), Store(tmp_path / "root")
    name = elsewhere.write([row(1)], CODE)
    (store.root / "shards").mkdir()
    (store.root / "shards" / name[:2]).symlink_to(elsewhere.root / "shards" / name[:2])
    assert store.run_ids() == set() and store.table().num_rows == 0
    with pytest.raises(AbsorbError, match="symbolic link"):
        store.write([row(1)], CODE)
    with pytest.raises(AbsorbError, match="symbolic link"):
        store.provenance(name)
    report = store.verify()
    assert [p.kind for p in report.problems] == ["foreign"]
    store.quarantine(report)
    assert store.verify().ok and elsewhere.run_ids() == {run_id(1)}
    store.write([row(1)], CODE)
    assert store.run_ids() == {run_id(1)}


def test_checkpoints_are_not_written_or_read_through_links(tmp_path):
    store, outside = Store(tmp_path / "root"), tmp_path / "outside"
    outside.mkdir()
    (store.root / "checkpoints").symlink_to(outside)
    for act in (lambda: store.save_checkpoint("a", {}, {}), lambda: store.load_checkpoint("a")):
        with pytest.raises(AbsorbError, match="symbolic link"):
            act()
    assert snapshot(outside) == {}


def test_quarantine_is_not_moved_through_a_link(tmp_path):
    store, outside = Store(tmp_path / "root"), tmp_path / "outside"
    outside.mkdir()
    (store.root / "shards").mkdir()
    (store.root / "shards" / "stranger").write_text("x")
    (store.root / "quarantine").symlink_to(outside)
    with pytest.raises(AbsorbError, match="symbolic link"):
        store.quarantine(store.verify())
    assert snapshot(outside) == {} and (store.root / "shards" / "stranger").exists()


def test_the_root_itself_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    Store(tmp_path / "root").write([row(1)], CODE)
    assert Store(tmp_path / "real").run_ids() == {run_id(1)}


def test_a_pipe_in_place_of_a_manifest_does_not_hang(tmp_path):
    store = Store(tmp_path)
    name = store.write([row(1)], CODE)
    manifest = store.root / "shards" / name[:2] / f"{name}.json"
    manifest.unlink()
    os.mkfifo(manifest)
    assert store.run_ids() == set()
    assert [p.kind for p in store.verify().problems] == ["foreign", "orphan"]
    with pytest.raises(AbsorbError, match="not a plain file"):
        store.provenance(name)
