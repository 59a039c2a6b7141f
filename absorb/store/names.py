"""What things in a store are called, and the promise that they stay under its root."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from absorb.errors import AbsorbError

SHARDS, CHECKPOINTS, QUARANTINE = "shards", "checkpoints", "quarantine"
# A store of its own below a store of runs: what was found between two of them.
PAIRS = "barriers"
TABLE_SUFFIX, ARRAYS_SUFFIX, MANIFEST_SUFFIX = ".parquet", ".safetensors", ".json"
CHECKPOINT_SUFFIX = ".checkpoint"
TEMPORARY_PREFIX = ".tmp-"

# In the order in which they count where a run has several rows: a failed one never outranks what
# its retry came to.
STATUSES = ("ok", "diverged", "failed")
RANKS = {status: rank for rank, status in enumerate(STATUSES)}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RUN_ID = re.compile(r"[0-9a-f]{64}")
_RUN_PREFIX = re.compile(r"[0-9a-f]{1,64}")
_SHARD = re.compile(r"[0-9a-f]{32}")
_FAN_OUT = re.compile(r"[0-9a-f]{2}")


def is_shard(text: str) -> bool:
    """Whether `text` is the name of a shard: 32 hexadecimal digits."""
    return _SHARD.fullmatch(text) is not None


def is_fan_out(text: str) -> bool:
    """Whether `text` names a directory of shards: their first two digits."""
    return _FAN_OUT.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether `text` may name a file in a store."""
    return _NAME.fullmatch(text) is not None


def is_run_id(value: object) -> bool:
    """Whether `value` is the id of a run: 64 lower-case hexadecimal digits."""
    return isinstance(value, str) and _RUN_ID.fullmatch(value) is not None


def check_name(name: str) -> str:
    """Return `name`; raise AbsorbError unless it may name a file in a store."""
    if not isinstance(name, str) or not is_name(name):
        raise AbsorbError(
            f"the name {_short(name)} is not allowed in a store: 1 to 100 of "
            "A-Z a-z 0-9 . _ - and first a letter or digit"
        )
    return name


def check_run_id(run_id: object) -> str:
    """Return `run_id`; raise AbsorbError unless it is 64 lower-case hexadecimal digits."""
    if not isinstance(run_id, str) or not is_run_id(run_id):
        raise AbsorbError(f"run_id {_short(run_id)} is not 64 lower-case hexadecimal digits")
    return run_id


def check_run_prefix(prefix: object) -> str:
    """Return `prefix`; raise AbsorbError unless it can begin a run id."""
    if not isinstance(prefix, str) or _RUN_PREFIX.fullmatch(prefix) is None:
        raise AbsorbError(f"{_short(prefix)} cannot begin a run id: 1 to 64 of 0-9 a-f")
    return prefix


def check_shard(name: object) -> str:
    """Return `name`; raise AbsorbError unless it is the name of a shard."""
    if not isinstance(name, str) or not is_shard(name):
        raise AbsorbError(f"{_short(name)} is not the name of a shard (32 hexadecimal digits)")
    return name


def content_name(schema_version: int, table: str, arrays: str | None, code: str | None) -> str:
    """Name of a shard: a hash of its files' checksums and of the code that made them.

    Durations and hosts are left out, so a batch that is run again with the same code and gives
    the same numbers lands on the same name.
    """
    parts = [str(schema_version), table, arrays or "", code or ""]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def inside(root: Path, *parts: str) -> Path:
    """Path of `parts` under the resolved `root`; raise AbsorbError if a link or `..` leads away.

    Any symbolic link below the root is refused, not only one that leaves it: readers do not
    follow links, so what is written through one would never be seen.
    """
    path = Path(os.path.abspath(root.joinpath(*parts)))
    if not path.is_relative_to(root):
        raise AbsorbError(f"{path} leaves the store {root}")
    if os.path.realpath(path) != str(path):
        raise AbsorbError(f"{path} is or lies behind a symbolic link in the store {root}")
    return path


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}... ({len(text)} characters)"
