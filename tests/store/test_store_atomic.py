"""One file, whole or absent."""

import os

import pytest

from absorb.errors import AbsorbError
from absorb.store import atomic
from absorb.store.names import inside


def test_whoever_reads_the_old_file_reads_it_to_its_end(tmp_path):
    path = tmp_path / "file"
    atomic.write_file(path, b"old" * 1000)
    with open(path, "rb") as reader:
        assert reader.read(3) == b"old"
        atomic.write_file(path, b"new")
        assert reader.read() == b"old" * 999
    assert path.read_bytes() == b"new"


def test_a_file_and_its_directory_are_synced_before_and_after_the_rename(tmp_path, monkeypatch):
    done = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        done.append("directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        real_fsync(descriptor)

    def replace(source, target):
        assert os.path.getsize(source) == 3
        done.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    atomic.write_file(tmp_path / "file", b"abc")
    assert done == ["file", "rename", "directory"]


def test_a_name_that_another_took_is_not_written_over(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda _: "0" * 16)
    taken = tmp_path / f".tmp-{'0' * 16}"
    taken.write_bytes(b"another writer's")
    with pytest.raises(AbsorbError, match=f"cannot write {tmp_path}/file: File exists"):
        atomic.write_file(tmp_path / "file", b"mine")
    assert taken.read_bytes() == b"another writer's"


def test_an_interrupt_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic.write_file(tmp_path / "file", b"abc")
    assert list(tmp_path.iterdir()) == []


def test_nothing_leads_out_of_the_root(tmp_path):
    for parts in (("..", "x"), ("shards", "..", "..", "x"), ("/etc/passwd",)):
        with pytest.raises(AbsorbError, match="leaves the store"):
            inside(tmp_path / "root", *parts)
    assert inside(tmp_path, "shards", "ab") == tmp_path / "shards" / "ab"
