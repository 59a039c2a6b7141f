"""What is left to do: each run once, grouped by program, minus what the store has."""

from types import SimpleNamespace

import pytest
from sweep_helpers import request

from absorb.errors import AbsorbError
from sweeps.plan import Had, Work, batches, survey
from sweeps.points import Points

NOTHING = Had(set(), set())


def accept(config) -> None:
    """Refuses nothing."""


@pytest.fixture(scope="module")
def points() -> Points:
    return request("train.epochs=3,4", "routing.label_fraction=0,1,1.0", "seed=range(0,5)").points


def test_duplicates_are_counted_and_done_once(points):
    counts = survey(Work(points, NOTHING), accept)
    assert (counts.points, counts.runs, counts.duplicates, counts.todo) == (30, 20, 10, 20)
    done = [p.run_id for batch in batches(Work(points, NOTHING), lambda _: 64) for p in batch]
    assert len(done) == len(set(done)) == 20


def test_batches_hold_one_program_and_at_most_so_many(points):
    sizes = []
    for batch in batches(Work(points, NOTHING), lambda _: 4):
        assert len({p.program for p in batch}) == 1
        sizes.append(len(batch))
    assert sorted(sizes) == [2, 2, 4, 4, 4, 4]


def test_what_is_there_is_left_out_and_what_failed_waits_for_retry(points):
    ids = sorted({p.run_id for p in points})
    had = Had(finished=set(ids[:7]), failed={ids[0], ids[8], ids[9]})  # ids[0] succeeded later
    counts = survey(Work(points, had), accept)
    assert (counts.finished, counts.failed, counts.todo) == (7, 2, 11)
    again = Work(points, had, retry=True)
    assert survey(again, accept).todo == 2
    assert {p.run_id for batch in batches(again, lambda _: 3) for p in batch} == {ids[8], ids[9]}


def test_only_what_would_be_done_is_checked(points):
    seen = []
    ids = sorted({p.run_id for p in points})
    survey(Work(points, Had(set(ids[1:]), set())), seen.append)
    assert len(seen) == 1

    def refuse(config):
        raise AbsorbError("no")

    with pytest.raises(AbsorbError, match="no"):
        survey(Work(points, NOTHING), refuse)
    assert survey(Work(points, Had(set(ids), set())), refuse).todo == 0


def test_points_are_taken_one_by_one():
    """A batch comes out before the points behind it are looked at."""
    taken = []

    def stream():
        for number in range(10**6):
            taken.append(number)
            yield SimpleNamespace(run_id=f"{number:032x}{0:032x}", program=0, config=None)

    class Endless:
        specs = ()

        def __iter__(self):
            return stream()

    next(batches(Work(Endless(), NOTHING), lambda _: 8))
    assert len(taken) <= 9
