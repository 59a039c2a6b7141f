"""Claims on runs: processes that sweep into one store at once share what is to be done."""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from sweeps.plan import Work, batches
from sweeps.points import Point
from sweeps.progress import complain

FILE = "claims"
TAKEN = (BlockingIOError, PermissionError)  # what systems say of a byte that another process holds


class HasRuns(Protocol):
    """A store that can be asked which runs it has."""

    root: Path

    def run_ids(self, *, status: Sequence[str] | None = None) -> set[str]: ...


class Claims:
    """What this process does of a store's runs, for all processes to see.

    A claim is a lock on one byte of a file, at a place that the run's id gives: it ends with its
    process, however that ends, and leaves nothing to clean up. Claims save double work alone.
    Where a file system knows no locks every run is free, and comes out the same twice.
    """

    def __init__(self, root: Path) -> None:
        self.descriptor = os.open(root / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def take(self, point: Point) -> bool:
        """Whether the run is this process's now."""
        try:
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(point))
        except TAKEN:
            return False
        except OSError:
            return True
        return True

    def drop(self, points: Sequence[Point]) -> None:
        """Let others have these runs."""
        for point in points:
            with suppress(OSError):
                fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, _place(point))

    def close(self) -> None:
        """Let others have everything."""
        os.close(self.descriptor)


def _place(point: Point) -> int:
    return int(point.run_id[:15], 16)  # 60 bits, as a place in a file has 63


@contextmanager
def opened(store: HasRuns) -> Iterator[Claims]:
    """The claims of one sweep."""
    claims = Claims(store.root)
    try:
        yield claims
    finally:
        claims.close()


def shared(
    work: Work, size_of: Callable[[int], int], store: HasRuns, claims: Claims
) -> Iterator[Sequence[Point]]:
    """Batches as `batches` has them, without what other processes do or have done meanwhile.

    What they were at is looked at once more in the end, for they may have been killed.
    """
    theirs: list[list[Point]] = []
    for points in batches(work, size_of):
        yield from _free(work, points, store, claims, theirs)
    left: list[list[Point]] = []
    for points in theirs:
        yield from _free(work, points, store, claims, left)
    if elsewhere := sum(map(len, left)):
        runs = "run is" if elsewhere == 1 else "runs are"
        complain(
            f"{elsewhere:,} {runs} being done by another process; the same command does what it"
            " may leave"
        )


def _free(work: Work, points: Sequence[Point], store: HasRuns, claims: Claims,
          others: list[list[Point]]) -> Iterator[Sequence[Point]]:  # fmt: skip
    mine = [point for point in points if claims.take(point)]
    had = store.run_ids(status=("ok", "diverged") if work.retry else None)
    todo = [point for point in mine if point.run_id not in had]
    if todo:
        yield todo
    claims.drop(mine)
    theirs = {point.run_id for point in points} - {point.run_id for point in mine} - had
    others.append([point for point in points if point.run_id in theirs])
