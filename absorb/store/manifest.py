"""The manifest of a shard: the commit point that says which bytes are the truth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from absorb.errors import AbsorbError
from absorb.store.atomic import DamageError, sha256
from absorb.store.migrate import SCHEMA_VERSION, check_version, migrate_manifest
from absorb.store.names import STATUSES, is_run_id

MAX_MANIFEST_BYTES = 1 << 28

# The file begins with {"seal": "<64 digits>" where the digits are the SHA-256 of the same file
# with zeros in their place. It stays plain JSON, and checking it needs no second encoding. This
# envelope is the same in every schema version.
_SEAL_HEAD = b'{"seal": "'
_SEAL_ZEROS = b"0" * 64
_SEAL_END = len(_SEAL_HEAD) + 64
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DataFile:
    """Checksum (SHA-256) and size in bytes of a file that a manifest vouches for."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """What a shard holds; `runs` maps a status to the ids of the runs that ended so."""

    name: str
    table: DataFile
    arrays: DataFile | None
    rows: int
    runs: Mapping[str, tuple[str, ...]]
    provenance: Mapping[str, Any]
    written_under: int = SCHEMA_VERSION

    @property
    def code(self) -> str | None:
        """The code that made the rows, if known: a hash of its sources, or a revision."""
        return code_of(self.provenance)

    def statuses(self) -> Iterator[tuple[str, str]]:
        """Pairs of run id and status."""
        for status, run_ids in self.runs.items():
            for run_id in run_ids:
                yield run_id, status


def code_of(provenance: Mapping[str, Any]) -> str | None:
    """The entry `code` of a provenance as text, or None."""
    code = provenance.get("code")
    return code if code is None or isinstance(code, str) else json.dumps(code, sort_keys=True)


def encode(manifest: Manifest) -> bytes:
    """The manifest as sealed JSON; raises AbsorbError if the provenance is not JSON."""
    fields = {
        "seal": _SEAL_ZEROS.decode(),
        "schema_version": manifest.written_under,
        "name": manifest.name,
        "rows": manifest.rows,
        "table": vars(manifest.table),
        "arrays": vars(manifest.arrays) if manifest.arrays else None,
        "runs": manifest.runs,
        "provenance": manifest.provenance,
    }
    try:
        return seal(json.dumps(fields, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise AbsorbError(f"the provenance of a shard is not JSON: {error}") from error


def seal(data: bytes) -> bytes:
    """`data` with its zeros replaced by its own checksum."""
    return _SEAL_HEAD + sha256(data).encode() + data[_SEAL_END:]


def decode(data: bytes, name: str) -> Manifest:
    """The manifest of shard `name` in today's form.

    Raises DamageError if it is not what was written, NewerSchemaError if a newer absorb wrote it.
    """
    fields = _unseal(data)
    version = check_version(fields.get("schema_version"), name)
    try:
        manifest = _parse(migrate_manifest(fields, version), version)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamageError(f"the manifest lacks or garbles a field ({error!r})") from error
    if manifest.name != name:
        raise DamageError(f"the manifest is that of shard {manifest.name!r}")
    return manifest


def _unseal(data: bytes) -> dict[str, Any]:
    if not data.startswith(_SEAL_HEAD):
        raise DamageError("not a manifest of this program")
    if data != seal(_SEAL_HEAD + _SEAL_ZEROS + data[_SEAL_END:]):
        raise DamageError("the manifest's checksum does not match")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamageError(f"the manifest is not JSON ({error})") from error


def _parse(fields: dict[str, Any], version: int) -> Manifest:
    manifest = Manifest(
        name=fields["name"],
        table=_data_file(fields["table"]),
        arrays=None if fields["arrays"] is None else _data_file(fields["arrays"]),
        rows=fields["rows"],
        runs={status: tuple(run_ids) for status, run_ids in fields["runs"].items()},
        provenance=dict(fields["provenance"]),
        written_under=version,
    )
    _check_runs(manifest)
    return manifest


def _data_file(fields: dict[str, Any]) -> DataFile:
    found = DataFile(**fields)
    if not _DIGEST.fullmatch(found.sha256) or not 0 <= found.bytes < 1 << 50:
        raise ValueError(f"checksum {found.sha256!r}, {found.bytes!r} bytes")
    return found


def _check_runs(manifest: Manifest) -> None:
    if not set(manifest.runs) <= set(STATUSES):
        raise ValueError(f"unknown status in {sorted(manifest.runs)}")
    run_ids = [run_id for run_id, _ in manifest.statuses()]
    if not all(map(is_run_id, run_ids)) or len(set(run_ids)) != len(run_ids):
        raise ValueError("run ids malformed or repeated")
    if len(run_ids) != manifest.rows:
        raise ValueError(f"{len(run_ids)} run ids for {manifest.rows} rows")
