"""Several real processes on one store: one visible result per run, and readers see no damage."""

import os
import subprocess
import sys

from absorb.store import Store

PROCESSES, SHARDS = 4, 12

WRITER = """
import os, sys, time
sys.path.insert(0, {here!r})
from absorb.store import Store
from test_store_processes import SHARDS, rows_of
import pyarrow.parquet

me, root = int(sys.argv[1]), {root!r}
store = Store(root)
print("ready", flush=True)
sys.stdin.readline()
for number in range(SHARDS):
    # all of them write the same shards, and each its own version of the others
    store.write(rows_of(number), {{"code": "same", "host": me}})
    store.write(rows_of(number), {{"code": f"by {{me}}"}})
    store.save_checkpoint("batch", {{}}, {{"by": me, "number": number}})
"""

READER = """
import sys, warnings
warnings.simplefilter("error")
from absorb.store import Store
store, seen = Store({root!r}), set()
print("ready", flush=True)
sys.stdin.readline()
while len(seen) < {runs}:
    ids = store.run_ids()
    assert seen <= ids, "a run vanished"
    seen = ids
    table = store.table()
    assert table.num_rows == len(set(table["run_id"].to_pylist())) >= len(ids)
    store.load_checkpoint("batch")
    assert store.verify().ok
"""


def rows_of(number):
    runs = [f"{number * 3 + i:064x}" for i in range(3)]
    return [{"run_id": run, "status": "ok", "x": float(number)} for run in runs]


def start(code, *arguments):
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_four_writers_and_a_reader(tmp_path):
    here = os.path.dirname(__file__)
    code = WRITER.format(here=here, root=str(tmp_path))
    running = [start(code, str(n)) for n in range(PROCESSES)]
    running.append(start(READER.format(root=str(tmp_path), runs=3 * SHARDS)))
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    check(Store(tmp_path))


def check(store):
    report = store.verify()
    assert report.problems == () and report.shards == SHARDS * (1 + PROCESSES)
    table = store.table(["x"])
    expected = [row for number in range(SHARDS) for row in rows_of(number)]
    assert table["run_id"].to_pylist() == [row["run_id"] for row in expected]
    assert table["x"].to_pylist() == [row["x"] for row in expected]
    checkpoint = store.load_checkpoint("batch")
    assert checkpoint is not None and checkpoint.meta["number"] == SHARDS - 1
