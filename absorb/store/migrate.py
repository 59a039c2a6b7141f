"""How shards of older schema versions are read: forever, through a table of pure functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from absorb.errors import AbsorbError
from absorb.store.atomic import DamageError

if TYPE_CHECKING:
    import pyarrow

SCHEMA_VERSION = 1


class NewerSchemaError(AbsorbError):
    """A shard was written by a newer absorb; nothing is guessed about it."""


class Migration(NamedTuple):
    """One step up: pure functions from a version's manifest and rows to the next version's."""

    manifest: Callable[[dict[str, Any]], dict[str, Any]]
    rows: Callable[[pyarrow.Table], pyarrow.Table]


# From version -> the step to version + 1. Entries are added and never taken away.
MIGRATIONS: dict[int, Migration] = {}


def check_version(version: object, name: str) -> int:
    """Return a schema version that this absorb can read.

    Raises NewerSchemaError for a newer one and DamageError for one that never existed.
    """
    if not isinstance(version, int) or isinstance(version, bool):
        raise DamageError(f"schema version {version!r} is not a whole number")
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"shard {name} has schema version {version}; this absorb reads up to "
            f"{SCHEMA_VERSION}. Install a newer absorb to read this store."
        )
    if any(step not in MIGRATIONS for step in range(version, SCHEMA_VERSION)):
        raise DamageError(f"schema version {version} never existed")
    return version


def migrate_manifest(manifest: dict[str, Any], version: int) -> dict[str, Any]:
    """The manifest of a shard written under `version`, in today's form."""
    for step in range(version, SCHEMA_VERSION):
        manifest = MIGRATIONS[step].manifest(manifest)
    return manifest


def migrate_rows(rows: pyarrow.Table, version: int) -> pyarrow.Table:
    """The rows of a shard written under `version`, in today's form."""
    for step in range(version, SCHEMA_VERSION):
        rows = MIGRATIONS[step].rows(rows)
    return rows
