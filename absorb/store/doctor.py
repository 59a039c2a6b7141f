"""The store's health: what is whole, what is broken, what does not belong; and setting it right."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from absorb.errors import AbsorbError
from absorb.store.atomic import DamageError, UnreadableError, remove_file
from absorb.store.checkpoint import read_checkpoint
from absorb.store.manifest import Manifest
from absorb.store.migrate import NewerSchemaError
from absorb.store.names import (
    ARRAYS_SUFFIX,
    CHECKPOINT_SUFFIX,
    CHECKPOINTS,
    MANIFEST_SUFFIX,
    SHARDS,
    TABLE_SUFFIX,
    TEMPORARY_PREFIX,
    inside,
    is_fan_out,
    is_name,
    is_shard,
)
from absorb.store.quarantine import set_aside
from absorb.store.shard import check_shard_files, read_manifest, read_table

HOUR_S = 3600.0
_TEMPORARY = re.compile(re.escape(TEMPORARY_PREFIX) + r"[0-9a-f]{16}")
HARMLESS = ("orphan", "leftover", "finished")  # what a killed writer leaves
# The manifest goes first: without it the other files are no longer taken for the truth.
_SUFFIXES = (MANIFEST_SUFFIX, TABLE_SUFFIX, ARRAYS_SUFFIX)


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a store.

    `kind`: `damaged` (not what was written), `foreign` (not the store's), `orphan` (data whose
    manifest was never written: ignored by readers), `leftover` (temporary file of a dead or still
    living writer), `finished` (checkpoint of runs that are all there), `newer` (schema of a newer
    absorb), `unreadable` (the system refuses).
    `paths` are relative to the store.
    """

    kind: str
    paths: tuple[str, ...]
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {', '.join(self.paths)}: {self.detail}"


@dataclass(frozen=True)
class Report:
    """What was found: numbers of whole shards, of their rows and of checkpoints; problems."""

    shards: int
    rows: int
    checkpoints: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is lost or strange; remains of a killed writer are harmless."""
        return all(problem.kind in HARMLESS for problem in self.problems)

    def __str__(self) -> str:
        head = f"{self.shards} whole shards, {self.rows} rows, {self.checkpoints} checkpoints"
        return "\n".join([head, *map(str, self.problems)])


def verify(root: Path) -> Report:
    """Check every file under shards/ and checkpoints/ without changing anything.

    Other files beside these two directories are not the store's and are not looked at.
    """
    kept, bad = _check_checkpoints(root)
    wanted = set().union(*kept.values())
    finished: set[str] = set()
    shards = rows = 0
    problems: list[Problem] = []
    for found in _check_shards(root):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            shards, rows = shards + 1, rows + found.rows
            finished |= wanted & {i for i, status in found.statuses() if status != "failed"}
    done = [path for path, run_ids in kept.items() if run_ids and run_ids <= finished]
    over = [_problem(root, "finished", [path], "all its runs are in the store") for path in done]
    return Report(shards, rows, len(kept) - len(done), (*problems, *bad, *over))


def _check_shards(root: Path) -> Iterator[Manifest | Problem]:
    for entry in _entries(inside(root, SHARDS)):
        if is_fan_out(entry.name) and entry.is_dir(follow_symlinks=False):
            yield from _check_directory(root, entry.name)
        else:
            yield _problem(root, "foreign", [entry.path], "not a directory of shards")


def _check_directory(root: Path, digits: str) -> Iterator[Manifest | Problem]:
    files: dict[str, list[str]] = {}
    for entry in _entries(root / SHARDS / digits):
        name, suffix = os.path.splitext(entry.name)
        if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            yield _problem(root, "leftover", [entry.path], "temporary file of a writer")
        elif not (is_shard(name) and name.startswith(digits) and suffix in _SUFFIXES):
            yield _problem(root, "foreign", [entry.path], "not a name of the store's")
        elif not entry.is_file(follow_symlinks=False):
            yield _problem(root, "foreign", [entry.path], "not a plain file")
        else:
            files.setdefault(name, []).append(suffix)
    for name, suffixes in files.items():
        yield check_shard(root, name, suffixes)


def check_shard(root: Path, name: str, suffixes: Sequence[str]) -> Manifest | Problem:
    """The manifest of a whole shard, or what is wrong with it; `suffixes` are its files'."""
    ordered = [suffix for suffix in _SUFFIXES if suffix in suffixes]
    paths = [str(root / SHARDS / name[:2] / f"{name}{suffix}") for suffix in ordered]
    if MANIFEST_SUFFIX not in suffixes:
        return _problem(root, "orphan", paths, "data without a manifest")
    try:
        manifest = read_manifest(root, name)
        check_shard_files(root, manifest)
        read_table(root, manifest)
        if manifest.arrays is None and ARRAYS_SUFFIX in suffixes:
            return _problem(root, "foreign", paths[-1:], "the manifest knows of no arrays")
    except UnreadableError as damage:
        return _problem(root, "unreadable", paths, str(damage))
    except DamageError as damage:
        return _problem(root, "damaged", paths, str(damage))
    except NewerSchemaError as error:
        return _problem(root, "newer", paths, str(error))
    return manifest


def _check_checkpoints(root: Path) -> tuple[dict[str, set[str]], list[Problem]]:
    """The runs of each whole checkpoint by its path, and what is wrong with the others."""
    kept: dict[str, set[str]] = {}
    problems: list[Problem] = []
    for entry in _entries(inside(root, CHECKPOINTS)):
        found = _check_checkpoint(root, entry)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            kept[entry.path] = found
    return kept, problems


def _check_checkpoint(root: Path, entry: os.DirEntry[str]) -> set[str] | Problem | None:
    """The runs of a whole checkpoint, or what is wrong; None where its batch ended meanwhile."""
    name, suffix = os.path.splitext(entry.name)
    if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
        return _problem(root, "leftover", [entry.path], "temporary file of a writer")
    if suffix != CHECKPOINT_SUFFIX or not is_name(name):
        return _problem(root, "foreign", [entry.path], "not a name of the store's")
    try:
        return _runs_in(read_checkpoint(Path(entry.path)).meta)
    except UnreadableError as damage:
        return _problem(root, "unreadable", [entry.path], str(damage))
    except DamageError as damage:
        if not os.path.lexists(entry.path):
            return None
        return _problem(root, "damaged", [entry.path], str(damage))


def _runs_in(meta: Any) -> set[str]:
    """The runs that a checkpoint's meta data name, if any."""
    found = meta.get("run_ids") if isinstance(meta, dict) else None
    return {i for i in found if isinstance(i, str)} if isinstance(found, list) else set()


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise AbsorbError(f"cannot list {directory}: {error.strerror}") from error


def _problem(root: Path, kind: str, paths: Sequence[str], detail: str) -> Problem:
    return Problem(kind, tuple(os.path.relpath(path, root) for path in paths), detail)


def quarantine(root: Path, report: Report, *, older_than_s: float = HOUR_S) -> list[str]:
    """Move what is damaged or foreign to quarantine/ and clear away what dead writers left.

    Orphans are moved and leftovers removed only when older than `older_than_s`, for their writer
    may be alive. Each problem is looked at again first, so what healed meanwhile stays. Returns
    the paths that went, relative to the store.
    """
    gone: list[str] = []
    current = set(verify(root).problems) if report.problems else set()
    now = _clock_of(root) if report.problems else 0.0
    for problem in report.problems:
        if problem in current and _is_due(root, problem, now - older_than_s):
            _clear(root, problem)
            gone.extend(problem.paths)
    return gone


def _clear(root: Path, problem: Problem) -> None:
    paths = [inside(root, *Path(path).parent.parts) / Path(path).name for path in problem.paths]
    if problem.kind in ("leftover", "finished"):
        for path in paths:
            remove_file(path)
    else:
        set_aside(root, paths, str(problem))


def _is_due(root: Path, problem: Problem, before: float) -> bool:
    if problem.kind in ("damaged", "foreign", "finished"):
        return True
    if problem.kind in ("orphan", "leftover"):
        return all(_changed_at(root / path) <= before for path in problem.paths)
    return False


def _changed_at(path: Path) -> float:
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return float("inf")


def _clock_of(root: Path) -> float:
    """Now, by the clock that stamps files in this store: other machines' clocks may differ."""
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=root) as probe:
            return os.fstat(probe.fileno()).st_mtime
    except OSError as error:
        raise AbsorbError(f"cannot write in {root}: {error.strerror}") from error
