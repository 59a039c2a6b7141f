"""Execution: every run stored once, the culprit isolated, memory and disk running out."""

import math
import os
import signal
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sweep_helpers import LAUNCH, FakeEngine, counted, execute, fake_row, request

from absorb.errors import AbsorbError
from absorb.identity import flat
from absorb.store import Store
from sweeps.launch import Launch
from sweeps.local import Executor, Outcome
from sweeps.plan import Had, Work
from sweeps.progress import ProgressBar
from sweeps.provenance import code_version
from sweeps.stored_checkpoint import StoreFailed


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "results")


def test_every_run_is_stored_with_its_settings_and_measures(store):
    points, outcome = execute(store, ["seed=range(0,10)"], FakeEngine())
    assert outcome == Outcome(10, 0, 0, False)
    for point in points:
        row = store.row(point.run_id)
        assert {k: row[k] for k in flat(point.config)} == flat(point.config)
        assert row["raw.forget"] == fake_row(point.config)["raw.forget"]
        assert row["status"] == "ok"


def test_provenance_says_how_the_numbers_came_about(store):
    points, _ = execute(store, ["seed=3"], FakeEngine())
    said = store.provenance(store.row(next(iter(points)).run_id)["shard"])
    assert said["overrides"] == ["seed=3"]
    assert said["lanes"] == 16 and said["device_kind"] == "cpu" and said["devices"] >= 1
    assert said["config"]["model"]["widths"] == [96, 96]
    assert set(said["versions"]) >= {"python", "jax", "numpy", "absorb"}
    for key in ("lock", "xla_flags", "precision", "host", "run_seconds", "compile_seconds"):
        assert key in said
    assert said["code"] == code_version() and set(said["git"]) == {"revision", "changed"}


def test_diverged_runs_are_kept_and_counted(store):
    _, outcome = execute(store, ["seed=range(90,95)"], FakeEngine())
    assert (outcome.ok, outcome.diverged) == (3, 2)
    values = store.table(["raw.forget"], where={"status": "diverged"})["raw.forget"].to_pylist()
    assert len(values) == 2 and all(map(math.isnan, values))


def test_a_batch_that_raises_is_halved_down_to_the_culprit(store, capsys):
    _, outcome = execute(store, ["seed=range(0,12)"], FakeEngine(broken={5, 9}))
    assert outcome == Outcome(10, 0, 2, False)
    failed = store.table(["seed", "error"], where={"status": "failed"}).to_pylist()
    assert sorted(row["seed"] for row in failed) == [5, 9]
    assert {row["error"] for row in failed} == {
        "ValueError: seed 5 is broken", "ValueError: seed 9 is broken"
    }  # fmt: skip
    assert "looking for the run" in capsys.readouterr().err


def test_what_fails_of_a_batch_is_one_shard(store):
    execute(store, ["seed=range(0,4)"], FakeEngine(broken={0, 2}))
    failed = store.table(["error"], where={"status": "failed"})
    assert failed.num_rows == 2 and len(set(failed["shard"].to_pylist())) == 1


WIDTHS = ["model.widths=[8,8],[16,16],[24,24]", "routing.units=3", "seed=range(0,8)"]


class Unlucky(FakeEngine):
    """Raises the same for every run of a network as wide as one of `widths`."""

    def __init__(self, *widths, says="Device lost"):
        super().__init__()
        self.widths, self.says = widths, says

    def __call__(self, configs, **keywords):
        width = configs[0].model.widths[0]
        if width in self.widths:
            raise OSError(self.says.format(width))
        return super().__call__(configs, **keywords)


def test_a_spec_that_fails_whole_leaves_the_others_their_turn(store, capsys):
    """Nothing more of it is branded, and the same command goes on with what is left of it."""
    points, outcome = execute(store, WIDTHS, Unlucky(8))
    assert outcome == Outcome(16, 0, 4, False)
    assert "all 4 runs of a batch failed with OSError: Device lost" in capsys.readouterr().err
    assert len(points) == 24
    assert execute(store, WIDTHS, FakeEngine())[1] == Outcome(4, 0, 0, False)


def test_the_same_error_in_two_specs_in_a_row_ends_the_sweep(store):
    with pytest.raises(AbsorbError, match=r"^OSError: Device lost: .* two batches in a row"):
        execute(store, WIDTHS, Unlucky(8, 16, 24))
    assert len(store.run_ids()) == len(store.run_ids(status=("failed",))) == 8
    assert execute(store, WIDTHS, FakeEngine())[1] == Outcome(16, 0, 0, False)


def test_two_specs_that_fail_differently_end_nothing(store):
    assert execute(store, WIDTHS, Unlucky(8, 16, says="{} is no width"))[1] == Outcome(
        8, 0, 8, False
    )


def test_a_run_that_fails_alone_is_no_verdict_on_its_spec(store):
    launch = replace(LAUNCH, batch=1)
    outcome = execute(store, ["seed=range(0,6)"], FakeEngine(broken={2}), launch)[1]
    assert outcome == Outcome(5, 0, 1, False)
    with pytest.raises(AbsorbError, match="two batches in a row"):
        execute(store, WIDTHS, Unlucky(8, 16, 24), launch)
    assert len(store.run_ids(status=("failed",))) == 1 + 2


def test_runs_are_cut_into_the_fewest_batches_as_evenly_as_can_be(store):
    engine = FakeEngine()
    execute(store, ["seed=range(0,10)"], engine)
    assert [runs for runs, _ in engine.calls] == [4, 4, 2]  # 3 batches of up to 4: of 4 each
    assert engine.full == [4, 4, 4]
    engine = FakeEngine()
    execute(store, ["seed=range(20,29)"], engine)
    assert [runs for runs, _ in engine.calls] == [3, 3, 3] and engine.full == [3, 3, 3]


def test_what_is_left_of_a_sweep_is_told_the_same_full_batch(store):
    """So that it has the same width, and rounds as it would have."""
    execute(store, ["seed=range(0,2)"], FakeEngine())
    engine = FakeEngine(broken={3})
    execute(store, ["seed=range(0,6)"], engine)  # 4 runs left of two batches of 3
    assert set(engine.full) == {3}
    work = Work(request("seed=range(0,6)").points, failed_and_not(store), retry=True)
    engine = FakeEngine()
    Executor(work, store, engine, LAUNCH).run(counted(work))
    assert engine.calls == [(1, 16)] and engine.full == [3]


def failed_and_not(store) -> Had:
    return Had(store.run_ids(status=("ok", "diverged")), store.run_ids(status=("failed",)))


def test_failed_runs_wait_for_retry(store):
    execute(store, ["seed=range(0,4)"], FakeEngine(broken={2}))
    engine = FakeEngine()
    assert execute(store, ["seed=range(0,4)"], engine)[1].ok == 0
    assert engine.calls == []
    work = Work(request("seed=range(0,4)").points, failed_and_not(store), retry=True)
    assert Executor(work, store, FakeEngine(), LAUNCH).run(counted(work)).ok == 1
    assert store.run_ids(status=("failed",)) == set()
    assert len(store.run_ids(status=("ok",))) == 4


def test_out_of_memory_halves_the_lanes_and_keeps_them(store):
    engine = FakeEngine(room=8)
    launch = Launch(lanes=32, devices=None, batch=4, yes=True, memory_gb=None)
    assert execute(store, ["seed=range(0,8)"], engine, launch)[1].ok == 8
    assert engine.calls == [(4, 32), (4, 16), (4, 8), (4, 8)]


def test_out_of_memory_at_the_fewest_lanes_fails_the_runs_and_halves_no_batch(store):
    """A batch is filled up to its width, so half of it takes as much memory."""
    engine = FakeEngine(room=1)
    assert execute(store, ["seed=range(0,4)"], engine)[1].failed == 4
    assert engine.calls == [(4, 16), (4, 8), (4, 4), (4, 2)]
    (error,) = set(store.table(["error"])["error"].to_pylist())
    assert error.startswith("OutOfMemory: 2 lanes on each device: RESOURCE_EXHAUSTED")


def test_lanes_are_halved_from_those_that_were_tried(store, capsys):
    engine = FakeEngine(room=2, chosen=4)
    assert execute(store, ["seed=range(0,8)"], engine)[1].ok == 8
    assert engine.calls == [(4, 4), (4, 2), (4, 2)]
    assert "out of memory with 4 lanes; trying 2" in capsys.readouterr().err


def test_other_specs_keep_their_lanes(store):
    class Wide(FakeEngine):
        def __call__(self, configs, **keywords):
            self.room = 4 if configs[0].model.widths[0] == 16 else 99
            return super().__call__(configs, **keywords)

    engine = Wide()
    launch = replace(LAUNCH, batch=8)
    assert execute(store, WIDTHS, engine, launch)[1].ok == 24
    assert engine.calls == [(8, 16), (8, 16), (8, 8), (8, 4), (8, 16)]


def test_a_store_that_cannot_be_written_ends_the_sweep_and_blames_no_run(store):
    class FullDisk:
        written = 0

        def write(self, rows, provenance, arrays=None):
            if FullDisk.written == 2:
                raise AbsorbError(f"cannot write {store.root}/x: No space left on device")
            FullDisk.written += 1
            return store.write(rows, provenance, arrays)

        def __getattr__(self, name):
            return getattr(store, name)

    work = Work(request("seed=range(0,12)").points, Had(set(), set()))
    with pytest.raises(AbsorbError, match="No space left"):
        Executor(work, FullDisk(), FakeEngine(), LAUNCH).run(counted(work))
    assert len(store.run_ids(status=("ok",))) == 8
    assert execute(store, ["seed=range(0,12)"], FakeEngine())[1].ok == 4


def test_a_checkpoint_that_cannot_be_written_blames_no_run(store):
    class NoCheckpoint:
        def save_checkpoint(self, name, arrays, meta):
            raise AbsorbError("cannot write checkpoints: No space left on device")

        def __getattr__(self, name):
            return getattr(store, name)

    def engine(configs, *, checkpoint, **_):
        checkpoint.save({}, {})

    work = Work(request("seed=range(0,4)").points, Had(set(), set()))
    with pytest.raises(StoreFailed, match="No space left"):
        Executor(work, NoCheckpoint(), engine, LAUNCH).run(counted(work))
    assert store.run_ids() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_sweep_after_the_segment(store, number):
    class Signalled(FakeEngine):
        def __call__(self, configs, *, on_progress, **keywords):
            if len(self.calls) == 2:
                os.kill(os.getpid(), number)
                time.sleep(0.2)  # the listening thread hears it
            return super().__call__(configs, on_progress=on_progress, **keywords)

    before = signal.getsignal(number)
    _, outcome = execute(store, ["seed=range(0,20)"], Signalled())
    assert outcome.stopped and outcome.ok == 8
    assert signal.getsignal(number) is before
    _, outcome = execute(store, ["seed=range(0,20)"], FakeEngine())
    assert not outcome.stopped and outcome.ok == 12


def test_outside_the_main_thread_signals_are_left_alone(store):
    results = []
    thread = threading.Thread(
        target=lambda: results.append(execute(store, ["seed=1"], FakeEngine())[1])
    )
    thread.start()
    thread.join()
    assert results[0].ok == 1


def test_a_measure_may_not_hide_a_setting(store):
    def engine(configs, *, on_progress, **_):
        result = FakeEngine()(configs, on_progress=on_progress)
        return type(result)(**vars(result) | {"rows": [{"train.loss": 1.0, "status": "ok"}]})

    with pytest.raises(AbsorbError, match=r"train\.loss has the name of a setting"):
        execute(store, ["seed=1"], engine)


def test_networks_that_are_only_measured_take_no_steps(store):
    """Neither what an earlier process measured nor what this one does counts as training."""
    points = request("seed=range(0,2)").points
    executor = Executor(Work(points, Had(set(), set())), store, FakeEngine(), LAUNCH)
    executor.bar, executor.stopper = ProgressBar(2), SimpleNamespace(check=lambda: None)
    move = executor._on_progress(2, steps=False)
    for done, phase in ((50, "resumed"), (100, "measure")):
        move(SimpleNamespace(lane_steps_done=done, lane_steps_total=100, phase=phase))
    executor.bar.close()
    assert (executor.bar.earlier_runs, executor.bar.earlier_steps, executor.bar.rate) == (1, 0, 0)
