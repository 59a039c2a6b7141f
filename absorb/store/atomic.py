"""Files that are absent or whole: the one way in which a store writes and reads bytes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections import Counter
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from absorb.errors import AbsorbError
from absorb.store.names import TEMPORARY_PREFIX

CRASH_VARIABLE = "ABSORB_CRASH_AT"
CRASH_EXIT_CODE = 86
_CHUNK_BYTES = 1 << 20
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_steps_taken: Counter[str] = Counter()


class DamageError(Exception):
    """A file is not what was once written: missing, cut short, altered, or not a plain file."""


class UnreadableError(DamageError):
    """The system would not let us read a file; it may be whole, so it is never moved away."""


def crash_point(step: str) -> None:
    """Die here if ABSORB_CRASH_AT says so: `write:3` is the third write, `any:7` the 7th step.

    Steps: mkdir, open, write, fsync, rename, fsync-dir, unlink. Tests put a process to death at
    each of them with `os._exit(86)`; without the variable nothing happens.
    """
    wanted = os.environ.get(CRASH_VARIABLE)
    if not wanted:
        return
    _steps_taken.update((step, "any"))
    name, _, count = wanted.partition(":")
    if name in (step, "any") and str(_steps_taken[name]) == count:
        os._exit(CRASH_EXIT_CODE)


def sha256(data: bytes) -> str:
    """SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that at any moment it is the old file, or absent, or the new one.

    Raises AbsorbError naming the path when the disk is full, the directory read-only, and so on.
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        descriptor = _open_new(temporary)
        try:
            _write_synced(descriptor, data)
            crash_point("rename")
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_directory(path.parent)
    except OSError as error:
        raise AbsorbError(f"cannot write {path}: {error.strerror}") from error


def _open_new(path: Path) -> int:
    crash_point("open")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def _write_synced(descriptor: int, data: bytes) -> None:
    try:
        _write_in_chunks(descriptor, memoryview(data))
        crash_point("fsync")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_in_chunks(descriptor: int, data: memoryview) -> None:
    # At least two chunks, so that a crash between them leaves a torn file behind.
    chunk = max(1, min(_CHUNK_BYTES, (len(data) + 1) // 2))
    while data:
        crash_point("write")
        data = data[os.write(descriptor, data[:chunk]) :]


def sync_directory(directory: Path) -> None:
    """Make renames in `directory` survive a power cut; filesystems that cannot are let off."""
    crash_point("fsync-dir")
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> Path:
    """Create `path` (its parent exists) durably; harmless if it is there. Returns it."""
    if path.is_dir():
        return path
    try:
        crash_point("mkdir")
        path.mkdir(exist_ok=True)
        sync_directory(path.parent)
    except OSError as error:
        raise AbsorbError(f"cannot create {path}: {error.strerror}") from error
    return path


def remove_file(path: Path) -> None:
    """Remove `path` if it is there; raise AbsorbError naming it if that cannot be done."""
    try:
        crash_point("unlink")
        path.unlink(missing_ok=True)
    except OSError as error:
        raise AbsorbError(f"cannot remove {path}: {error.strerror}") from error


def read_file(path: Path, *, exactly: int | None = None, at_most: int | None = None) -> bytes:
    """Bytes of the plain file at `path`, its size checked before anything is allocated.

    `exactly` and `at_most` are in bytes. Raises DamageError, or UnreadableError when the system
    refuses.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        check_size(size, exactly=exactly, at_most=at_most)
        return file.read(size)


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[BufferedReader]:
    """The plain file at `path`, open for reading; links, pipes and devices are damage.

    Raises DamageError, or UnreadableError when the system refuses, be it half way through.
    """
    try:
        descriptor = os.open(path, _READ_FLAGS)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise DamageError("not a plain file")
        with os.fdopen(descriptor, "rb") as file:
            yield file
    except OSError as error:
        raise _reading_error(error) from error


def check_size(size: int, *, exactly: int | None = None, at_most: int | None = None) -> None:
    """Raise DamageError if a file of `size` bytes cannot be what was written."""
    if exactly is not None and size != exactly:
        raise DamageError(f"{size} bytes instead of {exactly}")
    if at_most is not None and size > at_most:
        raise DamageError(f"{size} bytes, more than the {at_most} allowed")


def file_size(path: Path) -> int:
    """Size in bytes of the plain file at `path`, without opening it; raises DamageError."""
    try:
        found = os.lstat(path)
    except OSError as error:
        raise _reading_error(error) from error
    if not stat.S_ISREG(found.st_mode):
        raise DamageError("not a plain file")
    return found.st_size


def _reading_error(error: OSError) -> DamageError:
    if error.errno == errno.ENOENT:
        return DamageError("missing")
    if error.errno in (errno.ELOOP, errno.ENXIO):
        return DamageError("not a plain file")
    return UnreadableError(f"cannot be read: {error.strerror}")
