"""No room, no permission: an error that names the path, and nothing half-written to see."""

import errno
import io
import os
import resource
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from absorb.errors import AbsorbError
from absorb.store import Store, is_there

SMALL = [{"run_id": "a" * 64, "status": "ok", "x": 1.0}]
LARGE = [{"run_id": "b" * 64, "status": "ok", "x": os.urandom(200_000).hex()}]

ACT = """
import sys
sys.path.insert(0, {here!r})
from absorb.errors import AbsorbError
from absorb.store import Store, is_there
import test_store_disk as t
{before}
store = Store({root!r})
store.write(t.SMALL, {{}})
store.save_checkpoint("batch", {{}}, {{"step": 1}})
{limit}
for act in (lambda: store.write(t.LARGE, {{}}), lambda: t.save_large(store)):
    try:
        act()
    except AbsorbError as error:
        print(error)
    else:
        sys.exit("it should not have fitted")
assert t.whole(store), store.verify()
{after}
"""


def save_large(store):
    import numpy as np

    store.save_checkpoint("batch", {"w": np.random.default_rng(0).random(200_000)}, {"step": 2})


def whole(store):
    kept = store.load_checkpoint("batch")
    no_remains = not list(store.root.rglob(".tmp-*"))
    return store.run_ids() == {"a" * 64} and kept.meta == {"step": 1} and no_remains


def limit_file_size(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def run(*prefix, root, before="", limit="", after=""):
    here = os.path.dirname(__file__)
    code = ACT.format(here=here, root=str(root), before=before, limit=limit, after=after)
    command = [*prefix, sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def assert_said(ran, root, reason):
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first.startswith(f"cannot write {root}/shards/") and first.endswith(reason)
    assert second == f"cannot write {root}/checkpoints/batch.checkpoint: {reason}"


@pytest.mark.parametrize("size", [0, 1, 4096, 100_000])
def test_a_file_size_limit(tmp_path, size):
    after = "t.limit_file_size(-1); store.write(t.LARGE, {}); assert len(store.run_ids()) == 2"
    ran = run(root=tmp_path, limit=f"t.limit_file_size({size})", after=after)
    assert_said(ran, tmp_path, "File too large")


def needs_mounts():
    works = shutil.which("unshare") and os.path.isdir("/proc/self/ns")
    if works:
        probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        works = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    if not works:
        pytest.skip("this user may not mount a tmpfs in a namespace of its own")


def mount(root, options):
    """Python lines that mount a tmpfs; the namespace that holds it dies with the process."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)]
    return f"import subprocess; subprocess.run({command!r}, check=True)"


def test_a_full_disk(tmp_path):
    needs_mounts()
    after = "store.drop_checkpoint('batch'); store.write([dict(t.SMALL[0], x=2.0)], {})"
    ran = run("unshare", "-m", root=tmp_path, before=mount(tmp_path, "size=64k"), after=after)
    assert_said(ran, tmp_path, "No space left on device")


def test_a_full_disk_without_room_for_another_file(tmp_path):
    needs_mounts()
    # root, shards, one fan-out directory, two files, checkpoints, one file; then there is no inode
    before = mount(tmp_path, "nr_inodes=8")
    ran = run("unshare", "-m", root=tmp_path, before=before)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 2 and all(line.endswith("No space left on device") for line in lines)
    assert all(f" {tmp_path}/" in line for line in lines)


def test_a_read_only_filesystem(tmp_path):
    needs_mounts()
    remount = ["mount", "-o", "remount,ro", str(tmp_path)]
    limit = f"subprocess.run({remount!r}, check=True)"
    after = "assert t.Store(store.root).table().num_rows == 1 and store.verify().ok"
    before = mount(tmp_path, "size=1m")
    ran = run("unshare", "-m", root=tmp_path, before=before, limit=limit, after=after)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 2 and all(line.endswith("Read-only file system") for line in lines)
    assert all(f" {tmp_path}/" in line for line in lines)


def test_a_read_only_directory(tmp_path):
    store = Store(tmp_path)
    store.write(SMALL, {})
    os.chmod(tmp_path / "shards", 0o555)
    if os.access(tmp_path / "shards", os.W_OK):
        pytest.skip("this user ignores permission bits; the read-only filesystem stands in")
    with pytest.raises(AbsorbError, match=f"{tmp_path}/shards.*Permission denied"):
        for number in range(8):  # one of them falls into another directory
            store.write([dict(SMALL[0], x=float(number))], {})
    os.chmod(tmp_path / "shards", 0o755)
    assert store.table().num_rows == 1


def test_a_root_that_cannot_be_made_is_named():
    with pytest.raises(AbsorbError, match="store=/proc/nowhere"):
        Store("/proc/nowhere")


def test_a_root_that_may_not_be_looked_at_is_named(monkeypatch):
    def refuse(self, **_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", refuse)
    for act in (Store, partial(Store, create=False), is_there):
        with pytest.raises(AbsorbError, match="store=/closed/s: Permission denied"):
            act("/closed/s")


def test_a_name_that_is_too_long_is_named(tmp_path):
    for act in (Store, partial(Store, create=False), is_there):
        with pytest.raises(AbsorbError, match=r"store=/.*/xxx.*: File name too long"):
            act(tmp_path / ("x" * 300))


class Failing(io.FileIO):
    """A file of a disk that gives up as soon as it is read."""

    def readinto(self, *_):
        raise OSError(errno.EIO, "Input/output error")

    readall = readinto


@pytest.mark.parametrize("suffix", ["json", "parquet", "checkpoint"])
def test_a_disk_that_fails_half_way_costs_one_file_and_not_the_store(tmp_path, monkeypatch, suffix):
    store = Store(tmp_path / "store")
    first, _ = [store.write(rows, {}) for rows in (SMALL, LARGE)]
    store.save_checkpoint("batch", {}, {"step": 1})
    bad = f"{'batch' if suffix == 'checkpoint' else first}.{suffix}"
    opened = os.fdopen

    def fdopen(descriptor, mode):
        is_bad = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name == bad
        return io.BufferedReader(Failing(descriptor)) if is_bad else opened(descriptor, mode)

    monkeypatch.setattr(os, "fdopen", fdopen)
    (problem,) = store.verify().problems
    assert problem.kind == "unreadable" and "Input/output error" in problem.detail
