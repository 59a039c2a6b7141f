"""Checkpoints of a batch in progress: one sealed file each, replaced whole."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from absorb.errors import AbsorbError
from absorb.store.atomic import (
    DamageError,
    UnreadableError,
    check_size,
    make_directory,
    open_file,
    remove_file,
    sha256,
    write_file,
)
from absorb.store.names import CHECKPOINT_SUFFIX, CHECKPOINTS, check_name, inside
from absorb.store.quarantine import set_aside
from absorb.store.shard import StoreWarning
from absorb.store.tensors import decode_arrays, encode_arrays

if TYPE_CHECKING:
    import numpy as np

# First line: format, checksum and size of what follows; then the meta data as one line of JSON;
# then safetensors.
_HEAD = re.compile(rb"absorb-checkpoint 1 ([0-9a-f]{64}) ([0-9]{1,15})\n")
_MAX_HEAD_BYTES = 128


class Checkpoint(NamedTuple):
    """Arrays by name and the meta data that were saved with them."""

    arrays: dict[str, np.ndarray]
    meta: dict[str, Any]


def checkpoint_path(root: Path, name: str) -> Path:
    """Where the checkpoint `name` lives; raises AbsorbError for a name that is not allowed."""
    return inside(root, CHECKPOINTS, f"{check_name(name)}{CHECKPOINT_SUFFIX}")


def save_checkpoint(
    root: Path, name: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
) -> None:
    """Replace the checkpoint `name`; whoever reads meanwhile sees the old or the new one."""
    path = checkpoint_path(root, name)
    try:
        line = json.dumps(meta).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise AbsorbError(f"the meta data of checkpoint {name} is not JSON: {error}") from error
    body = line + b"\n" + encode_arrays(arrays)
    head = f"absorb-checkpoint 1 {sha256(body)} {len(body)}\n".encode()
    make_directory(inside(root, CHECKPOINTS))
    write_file(path, head + body)


def load_checkpoint(root: Path, name: str) -> Checkpoint | None:
    """The checkpoint `name`; None if absent, or damaged (then set aside, with a warning)."""
    path = checkpoint_path(root, name)
    if not os.path.lexists(path):
        return None
    try:
        return read_checkpoint(path)
    except UnreadableError as damage:
        raise AbsorbError(f"the checkpoint {path} {damage}") from damage
    except DamageError as damage:
        set_aside(root, [path], str(damage))
        warnings.warn(
            f"the checkpoint {path} is damaged ({damage}) and was moved to quarantine",
            StoreWarning,
            stacklevel=3,
        )
        return None


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at `path`; raises DamageError unless it is what was written."""
    with open_file(path) as file:
        head = _HEAD.fullmatch(file.readline(_MAX_HEAD_BYTES))
        if head is None:
            raise DamageError("not a checkpoint of this program")
        size = int(head[2])
        check_size(os.fstat(file.fileno()).st_size, exactly=len(head[0]) + size)
        body = file.read(size)
    if sha256(body) != head[1].decode():
        raise DamageError("checksum does not match")
    line, _, tensors = body.partition(b"\n")
    try:
        return Checkpoint(decode_arrays(tensors), json.loads(line))
    except (ValueError, RecursionError) as error:
        raise DamageError(f"its meta data are not JSON ({error})") from error


def drop_checkpoint(root: Path, name: str) -> None:
    """Remove the checkpoint `name`; harmless if there is none."""
    remove_file(checkpoint_path(root, name))
