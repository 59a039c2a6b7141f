"""A batch's checkpoint: offered to the same batch by the same code, gone when the batch is over."""

from dataclasses import replace

import numpy as np
import pytest
from sweep_helpers import LAUNCH, FakeEngine, execute, request

from absorb.store import Store
from sweeps.local import Outcome
from sweeps.provenance import versions
from sweeps.stopping import Stop
from sweeps.stored_checkpoint import StoredCheckpoint


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "results")


def test_a_checkpoint_is_offered_again_to_the_same_batch_and_dropped_once_stored(store):
    met = []

    def engine(configs, *, checkpoint, on_progress, **_):
        found = checkpoint.load()
        met.append(None if found is None else found[1]["step"])
        checkpoint.save({"x": np.arange(3)}, {"step": 7})
        checkpoint.drop()  # as the engine does at its end, before anything is stored
        if len(met) == 1:
            raise Stop
        return FakeEngine()(configs, on_progress=on_progress)

    assert execute(store, ["seed=range(0,4)"], engine)[1].stopped
    assert execute(store, ["seed=range(0,4)"], engine)[1].ok == 4
    assert execute(store, ["seed=range(4,8)"], engine)[1].ok == 4
    assert met == [None, 7, None]
    assert store.verify().checkpoints == 0


@pytest.mark.parametrize("library", ["jax", "jaxlib", "optax"])
def test_a_checkpoint_of_other_libraries_is_not_resumed(store, monkeypatch, library):
    points = list(request("seed=range(0,4)").points)
    StoredCheckpoint(store, points).save({}, {"step": 7})
    assert StoredCheckpoint(store, points).load() is not None
    newer = versions() | {library: "999"}
    monkeypatch.setattr("sweeps.provenance.version", lambda name: newer[name])
    versions.cache_clear()
    try:
        assert StoredCheckpoint(store, points).load() is None
    finally:
        versions.cache_clear()


def test_a_checkpoint_of_other_code_is_not_resumed(store, monkeypatch):
    points = list(request("seed=range(0,4)").points)
    StoredCheckpoint(store, points).save({}, {"step": 7})
    monkeypatch.setattr("sweeps.stored_checkpoint.code_version", lambda: {"sources": "b" * 64})
    assert StoredCheckpoint(store, points).load() is None


def test_a_batch_that_raises_leaves_no_checkpoint_behind(store):
    class Saves(FakeEngine):
        def __call__(self, configs, *, checkpoint, **keywords):
            checkpoint.save({"x": np.arange(3)}, {"wave": 1})
            return super().__call__(configs, checkpoint=checkpoint, **keywords)

    assert execute(store, ["seed=range(0,8)"], Saves(broken={5}))[1] == Outcome(7, 0, 1, False)
    assert store.verify().checkpoints == 0


def test_the_checkpoint_of_runs_that_are_all_stored_is_finished(store):
    """As one is that was killed before it was removed, or made with batches of another size."""
    points = list(request("seed=range(0,4)").points)
    kept, other = StoredCheckpoint(store, points[:3]), StoredCheckpoint(store, points[2:])
    for checkpoint in (kept, other):
        checkpoint.save({}, {"wave": 0})
    execute(store, ["seed=range(0,3)"], FakeEngine(), replace(LAUNCH, batch=2))
    (problem,) = store.verify().problems
    assert problem.kind == "finished" and kept.name in problem.paths[0]
    store.quarantine(store.verify())
    assert kept.load() is None and other.load() is not None
