"""Every experiment file composes, loads and says something that can be run."""

from pathlib import Path

import pytest
from sweep_helpers import request

from sweeps.compose import CONF
from sweeps.plan import Had, Work, survey

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
GROUPS = sorted(
    f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml")
    if path.parent.name not in ("experiment", "world", "model")
)  # fmt: skip

LARGE = (
    "barriers",
    "cloud_digits",
    "cloud_table2",
    "four_properties",
    "frontier",
    "granularity",
    "induced_antipodal",
    "mechanics",
    "path_dependence",
    "rivals",
    "variance",
)  # fmt: skip; a second or more to load


def test_there_are_experiments():
    assert "dose_response" in EXPERIMENTS


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LARGE)) for n in EXPERIMENTS]
)
def test_every_run_of_an_experiment_loads(name, tmp_path):
    (tmp_path / "text.txt").write_text("a king, a queen and a horse\n" * 400)
    where = [f"world.path={tmp_path / 'text.txt'}"] if name == "text" else []
    points = request(f"experiment={name}", *where).points
    counts = survey(Work(points, Had(set(), set())), lambda config: None)
    assert counts.todo == counts.runs > 0
    assert len(counts.missing) == len(points.specs)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_is_short_and_says_what_it_is(name):
    lines = Path(CONF / "experiment" / f"{name}.yaml").read_text().splitlines()
    assert lines[0] == "# @package _global_" and lines[1].startswith("# ")
    assert len(lines) < 80


@pytest.mark.parametrize("choice", GROUPS)
def test_every_file_of_a_group_loads(choice):
    assert len(list(request(choice).points)) == 1


@pytest.mark.parametrize("world, model", [
    ("digits", "mlp"), ("digits", "autoencoder"), ("mnist", "mlp"), ("linear", "paths"),
    ("feature_pair", "autoencoder"),
])  # fmt: skip
def test_every_world_and_model_loads(world, model):
    assert len(list(request(f"world={world}", f"model={model}").points)) == 1
