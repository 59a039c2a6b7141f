"""Files of the user's: reading one, and the checksum that says which it is, wherever it lies."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from absorb.config import Mnist, Text
from absorb.errors import AbsorbError
from absorb.idx import idx_paths, read_uncompressed


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
    """A section of a config with its files' own checksum where it states none.

    So the files, not the path, are what a run's id names and what its row holds; pictures whose
    published checksums are verified need no other. Errors: as `read_file`, `read_uncompressed`.
    """
    if isinstance(section, Text) and not section.sha256:
        path = Path(section.path).expanduser().absolute()
        return replace(section, sha256=checksum([path], read_file))
    if isinstance(section, Mnist) and section.any_checksum and not section.sha256:
        paths = idx_paths(Path(section.path).expanduser().absolute(), section.parts)
        return replace(section, sha256=checksum(paths, read_uncompressed))
    return section


def checksum(paths: Sequence[Path], read: Callable[[Path], bytes]) -> str:
    """SHA-256 of files in this order, read once for each time that one of them is written."""
    return _checksum(tuple(paths), read, tuple(map(_stamp, paths)))


def _stamp(path: Path) -> tuple[int, int] | None:
    return (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None


@lru_cache(maxsize=256)
def _checksum(paths: tuple[Path, ...], read: Callable[[Path], bytes], stamps: Any) -> str:
    del stamps  # what tells an edited file apart
    return hashlib.sha256(b"".join(read(path) for path in paths)).hexdigest()
