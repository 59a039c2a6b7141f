"""Cheap to import, cheap to resume, bounded in memory."""

import subprocess
import sys
import time
import tracemalloc

import pytest
from shards import row

from absorb.store import Store, manifest
from absorb.store.manifest import DataFile, Manifest

SHARDS, RUNS_EACH = 400, 250


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """100,000 run ids, with sparse files in place of rows: opening one would be damage."""
    store = Store(tmp_path_factory.mktemp("many"))
    for number in range(SHARDS):
        name = f"{number % 256:02x}{number:030x}"
        directory = store.root / "shards" / name[:2]
        directory.mkdir(parents=True, exist_ok=True)
        runs = {"ok": tuple(f"{number * RUNS_EACH + i:064x}" for i in range(RUNS_EACH))}
        config = {"config": {f"key.{i}": i for i in range(500)}}
        described = Manifest(name, DataFile("0" * 64, 5000), None, RUNS_EACH, runs, config)
        (directory / f"{name}.json").write_bytes(manifest.encode(described))
        with open(directory / f"{name}.parquet", "wb") as file:
            file.truncate(5000)
    return store


def test_run_ids_come_from_manifests_alone_and_fast(many):
    start = time.perf_counter()
    assert len(many.run_ids()) == SHARDS * RUNS_EACH
    assert time.perf_counter() - start < 3


def test_run_ids_need_little_more_memory_than_the_ids(many):
    tracemalloc.start()
    try:
        many.run_ids()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (
        peak / (SHARDS * RUNS_EACH) < 250
    )  # bytes; a 64-digit text takes 113, its slot in a set 42


def test_importing_the_store_loads_no_heavy_library():
    heavy = "{'numpy', 'pyarrow', 'safetensors', 'jax'}"
    code = f"import sys, absorb.store; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_asking_for_run_ids_loads_no_heavy_library(tmp_path):
    store = Store(tmp_path)
    store.write([row(1)], {})
    heavy = "{'numpy', 'pyarrow', 'safetensors', 'jax'}"
    code = (
        "import sys; from absorb.store import Store; "
        f"assert len(Store({str(tmp_path)!r}).run_ids()) == 1; "
        f"sys.exit(bool({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
