"""Processes that sweep into one store at once: each run is one process's, the dead have none."""

import errno
import fcntl
import subprocess
import sys

import pytest
import sweep_helpers as helpers
from sweep_helpers import FakeEngine, fake_row, request

import absorb.lanes.batch
from absorb.cli import main
from absorb.identity import flat
from absorb.store import Store, manifest
from sweeps.claims import Elsewhere, opened

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


@pytest.fixture
def cli(store, monkeypatch, capsys):
    """A command of `absorb` with this engine; its exit code, and all that it says."""

    def run(engine, *words):
        monkeypatch.setattr(absorb.lanes.batch, "train_batch", engine)
        code = main([*words, f"store={store.root}"])
        return code, "".join(capsys.readouterr())

    return run


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


def test_what_another_process_does_is_left_to_it(store, holder):
    points = points_of("seed=range(0,8)")
    holder(points[2:5])
    outcome = execute(store, FakeEngine(), "seed=range(0,8)")
    assert outcome.ok == 5 and outcome.elsewhere == Elsewhere(left=3, failed=0)
    assert store.run_ids() == {p.run_id for p in points[:2] + points[5:]}


def test_a_sweep_is_not_done_while_another_process_has_runs_of_it(store, holder, cli):
    other = holder(points_of("seed=range(0,8)")[2:5])
    code, said = cli(FakeEngine(), "sweep", "seed=range(0,8)")
    assert code == 75 and "3 runs are being done by another process" in said
    for command in ("sweep", "train"):
        code, said = cli(FakeEngine(), command, "seed=3")
        assert code == 75 and "1 run is being done by another process" in said
    other.kill()
    other.wait()
    code, said = cli(FakeEngine(), "sweep", "seed=range(0,8)")
    assert code == 0 and "3 stored in" in said and "another" not in said


def test_what_fails_in_another_process_has_failed(store, holder, cli):
    (first,) = points_of("seed=0")
    other = holder([first])

    def fails():
        store.write([{"run_id": first.run_id, "status": "failed", **flat(first.config)}], {})
        other.kill()
        other.wait()

    code, said = cli(Meanwhile(fails), "sweep", "seed=0,1", "launch.batch=1")
    assert code == 1 and "1 run failed in another process" in said


def test_a_run_that_another_process_retries_is_not_done(store, holder, cli):
    assert cli(FakeEngine(broken={0}), "sweep", "seed=0,1")[0] == 1
    holder(points_of("seed=0"))
    code, said = cli(FakeEngine(), "retry")
    assert code == 75 and "1 run is being done by another process" in said


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
    with opened(store.root) as claims:
        assert all(map(claims.take, points))
        claims.drop(points[:2])
        holder(points[:2])
    holder(points[2:])


def test_each_manifest_is_read_once_however_many_batches_there_are(store, monkeypatch):
    read, decode = [], manifest.decode
    monkeypatch.setattr(
        manifest, "decode", lambda data, name: read.append(name) or decode(data, name)
    )
    assert execute(store, FakeEngine(), "seed=range(0,64)").ok == 64
    assert len(read) == len(set(read)) == 64 // 4 == len(list(store.root.glob("shards/*/*.json")))


def test_where_nothing_can_be_locked_every_run_is_free(store, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    assert execute(store, FakeEngine(), "seed=range(0,4)").ok == 4
