"""The width: by the rule where a batch is short, measured once and remembered where it is long."""

import json

import pytest

from absorb.config import spec_of
from absorb.footprint import FEWEST_LANES
from absorb.knobs import knobs_of
from absorb.lanes import width
from absorb.worlds import load_world
from sweeps.app import compose


@pytest.fixture
def problem(tmp_path, monkeypatch):
    monkeypatch.setattr(width, "compiler_cache", lambda: tmp_path)
    config = compose(["model.widths=[8,8]", "routing.units=3", "train.epochs=20000"])
    return spec_of(config), load_world(config.world), [knobs_of(config, 10)]


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


def test_a_measurement_is_of_the_real_program(problem):
    spec, data, knobs = problem
    assert 0 < width.lane_seconds(spec, data, knobs[0], 2, None) < 60


def test_wider_networks_get_fewer_lanes_and_never_one():
    sizes = ("[8]", "[96,96]", "[2048,2048]")
    lanes = [width.rule(spec_of(compose([f"model.widths={s}", "routing.sites=[hidden0]",
                                         "routing.units=2"]))) for s in sizes]  # fmt: skip
    assert lanes[0] > lanes[1] >= lanes[2] == FEWEST_LANES
