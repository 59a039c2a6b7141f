"""The width: by the rule where a batch is short, measured once and remembered where it is long."""

import json

import pytest

from absorb.config import spec_of
from absorb.footprint import FEWEST_LANES
from absorb.knobs import knobs_of
from absorb.lanes import width
from absorb.lanes.batch import train_batch
from absorb.worlds import load_world
from sweeps.app import compose


@pytest.fixture
def problem(tmp_path, monkeypatch):
    monkeypatch.setattr(width, "compiler_cache", lambda: tmp_path)
    config = compose(["model.widths=[8,8]", "routing.units=3", "train.epochs=20000"])
    return spec_of(config), load_world(config.world), knobs_of(config, 10), 10**6


def test_a_short_batch_goes_by_the_rule(problem, tmp_path):
    assert width.choose_lanes(*problem, 10, None) == width.rule(problem[0])
    assert not list(tmp_path.rglob("*.json"))


def test_a_long_batch_is_measured_once_and_remembered(problem, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(width, "rule", lambda spec: 4)
    monkeypatch.setattr(
        width, "lane_seconds", lambda *a: asked.append(a[3]) or {2: 3.0, 4: 2.0, 8: 1.0}[a[3]]
    )
    assert width.choose_lanes(*problem, 10**9, None) == 8
    assert width.choose_lanes(*problem, 10**9, None) == 8
    assert asked == [2, 4, 8]
    (kept,) = tmp_path.rglob("*.json")
    assert json.loads(kept.read_text())["lanes"] == 8


@pytest.mark.parametrize(
    "runs, devices, lanes",
    [(1, 2, 2), (4, 2, 2), (15, 2, 8), (30, 2, 15), (32, 2, 16), (33, 2, 9), (47, 2, 12),
     (64, 2, 16), (64, 1, 16), (15, 1, 15), (17, 1, 9), (40, 8, 5)],
)  # fmt: skip
def test_lanes_are_no_more_than_the_waves_need(runs, devices, lanes):
    assert width.needed(16, runs, devices) == lanes
    waves = -(-runs // (16 * devices))
    assert waves * lanes * devices >= runs
    assert lanes == FEWEST_LANES or waves * (lanes - 1) * devices < runs


def test_a_short_sweep_fills_no_lanes_in_vain(problem):
    spec, data, knobs, _ = problem
    devices, lanes = 2, width.rule(spec)
    assert width.choose_lanes(spec, data, knobs, 2 * lanes - 2, 10, devices) == lanes - 1
    assert width.choose_lanes(spec, data, knobs, 10**6, 10, devices, 6) == 6


def test_lanes_are_for_a_full_batch_whatever_is_left_of_it():
    small = ["model.widths=[16,8]", "routing.units=4", "train.epochs=2", "measure=quick"]
    configs = [compose([*small, f"seed={seed}"]) for seed in range(6)]
    assert train_batch(configs, devices=2).lanes == 3
    assert train_batch(configs[:2], devices=2).lanes == 2
    assert train_batch(configs[:2], devices=2, runs=6).lanes == 3


def test_a_measurement_is_of_the_real_program(problem):
    spec, data, knobs, _ = problem
    assert 0 < width.lane_seconds(spec, data, knobs, 2, None) < 60


def test_wider_networks_get_fewer_lanes_and_never_one():
    sizes = ("[8]", "[96,96]", "[2048,2048]")
    lanes = [width.rule(spec_of(compose([f"model.widths={s}", "routing.sites=[hidden0]",
                                         "routing.units=2"]))) for s in sizes]  # fmt: skip
    assert lanes[0] > lanes[1] >= lanes[2] == FEWEST_LANES


def measured_as(monkeypatch, seconds):
    """Widths 2, 4 and 8 take `seconds`, or raise them; the widths that were measured."""
    asked = []

    def lane_seconds(spec, data, knobs, lanes, devices):
        asked.append(lanes)
        if isinstance(seconds[lanes], Exception):
            raise seconds[lanes]
        return seconds[lanes]

    monkeypatch.setattr(width, "rule", lambda spec: 4)
    monkeypatch.setattr(width, "lane_seconds", lane_seconds)
    return asked


@pytest.mark.parametrize(
    "text", ["", '{"lan', "[]", "{}", '{"lanes": 1}', '{"lanes": "8"}', "\xff"]
)
def test_a_memo_that_says_no_width_is_measured_again(problem, tmp_path, monkeypatch, text):
    asked = measured_as(monkeypatch, {2: 3.0, 4: 2.0, 8: 1.0})
    width.choose_lanes(*problem, 10**9, None)
    (kept,) = tmp_path.rglob("*.json")
    kept.write_text(text, encoding="latin-1")
    assert width.choose_lanes(*problem, 10**9, None) == 8
    assert json.loads(kept.read_text())["lanes"] == 8 and asked == [2, 4, 8] * 2
    assert list(kept.parent.iterdir()) == [kept]


def test_a_home_that_cannot_be_written_costs_the_memo_alone(problem, tmp_path, monkeypatch):
    measured_as(monkeypatch, {2: 3.0, 4: 1.0, 8: 2.0})
    (tmp_path / "lanes").write_text("a file where the directory would be")
    assert width.choose_lanes(*problem, 10**9, None) == 4


def test_a_width_that_is_too_wide_for_the_memory_is_not_chosen(problem, tmp_path, monkeypatch):
    full = RuntimeError("RESOURCE_EXHAUSTED: out of memory allocating 9 bytes")
    measured_as(monkeypatch, {2: 3.0, 4: 2.0, 8: full})
    assert width.choose_lanes(*problem, 10**9, None) == 4
    (kept,) = tmp_path.rglob("*.json")
    assert json.loads(kept.read_text())["seconds_per_lane_epoch"] == {"2": 3.0, "4": 2.0}


def test_where_every_width_is_too_wide_the_fewest_are_tried_and_nothing_is_remembered(
    problem, tmp_path, monkeypatch
):
    measured_as(monkeypatch, dict.fromkeys((2, 4, 8), MemoryError()))
    assert width.choose_lanes(*problem, 10**9, None) == 2
    assert not list(tmp_path.rglob("*.json"))


def test_what_is_no_matter_of_memory_fails_the_measurement(problem, monkeypatch):
    measured_as(monkeypatch, dict.fromkeys((2, 4, 8), ValueError("a bug")))
    with pytest.raises(ValueError, match="a bug"):
        width.choose_lanes(*problem, 10**9, None)
