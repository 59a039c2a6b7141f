"""Setting aside what is broken: moved under quarantine/, never deleted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from absorb.errors import AbsorbError
from absorb.store.atomic import crash_point, make_directory, sync_directory, write_file
from absorb.store.names import QUARANTINE, inside


def set_aside(root: Path, paths: Sequence[Path], reason: str) -> Path:
    """Move `paths` (under `root`) in order into a new directory of the quarantine; return it.

    The reason is written beside them first. A path that has gone meanwhile is passed over.
    """
    directory = _new_directory(root)
    names = "".join(f"{path.relative_to(root)}\n" for path in paths)
    write_file(directory / "reason.txt", f"{reason}\n{names}".encode(errors="backslashreplace"))
    for path in paths:
        _move(path, directory / "moved" / path.name)
    return directory


def _new_directory(root: Path) -> Path:
    parent = make_directory(inside(root, QUARANTINE))
    number = 1 + max((int(n) for n in os.listdir(parent) if n.isdecimal()), default=0)
    while True:
        directory = parent / f"{number:06d}"
        try:
            directory.mkdir()
            (directory / "moved").mkdir()
            sync_directory(parent)
            return directory
        except FileExistsError:  # another process took the number
            number += 1
        except OSError as error:
            raise AbsorbError(f"cannot create {directory}: {error.strerror}") from error


def _move(source: Path, target: Path) -> None:
    try:
        crash_point("rename")
        os.rename(source, target)
        sync_directory(source.parent)
        sync_directory(target.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise AbsorbError(f"cannot move {source} to {target}: {error.strerror}") from error
