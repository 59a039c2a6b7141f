"""What a sweep still has to do: its points minus what the store has, grouped into batches."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from absorb.config import Config, Spec
from sweeps.networks import NONE, Networks
from sweeps.points import Point


class HasSpecs(Protocol):
    """Points that know the specs of their programs; see `sweeps.points.Points`."""

    specs: list[Spec]

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Point]: ...


class Had(NamedTuple):
    """Ids of the runs that a store has: finished (ok or diverged) and failed."""

    finished: set[str]
    failed: set[str]


class Survey(NamedTuple):
    """Counts of one pass over a sweep; `missing` runs, by program number, are to be done.

    `trained` counts those among them whose network is there, so that it is measured alone; `asked`
    all runs of each program, whether they are there or not.
    """

    points: int
    runs: int
    finished: int
    failed: int
    missing: Mapping[int, int]
    trained: Mapping[int, int]
    asked: Mapping[int, int]

    @property
    def duplicates(self) -> int:
        """Points that are another point's run."""
        return self.points - self.runs

    @property
    def todo(self) -> int:
        """Runs to be done."""
        return sum(self.missing.values())


class Work(NamedTuple):
    """Which runs are to be done: the new ones, or with `retry` those that failed.

    `networks` are those that need no training.
    """

    points: HasSpecs
    had: Had
    retry: bool = False
    networks: Networks = NONE

    def wants(self, point: Point) -> bool:
        """Whether a run is to be done."""
        if self.retry:
            return point.run_id in self.had.failed and point.run_id not in self.had.finished
        return point.run_id not in self.had.finished and point.run_id not in self.had.failed


def survey(work: Work, check: Callable[[Config], None]) -> Survey:
    """Count a sweep's runs; `check` sees every run to be done and refuses it by raising."""
    points = runs = finished = failed = 0
    missing: Counter[int] = Counter()
    trained: Counter[int] = Counter()
    asked: Counter[int] = Counter()
    for points, runs, point in _numbered(work.points):  # noqa: B007
        if point is None:
            continue
        asked[point.program] += 1
        finished += point.run_id in work.had.finished
        failed += point.run_id in work.had.failed and point.run_id not in work.had.finished
        if work.wants(point):
            check(point.config)
            missing[point.program] += 1
            trained[point.program] += work.networks.of(point.config) is not None
    return Survey(points, runs, finished, failed, missing, trained, asked)


def _numbered(points: Iterable[Point]) -> Iterator[tuple[int, int, Point | None]]:
    """Each point with the numbers of points and of runs so far; None in place of a duplicate."""
    seen: set[bytes] = set()
    for count, point in enumerate(points, 1):
        short = bytes.fromhex(point.run_id[:32])  # 16 bytes tell a million runs apart
        is_new = short not in seen
        seen.add(short)
        yield count, len(seen), point if is_new else None


def batches(work: Work, size_of: Callable[[int], int]) -> Iterator[Sequence[Point]]:
    """The runs to be done in batches, each of one program, all trained or none.

    `size_of` says how many runs of a program are a batch. What is less is held back until all
    points are seen; memory stays at a batch for each program, besides the ids.
    """
    waiting: dict[tuple[int, bool], list[Point]] = {}
    for _, _, point in _numbered(work.points):
        if point is None or not work.wants(point):
            continue
        key = (point.program, work.networks.of(point.config) is not None)
        batch = waiting.setdefault(key, [])
        batch.append(point)
        if len(batch) == size_of(point.program):
            yield waiting.pop(key)
    yield from waiting.values()
