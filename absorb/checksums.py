"""Files of the user's: reading one, and the checksum that says which it is, wherever it lies."""

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from absorb.config import Text
from absorb.errors import AbsorbError


def read_file(path: Path) -> bytes:
    """A file's bytes. Errors: AbsorbError naming `world.path` and the whole path expected."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise AbsorbError(
            f"world.path: {path.absolute()} is not there; expected a .txt or .parquet file"
        ) from None
    except OSError as error:
        raise AbsorbError(f"world.path: {path.absolute()} cannot be read: {error}") from None


def with_checksum(section: Any) -> Any:
    """A section of a config with its file's own checksum where it states none.

    So the file, not the path, is what a run's id names and what its row holds.
    Errors: as `read_file`.
    """
    if not isinstance(section, Text) or section.sha256:
        return section
    return replace(section, sha256=checksum(Path(section.path).expanduser().absolute()))


def checksum(path: Path) -> str:
    """A file's SHA-256, read once for each time that the file is written. Errors: `read_file`."""
    stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None
    return _checksum(path, stamp)


@lru_cache(maxsize=256)
def _checksum(path: Path, stamp: tuple[int, int] | None) -> str:
    del stamp  # what tells an edited file apart
    return hashlib.sha256(read_file(path)).hexdigest()
