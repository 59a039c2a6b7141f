"""The memory bound: widths follow it, and what cannot fit is refused with what would."""

import re
from dataclasses import replace

import jax
import pytest
from sweep_helpers import FakeEngine, counted, request

import sweeps.memory
from absorb.cli import main
from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.footprint import batch_bytes, widest
from absorb.knobs import knobs_of
from absorb.lanes import width
from absorb.store import Store
from absorb.worlds import load_world
from sweeps.app import compose
from sweeps.launch import Launch
from sweeps.local import Executor
from sweeps.memory import check_memory, widest_of
from sweeps.plan import Had, Work

BIG = ["model.widths=[4096,4096]"]
LONG = ["world=stories", "model=transformer", "world.length=2048", "world.train_count=64"]

MANY = ["world=stories", "model=transformer", "world.train_count=9_000_000"]
PAIRS = ["world=feature_pair", "model=autoencoder", "world.train_count=1_000_000"]


def launch(memory_gb: float | None, lanes: int | None = None) -> Launch:
    return Launch(lanes=lanes, devices=2, batch=4, yes=True, memory_gb=memory_gb)


def test_what_fits_passes_and_the_width_stays_below_the_bound():
    spec = spec_of(compose(BIG))
    for memory_gb in (3.0, 10.0, 100.0):
        here = launch(memory_gb)
        check_memory([spec], here)
        assert batch_bytes(spec, widest_of(spec, here), 2) <= memory_gb * 1e9


@pytest.mark.parametrize(
    "words, here, says",
    [
        ([*BIG, "train.batch=20000"], launch(4.0), r"2 lanes on each of 2 .* train\.batch=(\d+) w"),
        (BIG, launch(3.0, 64), r"64 lanes on each of 2 devices need .* launch\.lanes=(\d+) would"),
        (LONG, launch(2.0), r"no train\.batch fits; world\.length=(\d+) would"),
        (MANY, launch(2.0), r"no train\.batch fits; world\.train_count=(\d+) would"),
        (PAIRS, launch(2.5), r"no train\.batch fits; world\.train_count=(\d+) would"),
        (BIG, launch(0.6), r"no train\.batch fits$"),
        (LONG, launch(0.58), r"no train\.batch fits$"),  # a story needs 48 tokens
    ],
)
def test_what_cannot_fit_is_refused_with_the_largest_value_that_would(words, here, says):
    with pytest.raises(AbsorbError, match=says) as error:
        check_memory([spec_of(compose(words))], here)
    assert str(error.value).startswith(f"launch.memory_gb={here.memory_gb:g}: ")
    found = re.search(says, str(error.value))
    if not (found and found.groups()):
        return
    value = int(found[1])
    if "lanes=" in says:
        check_memory([spec_of(compose(words))], launch(here.memory_gb, value))
        with pytest.raises(AbsorbError):
            check_memory([spec_of(compose(words))], launch(here.memory_gb, value + 1))
        return
    name = next(name for name in ("world.length", "world.train_count", "train.batch")
                if f"{name.split('.')[1]}=" in says)  # fmt: skip
    check_memory([spec_of(compose([*words, f"{name}={value}"]))], here)
    with pytest.raises(AbsorbError):
        check_memory([spec_of(compose([*words, f"{name}={value + 2}"]))], here)


class Told(FakeEngine):
    """Keeps what it is told of the lanes that fit."""

    def __init__(self):
        super().__init__()
        self.told = []

    def __call__(self, configs, *, most=None, **keywords):
        self.told.append(most)
        return super().__call__(configs, **keywords)


def told(path, here: Launch) -> list[int | None]:
    """What the engine is told in a sweep of one batch."""
    engine, points = Told(), request("seed=range(0,2)", *BIG).points
    work = Work(points, Had(set(), set()))
    Executor(work, Store(path), engine, here).run(counted(work))
    return engine.told


def test_the_engine_is_told_how_many_lanes_fit(tmp_path):
    assert told(tmp_path / "a", launch(None)) == [None]
    assert told(tmp_path / "b", launch(3.0)) == [widest_of(spec_of(compose(BIG)), launch(3.0))]


@pytest.mark.parametrize("asked", [None, 4])
def test_the_bound_is_shared_by_the_devices_that_there_are(tmp_path, monkeypatch, asked):
    """An accelerator among many cores has it all."""
    one = jax.local_devices()[:1]
    monkeypatch.setattr(jax, "local_devices", lambda: one)
    monkeypatch.setattr(sweeps.memory, "usable_cores", lambda: 16)
    here = replace(launch(3.0), devices=asked)
    assert told(tmp_path, here) == [widest(spec_of(compose(BIG)), 1, 3e9)]


def test_more_devices_than_cores_are_not_given_what_does_not_fit(tmp_path, monkeypatch):
    many = jax.local_devices()[:1] * 16
    monkeypatch.setattr(jax, "local_devices", lambda: many)
    with pytest.raises(AbsorbError, match="2 lanes on each of 16 devices need"):
        told(tmp_path, replace(launch(3.0), devices=None))
    assert Store(tmp_path).run_ids() == set()


def test_a_plan_says_that_it_counts_cores():
    spec = spec_of(compose(BIG))
    with pytest.raises(AbsorbError, match=r"one for each CPU core; launch\.devices"):
        check_memory([spec], replace(launch(0.6), devices=None))


def test_the_chosen_width_is_bounded(monkeypatch, tmp_path):
    monkeypatch.setattr(width, "compiler_cache", lambda: tmp_path)
    config = compose(["model.widths=[8,8]", "routing.units=3", "train.epochs=20000"])
    problem = spec_of(config), load_world(config.world), knobs_of(config, 10), 10**6
    assert width.choose_lanes(*problem, 10, None, 3) == 3
    monkeypatch.setattr(width, "rule", lambda spec: 4)
    tried = []
    monkeypatch.setattr(width, "lane_seconds", lambda *a: tried.append(a[3]) or 1.0)
    assert width.choose_lanes(*problem, 10**9, None, 3) in tried and tried == [2, 3]


def test_a_sweep_is_refused_before_any_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *BIG, "launch.memory_gb=0.6"]) == 2
    assert "launch.memory_gb=0.6" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
