"""Real sweeps are killed and run again: every run is there once, with the same bits as ever."""

import itertools
import random

import pytest
from sweep_process import FAKE, REAL, STOPS, finish, kill_after, start, wait_for

from absorb.store import Store

WORDS = [
    "seed=range(0,12)", "routing.label_fraction=0,0.5", "train.epochs=40", "measure=quick",
    "launch.batch=6", "launch.lanes=2", "--yes",
]  # fmt: skip
REPORTS_OF_A_BATCH = 22  # two waves of 4 lanes for 6 runs, each cut into 10 and measured
FEW_WORDS = ["seed=1,2", "train.epochs=4", "measure=quick", "launch.batch=1", "--yes"]
FAKE_WORDS = ["seed=range(0,6)", "launch.batch=2"]


def rows_of(directory) -> dict[str, dict]:
    """Rows by run id, floats as their bits; without what names the shard."""
    table = Store(directory / "results", create=False).table().to_pylist()
    rows = {row.pop("run_id"): row for row in table}
    assert len(rows) == len(table)
    return {run: {k: repr(v) for k, v in row.items() if k not in ("shard", "code")}
            for run, row in rows.items()}  # fmt: skip


def times_written(directory) -> list[str]:
    """Ids of all rows in all shards, with repetitions."""
    from absorb.store.shard import manifests_of

    manifests = manifests_of(directory / "results")
    return sorted(run for manifest in manifests for run, _ in manifest.statuses())


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> dict[str, dict]:
    directory = tmp_path_factory.mktemp("uninterrupted")
    code, said = finish(REAL, WORDS, directory)
    assert code == 0, said
    return rows_of(directory)


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path, uninterrupted):
    assert len(uninterrupted) == 24
    rng = random.Random()
    for _ in range(3):
        kill_after(start(REAL, WORDS, tmp_path), rng.uniform(0.5, 8.0))
    process = start(REAL, WORDS, tmp_path)  # and once surely in the middle of its work
    wait_for(tmp_path, "results/shards/*/*.json", process)
    kill_after(process, rng.uniform(0.0, 0.3))
    code, said = finish(REAL, WORDS, tmp_path)
    assert code == 0, said
    assert rows_of(tmp_path) == uninterrupted
    assert times_written(tmp_path) == sorted(uninterrupted)
    assert Store(tmp_path / "results").verify().ok


@pytest.mark.slow
def test_asked_to_stop_in_a_segment_it_goes_on_from_there(tmp_path, uninterrupted):
    in_the_second_batch = f"{REPORTS_OF_A_BATCH + 3}"
    code, said = finish(STOPS, WORDS, tmp_path, ABSORB_STOP_AT=in_the_second_batch)
    assert code == 75, said
    assert "SIGTERM: finishing this segment" in said and "the same command goes on" in said
    assert list(tmp_path.glob("results/checkpoints/*"))
    assert 0 < len(rows_of(tmp_path)) < 24
    code, said = finish(REAL, WORDS, tmp_path)
    assert code == 0, said
    assert rows_of(tmp_path) == uninterrupted
    assert not list(tmp_path.glob("results/checkpoints/*"))


@pytest.mark.slow
def test_killed_at_every_step_of_writing_it_ends_with_the_same_bits(tmp_path):
    """Two batches, each made a directory, opened, written, synced, renamed and no more claimed."""
    whole = tmp_path / "whole"
    deaths = 0
    for number in itertools.count():
        directory = tmp_path / f"{number}" if number else whole
        directory.mkdir()
        code, said = finish(REAL, FEW_WORDS, directory, ABSORB_CRASH_AT=f"any:{number}")
        if number and code == 0:
            break
        if number:
            assert code == 86, said
            deaths += 1
            code, said = finish(REAL, FEW_WORDS, directory)
        assert code == 0, said
        assert rows_of(directory) == rows_of(whole)
        assert times_written(directory) == sorted(rows_of(whole))
        assert Store(directory / "results").verify().ok
    assert deaths >= 30 and len(rows_of(whole)) == 2


@pytest.mark.slow
def test_killed_again_and_again_it_goes_on_each_time(tmp_path):
    for number in (1, 3, 6, 10, 14):
        code, said = finish(FAKE, FAKE_WORDS, tmp_path, ABSORB_CRASH_AT=f"any:{number}")
        assert code == 86, said
    code, said = finish(FAKE, FAKE_WORDS, tmp_path)
    assert code == 0, said
    assert len(rows_of(tmp_path)) == 6
    assert times_written(tmp_path) == sorted(rows_of(tmp_path))
    assert "6 already there, nothing to do" in finish(FAKE, FAKE_WORDS, tmp_path)[1]
