"""One shard on disk: rows, arrays and the manifest that commits them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absorb.errors import AbsorbError
from absorb.store import manifest as manifests
from absorb.store.atomic import (
    DamageError,
    check_size,
    file_size,
    make_directory,
    open_file,
    read_file,
    sha256,
    write_file,
)
from absorb.store.manifest import DataFile, Manifest
from absorb.store.migrate import SCHEMA_VERSION, migrate_rows
from absorb.store.names import (
    ARRAYS_SUFFIX,
    MANIFEST_SUFFIX,
    SHARDS,
    STATUSES,
    TABLE_SUFFIX,
    content_name,
    inside,
    is_fan_out,
    is_shard,
)
from absorb.store.rows import decode_rows, encode_rows
from absorb.store.tensors import encode_run_arrays, read_run_arrays

if TYPE_CHECKING:
    import numpy as np
    import pyarrow


class StoreWarning(UserWarning):
    """Something in a store is damaged and was left out; `absorb doctor` says more."""


def shard_path(root: Path, name: str, suffix: str) -> Path:
    """Where a file of shard `name` lives: in the directory of its first two digits."""
    return root / SHARDS / name[:2] / f"{name}{suffix}"


def write_shard(
    root: Path,
    rows: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    arrays: Mapping[str, Mapping[str, np.ndarray]] | None,
) -> str:
    """Write one shard, the manifest last, and return its name; harmless if it is there whole."""
    table = encode_rows(rows)
    run_ids = {row["run_id"] for row in rows}
    tensors = encode_run_arrays(arrays, run_ids) if arrays else None
    manifest = _describe(rows, provenance, table, tensors)
    sealed = manifests.encode(manifest)
    inside(root, SHARDS, manifest.name[:2])
    if not _is_whole(root, manifest.name):
        _commit(root, manifest.name, table, tensors, sealed)
    return manifest.name


def _describe(
    rows: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    table: bytes,
    tensors: bytes | None,
) -> Manifest:
    table_file = DataFile(sha256(table), len(table))
    arrays_file = None if tensors is None else DataFile(sha256(tensors), len(tensors))
    by_status = {
        status: tuple(row["run_id"] for row in rows if row["status"] == status)
        for status in STATUSES
    }
    return Manifest(
        name=content_name(
            SCHEMA_VERSION,
            table_file.sha256,
            arrays_file and arrays_file.sha256,
            manifests.code_of(provenance),
        ),
        table=table_file,
        arrays=arrays_file,
        rows=len(rows),
        runs={status: run_ids for status, run_ids in by_status.items() if run_ids},
        provenance=provenance,
    )


def _commit(root: Path, name: str, table: bytes, tensors: bytes | None, sealed: bytes) -> None:
    make_directory(inside(root, SHARDS))
    make_directory(inside(root, SHARDS, name[:2]))
    write_file(shard_path(root, name, TABLE_SUFFIX), table)
    if tensors is not None:
        write_file(shard_path(root, name, ARRAYS_SUFFIX), tensors)
    write_file(shard_path(root, name, MANIFEST_SUFFIX), sealed)


def _is_whole(root: Path, name: str) -> bool:
    try:
        check_shard_files(root, read_manifest(root, name))
    except DamageError:
        return False
    return True


def read_manifest(root: Path, name: str) -> Manifest:
    """The manifest of shard `name`; raises DamageError or NewerSchemaError.

    Only for names from `shard_names` or after a check that no link lies on the way.
    """
    path = shard_path(root, name, MANIFEST_SUFFIX)
    return manifests.decode(read_file(path, at_most=manifests.MAX_MANIFEST_BYTES), name)


def shard_names(root: Path) -> Iterator[str]:
    """Names of all shards that have a manifest, in order; links and strangers are passed over."""
    for directory in sorted(_names(inside(root, SHARDS), is_directory=True)):
        if is_fan_out(directory):
            yield from sorted(_names_in(root, directory))


def _names_in(root: Path, directory: str) -> Iterator[str]:
    for file in _names(root / SHARDS / directory, is_directory=False):
        name, suffix = os.path.splitext(file)
        if suffix == MANIFEST_SUFFIX and is_shard(name) and name.startswith(directory):
            yield name


def _names(directory: Path, *, is_directory: bool) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [e.name for e in entries if _is_kind(e, is_directory)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise AbsorbError(f"cannot list {directory}: {error.strerror}") from error


def _is_kind(entry: os.DirEntry[str], is_directory: bool) -> bool:
    look = entry.is_dir if is_directory else entry.is_file
    return look(follow_symlinks=False)


def manifests_of(root: Path, names: Iterable[str] | None = None) -> Iterator[Manifest]:
    """Manifests of all shards, or of some, whose files have the right size, ordered by name.

    Opens no data file. What is damaged is named in a StoreWarning and left out.
    """
    for name in shard_names(root) if names is None else names:
        try:
            manifest = read_manifest(root, name)
            check_sizes(root, manifest)
        except DamageError as damage:
            warn_of(root, name, damage)
        else:
            yield manifest


def warn_of(root: Path, name: str, damage: DamageError) -> None:
    """Say that a shard is left out, and why."""
    warnings.warn(
        f"left out shard {name} of {root}: {damage}; `absorb doctor` sets it aside",
        StoreWarning,
        stacklevel=4,
    )


def check_sizes(root: Path, manifest: Manifest) -> None:
    """Raise DamageError unless the files of a shard are there with the promised sizes."""
    for suffix, promised in _data_files(manifest):
        with _naming(suffix):
            size = file_size(shard_path(root, manifest.name, suffix))
            check_size(size, exactly=promised.bytes)


def check_shard_files(root: Path, manifest: Manifest) -> None:
    """Raise DamageError unless the files of a shard have the promised sizes and checksums."""
    for suffix, promised in _data_files(manifest):
        with _naming(suffix):
            _check_digest(shard_path(root, manifest.name, suffix), promised)


def _data_files(manifest: Manifest) -> Iterator[tuple[str, DataFile]]:
    yield TABLE_SUFFIX, manifest.table
    if manifest.arrays is not None:
        yield ARRAYS_SUFFIX, manifest.arrays


@contextlib.contextmanager
def _naming(suffix: str) -> Iterator[None]:
    try:
        yield
    except DamageError as damage:
        raise type(damage)(f"its {suffix} file: {damage}") from damage


def _check_digest(path: Path, promised: DataFile) -> None:
    with open_file(path) as file:
        check_size(os.fstat(file.fileno()).st_size, exactly=promised.bytes)
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != promised.sha256:
        raise DamageError("checksum does not match")


def read_table(
    root: Path, manifest: Manifest, columns: Sequence[str] | None = None
) -> pyarrow.Table:
    """Rows of a shard in today's form; raises DamageError unless they are what was written."""
    with _naming(TABLE_SUFFIX):
        return _read_table(root, manifest, columns)


def _read_table(root: Path, manifest: Manifest, columns: Sequence[str] | None) -> pyarrow.Table:
    promised, version = manifest.table, manifest.written_under
    data = read_file(shard_path(root, manifest.name, TABLE_SUFFIX), exactly=promised.bytes)
    if sha256(data) != promised.sha256:
        raise DamageError("checksum does not match")
    # What a column was called under an older schema only the migration knows: read them all.
    wanted = columns if version == SCHEMA_VERSION else None
    table = migrate_rows(decode_rows(data, manifest.rows, wanted), version)
    _check_same_runs(table, manifest)
    return table


def _check_same_runs(table: pyarrow.Table, manifest: Manifest) -> None:
    if not {"run_id", "status"} <= set(table.column_names):
        raise DamageError("its rows lack run_id or status")
    pairs = zip(table["run_id"].to_pylist(), table["status"].to_pylist(), strict=True)
    if dict(pairs) != dict(manifest.statuses()):
        raise DamageError("manifest and rows name different runs")


def read_arrays(root: Path, manifest: Manifest, run_id: str) -> dict[str, np.ndarray]:
    """Arrays of one run of a shard, by name; empty if none were kept. Raises DamageError."""
    if manifest.arrays is None:
        return {}
    path = shard_path(root, manifest.name, ARRAYS_SUFFIX)
    return read_run_arrays(path, run_id)
