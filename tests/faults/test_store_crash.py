"""A writer that dies at any step leaves the store whole, and the rerun completes it."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from absorb.store import Store

# Imports once, then forks a child for each step and lets it die there, until one survives.
AT_EVERY_STEP = """
import itertools, os, sys, pathlib, shutil
import numpy, pyarrow.parquet, safetensors.numpy
sys.path.insert(0, {here!r})
from absorb.store import Store
from test_store_crash import {setup}, {act}

base, step = pathlib.Path({base!r}), {step!r}
for count in itertools.count(1):
    store = Store(base / f"{{count:03d}}")
    {setup}(store)
    child = os.fork()
    if child == 0:
        os.environ["ABSORB_CRASH_AT"] = f"{{step}}:{{count}}"
        {act}(store)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
    if code != 86:
        break
"""

CODE = {"code": "abc"}
RUNS = [f"{n:064x}" for n in range(3)]
ROWS = [{"run_id": run, "status": "ok", "x": float(n)} for n, run in enumerate(RUNS)]
ARRAYS = {RUNS[0]: {"w": np.arange(5.0)}}
BYSTANDER = {"run_id": "f" * 64, "status": "ok", "x": -1.0}


def nothing(store):
    pass


def write_bystander(store):
    store.write([BYSTANDER], CODE)


def write_all(store):
    store.write(ROWS, CODE, ARRAYS)


def save_first(store):
    store.save_checkpoint("batch", {"w": np.zeros(50)}, {"step": 1})


def save_second(store):
    store.save_checkpoint("batch", {"w": np.ones(60)}, {"step": 2})


def drop(store):
    store.drop_checkpoint("batch")


def damage_one(store):
    write_bystander(store)
    name = store.write(ROWS, CODE, ARRAYS)
    path = store.root / "shards" / name[:2] / f"{name}.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    (store.root / "shards" / "stranger").write_text("x")


def set_aside(store):
    store.quarantine(store.verify(), older_than_s=0)


def stores_after_each_death(base, setup, act, step="any"):
    here = os.path.dirname(__file__)
    code = AT_EVERY_STEP.format(here=here, base=str(base), setup=setup, act=act, step=step)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    *deaths, last = map(int, ran.stdout.split())
    assert set(deaths) == {86} and last == 0, ran.stderr
    return [Store(path) for path in sorted(base.iterdir())]


def test_a_write_dies_at_every_step(tmp_path):
    *dead, alive = stores_after_each_death(tmp_path, "write_bystander", "write_all")
    # 3 files of open, 2 chunks, fsync, rename, fsync of the directory; one or two directories
    assert len(dead) >= 3 * 6 + 2
    assert set(RUNS) < alive.run_ids()
    for store in dead:
        check_killed_writer(store)


def check_killed_writer(store):
    report = store.verify()
    assert report.ok, report
    found = store.run_ids() - {BYSTANDER["run_id"]}
    assert found in (set(), set(RUNS))
    assert set(store.table()["run_id"].to_pylist()) == store.run_ids()
    write_all(store)
    table = store.table(["x"])
    assert table["run_id"].to_pylist() == [*RUNS, BYSTANDER["run_id"]]
    assert table["x"].to_pylist() == [0.0, 1.0, 2.0, -1.0]
    assert store.arrays(RUNS[0])["w"].tolist() == [0, 1, 2, 3, 4]
    set_aside(store)
    assert store.verify().problems == () and store.table(["x"]).equals(table)


def test_the_first_write_of_a_store_dies_at_every_step(tmp_path):
    *dead, _ = stores_after_each_death(tmp_path, "nothing", "write_all")
    for store in dead:
        assert store.verify().ok and store.run_ids() in (set(), set(RUNS))
        write_all(store)
        assert store.table()["run_id"].to_pylist() == RUNS


@pytest.mark.parametrize(("step", "times"), [("write", 6), ("rename", 3), ("fsync", 3)])
def test_the_nth_step_of_a_kind_can_be_chosen(tmp_path, step, times):
    assert len(stores_after_each_death(tmp_path, "nothing", "write_all", step)) == times + 1


def test_before_the_manifest_is_renamed_nothing_counts_and_after_it_everything(tmp_path):
    stores = stores_after_each_death(tmp_path, "nothing", "write_all", "rename")
    assert [len(store.run_ids()) for store in stores] == [0, 0, 0, 3]
    kinds = [[problem.kind for problem in store.verify().problems] for store in stores]
    assert [found.count("orphan") for found in kinds] == [0, 1, 1, 0]


def test_a_checkpoint_is_the_old_or_the_new_one_at_every_step(tmp_path):
    *dead, alive = stores_after_each_death(tmp_path, "save_first", "save_second")
    steps = [store.load_checkpoint("batch").meta["step"] for store in (*dead, alive)]
    assert steps == sorted(steps) and set(steps) == {1, 2} and len(dead) == 6
    for store in dead:
        assert store.verify().ok
        save_second(store)
        assert store.load_checkpoint("batch").arrays["w"].tolist() == [1] * 60


def test_the_first_checkpoint_is_absent_or_whole_at_every_step(tmp_path):
    *dead, _ = stores_after_each_death(tmp_path, "nothing", "save_first")
    for store in dead:
        found = store.load_checkpoint("batch")
        assert found is None or found.arrays["w"].tolist() == [0] * 50
        assert store.verify().ok


def test_dropping_dies_at_every_step(tmp_path):
    for store in stores_after_each_death(tmp_path, "save_first", "drop"):
        drop(store)
        assert store.load_checkpoint("batch") is None and store.verify().ok


def test_quarantine_dies_at_every_step_and_loses_nothing(tmp_path):
    *dead, _ = stores_after_each_death(tmp_path, "damage_one", "set_aside")
    assert len(dead) > 10
    for store in dead:
        set_aside(store)
        assert store.verify().problems == ()
        assert store.run_ids() == {BYSTANDER["run_id"]}
        kept = sorted(path.name for path in store.root.glob("quarantine/*/moved/*"))
        assert len(kept) == 4 and "stranger" in kept


WRITES_FOREVER = """
import sys
sys.path.insert(0, {here!r})
from absorb.store import Store
from test_store_crash import shard_of
store = Store({root!r})
for number in range({shards}):
    rows, arrays = shard_of(number)
    if rows[0]["run_id"] not in store.run_ids():
        store.write(rows, {{"code": "abc"}}, arrays)
    print(number, flush=True)
"""


def shard_of(number):
    runs = [f"{number * 10 + i:064x}" for i in range(4)]
    rows = [{"run_id": run, "status": "ok", "x": number + i / 4} for i, run in enumerate(runs)]
    return rows, {runs[0]: {"w": np.full(1000, float(number))}}


def test_sigkill_at_random_moments(tmp_path):
    here, shards = os.path.dirname(__file__), 60
    code = WRITES_FOREVER.format(here=here, root=str(tmp_path), shards=shards)
    waits = np.random.default_rng(0).uniform(0.0, 0.15, size=6)
    for wait in waits:
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None and writer.stdout.readline()  # it is at work
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
        assert Store(tmp_path).verify().ok
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    table = Store(tmp_path).table(["x"])
    rows = [row for number in range(shards) for row in shard_of(number)[0]]
    assert table["run_id"].to_pylist() == [row["run_id"] for row in rows]
    assert table["x"].to_pylist() == [row["x"] for row in rows]
