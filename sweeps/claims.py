"""Claims on runs: processes that sweep into one store at once share what is to be done."""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from absorb.store import Followed
from sweeps.plan import Work, batches
from sweeps.points import Point

FILE = "claims"
TAKEN = (BlockingIOError, PermissionError)  # what systems say of a byte that another process holds


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
def opened(root: Path) -> Iterator[Claims]:
    """The claims of one sweep into the store at `root`."""
    claims = Claims(root)
    try:
        yield claims
    finally:
        claims.close()


class Elsewhere(NamedTuple):
    """Runs of a sweep that are other processes' matter: not there yet, and there but failed."""

    left: int
    failed: int


class Share:
    """What of a sweep is this process's, and how the rest of it stands."""

    def __init__(
        self, work: Work, size_of: Callable[[int], int], root: Path, claims: Claims
    ) -> None:
        self.work, self.size_of, self.claims = work, size_of, claims
        self.store = Followed(root, ignored=work.had.finished)  # none of those is wanted
        self.others: set[str] = set()  # what other processes do or have done meanwhile

    def batches(self) -> Iterator[Sequence[Point]]:
        """Batches as `sweeps.plan.batches` has them, without what is other processes'.

        What they were at is looked at once more in the end, for they may have been killed.
        """
        theirs: list[Sequence[Point]] = []
        for points in batches(self.work, self.size_of):
            yield from self._free(points, theirs)
        for points in theirs:
            yield from self._free(points, [])

    def _free(
        self, points: Sequence[Point], theirs: list[Sequence[Point]]
    ) -> Iterator[Sequence[Point]]:
        mine = [point for point in points if self.claims.take(point)]
        self.store.look()
        missing = [point for point in points if self._is_missing(point.run_id)]
        others = {point.run_id for point in points} - {point.run_id for point in mine}
        todo = [point for point in missing if point.run_id not in others]
        theirs.append([point for point in missing if point.run_id in others])
        self.others |= {point.run_id for point in points}
        self.others -= {point.run_id for point in todo}
        if todo:
            yield todo
        self.claims.drop(mine)

    def _is_missing(self, run_id: str) -> bool:
        return self.store.status(run_id) in ((None, "failed") if self.work.retry else (None,))

    def elsewhere(self) -> Elsewhere:
        """How what was left to other processes stands now."""
        self.store.look()
        there = [run_id for run_id in self.others if not self._is_missing(run_id)]
        failed = [run_id for run_id in there if self.store.status(run_id) == "failed"]
        return Elsewhere(len(self.others) - len(there), len(failed))
