"""Processes that sweep into one store at once: each run is one process's, the dead have none."""

import errno
import fcntl
import subprocess
import sys

import pytest
import sweep_helpers as helpers
from sweep_helpers import FakeEngine, fake_row, request

from absorb.store import Store
from sweeps.claims import opened

HOLDS = """
import sys
from pathlib import Path
from types import SimpleNamespace
from sweeps.claims import Claims
claims = Claims(Path(sys.argv[1]))
for run_id in sys.argv[2:]:
    assert claims.take(SimpleNamespace(run_id=run_id))
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def holder(store):
    """Starts another process that claims runs."""
    started = []

    def holds(points):
        words = [sys.executable, "-c", HOLDS, str(store.root), *(p.run_id for p in points)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"taken\n"
        started.append(process)
        return process

    yield holds
    for process in started:
        process.kill()
        process.communicate()


def points_of(*words):
    return list(request(*words).points)


def execute(store, engine, *words):
    return helpers.execute(store, words, engine)[1]


class Meanwhile(FakeEngine):
    """Another process stores or lets go of something while the first batch trains."""

    def __init__(self, happens):
        super().__init__()
        self.happens = happens

    def __call__(self, configs, **words):
        happens, self.happens = self.happens, lambda: None
        happens()
        return super().__call__(configs, **words)


def test_what_another_process_does_is_left_to_it(store, holder, capsys):
    points = points_of("seed=range(0,8)")
    holder(points[2:5])
    assert execute(store, FakeEngine(), "seed=range(0,8)").ok == 5
    assert store.run_ids() == {p.run_id for p in points[:2] + points[5:]}
    assert "3 runs are being done by another process" in capsys.readouterr().err


def test_what_another_process_stored_meanwhile_is_not_done_again(store):
    points = points_of("seed=range(0,8)")
    rows = [{"run_id": p.run_id, **fake_row(p.config)} for p in points[4:]]
    engine = Meanwhile(lambda: store.write(rows, {}))
    assert execute(store, engine, "seed=range(0,8)").ok == 4
    assert len(store.run_ids()) == 8


def test_the_runs_of_a_killed_process_are_done_in_the_end(store, holder):
    other = holder(points_of("seed=range(0,8)")[:4])

    def killed():
        other.kill()
        other.wait()

    assert execute(store, Meanwhile(killed), "seed=range(0,8)").ok == 8


def test_a_claim_ends_with_its_batch(store, holder):
    points = points_of("seed=range(0,8)")

    class Looks(FakeEngine):
        def __call__(self, configs, **words):
            if configs[0] == points[4].config:
                holder(points[:4])  # whose own assertion is that it gets them
            return super().__call__(configs, **words)

    assert execute(store, Looks(), "seed=range(0,8)").ok == 8


def test_a_claim_ends_with_its_sweep(store, holder):
    points = points_of("seed=range(0,4)")
    with opened(store) as claims:
        assert all(map(claims.take, points))
        claims.drop(points[:2])
        holder(points[:2])
    holder(points[2:])


def test_where_nothing_can_be_locked_every_run_is_free(store, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    assert execute(store, FakeEngine(), "seed=range(0,4)").ok == 4
