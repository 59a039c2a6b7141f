"""Rows and damage for the tests of the store."""

import json
from collections.abc import Callable
from pathlib import Path

from absorb.store import Store, manifest


def run_id(number: int) -> str:
    return f"{number:064x}"


def row(number: int, status: str = "ok", **cells) -> dict:
    named = {name.replace("__", "."): value for name, value in cells.items()}
    return {"run_id": run_id(number), "status": status, **named}


def only(store: Store, pattern: str) -> Path:
    (path,) = store.root.glob(pattern)
    return path


def table_file(store: Store, shard: str) -> Path:
    return store.root / "shards" / shard[:2] / f"{shard}.parquet"


def manifest_file(store: Store, shard: str) -> Path:
    return store.root / "shards" / shard[:2] / f"{shard}.json"


def flip(path: Path, at: int = -20) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def reseal(path: Path, change: Callable[[dict], object]) -> None:
    """Change a manifest and seal it again, as another program could have written it."""
    fields = json.loads(path.read_bytes())
    fields["seal"] = "0" * 64
    change(fields)
    path.write_bytes(manifest.seal(json.dumps(fields).encode()))


def snapshot(directory: Path) -> dict[str, bytes | None]:
    """Every path under a directory with its bytes."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }
