"""From a command line to points: Hydra's grammar, streamed, each leaf where it belongs."""

import itertools
import textwrap
from dataclasses import replace

import pytest

from absorb.errors import AbsorbError
from absorb.identity import canonical, flat, run_id
from sweeps.app import Request, compose, run_sweeper


def request(*overrides: str, config_dir=None) -> Request:
    return run_sweeper(overrides, lambda asked: asked, config_dir=config_dir)


def found(*overrides: str, keys: tuple[str, ...], config_dir=None) -> list[tuple]:
    rows = [flat(p.config) for p in request(*overrides, config_dir=config_dir).points]
    return [tuple(row[key] for key in keys) for row in rows]


@pytest.fixture
def experiment(tmp_path):
    """Writes experiment/NAME.yaml into a user's config directory and returns that directory."""

    def write(name: str, text: str):
        path = tmp_path / "experiment" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("# @package _global_\n" + textwrap.dedent(text))
        return str(tmp_path)

    return write


def test_without_a_sweep_there_is_one_point():
    points = list(request("seed=4").points)
    assert [p.config for p in points] == [canonical(compose(["seed=4"]))]


def test_a_product_runs_through_all_combinations_the_last_axis_fastest():
    pairs = found("train.epochs=3,4", "seed=range(0,3)", keys=("train.epochs", "seed"))
    assert pairs == list(itertools.product((3, 4), (0, 1, 2)))


@pytest.mark.parametrize(
    "text, values",
    [
        ("seed=1,5,3", [1, 5, 3]),
        ("seed=range(3)", [0, 1, 2]),
        ("seed=range(1,10,4)", [1, 5, 9]),
        ("seed=choice(7,8)", [7, 8]),
        ("seed=sort(3,1,2)", [1, 2, 3]),
        ("routing.label_fraction=range(0,0.4,0.1)", [0, 0.1, 0.2, 0.3]),
        ("routing.concept=[1],[2,3]", ["[1]", "[2,3]"]),
        ("train.loss='task',group_mean", ["task", "group_mean"]),
        ("routing.cross=true,false", [True, False]),
    ],
)
def test_hydras_grammar_makes_axes(text, values):
    key = text.split("=")[0]
    assert [value for (value,) in found(text, keys=(key,))] == values


def test_groups_are_swept_by_name_and_by_glob():
    assert found("model=mlp,autoencoder", keys=("model.kind",)) == [("mlp",), ("autoencoder",)]
    kinds = [kind for (kind,) in found("gate=glob(*)", keys=("gate.kind",))]
    assert kinds == ["hard", "learned", "none"]


def test_a_group_brings_all_that_its_file_says():
    rows = found("model=mlp,autoencoder", keys=("routing.sites", "routing.units"))
    assert rows == [('["hidden0","hidden1"]', 32), ('["latent"]', 8)]


@pytest.mark.slow
def test_every_point_is_what_hydra_composes_alone():
    axes = {
        "model": ["mlp", "autoencoder"],
        "routing.arm": ["route", "capacity"],
        "routing.weights": ["{forget: [1,0.5]}", "{retain: [0.5,1]}"],
        "routing.weights.forget": ["[0.25,0]", "[1,0]"],
        "seeds.init": ["null", "3"],
    }
    streamed = request(*(f"{key}={','.join(values)}" for key, values in axes.items())).points
    combinations = itertools.product(*axes.values())
    alone = [
        compose([f"{k}={v}" for k, v in zip(axes, values, strict=True)]) for values in combinations
    ]
    assert sorted(p.run_id for p in streamed) == sorted(map(run_id, alone))
    assert len(streamed) == len(alone) == 32


def test_an_interpolated_leaf_follows_every_axis_that_it_looks_at(experiment):
    directory = experiment(
        "linked",
        """
        seeds: {init: "${seed}"}
        train: {batch: "${routing.units}"}
        """,
    )
    rows = found(
        "experiment=linked", "seed=1,2", "routing.units=16,24",
        keys=("seed", "seeds.init", "routing.units", "train.batch"), config_dir=directory,
    )  # fmt: skip
    assert rows == [(1, 1, 16, 16), (1, 1, 24, 24), (2, 2, 16, 16), (2, 2, 24, 24)]


def test_two_axes_that_meet_in_one_leaf_are_taken_together(experiment):
    directory = experiment("met", 'world: {kind: mnist, path: "${seed}-${routing.units}"}')
    rows = found(
        "world=mnist", "experiment=met", "seed=1,2", "routing.units=3,4", "train.epochs=1,2",
        keys=("world.path", "train.epochs"), config_dir=directory,
    )  # fmt: skip
    expected = itertools.product((1, 2), (3, 4), (1, 2))
    assert sorted(rows) == sorted((f"{s}-{u}", e) for s, u, e in expected)


def test_an_experiment_carries_its_sweep_and_the_command_line_wins(experiment):
    directory = experiment(
        "dose",
        """
        train: {epochs: 7}
        hydra: {sweeper: {params: {seed: "range(0,3)", routing.label_fraction: "0,0.5"}}}
        """,
    )
    keys = ("train.epochs", "routing.label_fraction", "seed")
    asked = found("experiment=dose", "seed=9", keys=keys, config_dir=directory)
    assert asked == [(7, 0.0, 9), (7, 0.5, 9)]
    assert len(found("experiment=dose", keys=keys, config_dir=directory)) == 6


UNION = """
    hydra:
      sweeper:
        params: {seed: "0,1"}
        union:
          - {routing.arm: "route,hard", routing.label_fraction: "0,0.5,1"}
          - {routing.arm: std, routing.label_fraction: "0,0.25"}
          - {routing.arm: capacity}
    """


def test_sub_sweeps_are_united(experiment):
    keys = ("routing.arm", "routing.label_fraction", "seed")
    directory = experiment("arms", UNION)
    expected = [
        *itertools.product(("route", "hard"), (0.0, 0.5, 1.0), (0, 1)),
        *itertools.product(("std",), (0.0, 0.25), (0, 1)),
        ("capacity", 0.0, 0),
        ("capacity", 0.0, 1),
    ]
    assert sorted(found("experiment=arms", keys=keys, config_dir=directory)) == sorted(expected)


def test_the_command_line_picks_among_sub_sweeps_by_what_tells_them_apart(experiment):
    keys = ("routing.arm", "routing.label_fraction")
    directory = experiment("arms", UNION)
    asked = ("experiment=arms", "seed=0")
    picked = found(*asked, "routing.arm=std,hard", keys=keys, config_dir=directory)
    expected = [("hard", 0.0), ("hard", 0.5), ("hard", 1.0), ("std", 0.0), ("std", 0.25)]
    assert sorted(picked) == expected
    everywhere = found(*asked, "routing.label_fraction=0.75", keys=keys, config_dir=directory)
    arms = ["capacity", "hard", "route", "std"]
    fractions = [0.0, 0.75, 0.75, 0.75]
    assert sorted(everywhere) == list(zip(arms, fractions, strict=True))
    foreign = set(found(*asked, "routing.arm=filter", keys=keys, config_dir=directory))
    assert {arm for arm, _ in foreign} == {"filter"}


def test_swept_experiments_each_bring_their_own(experiment):
    experiment("one", 'hydra: {sweeper: {params: {seed: "1,2"}}}')
    directory = experiment("two", "train: {epochs: 5}")
    rows = found("experiment=one,two", keys=("train.epochs", "seed"), config_dir=directory)
    assert rows == [(100, 1), (100, 2), (5, 0)]


def test_swept_experiments_share_the_lowest_of_their_bounds(experiment):
    experiment("one", "launch: {batch: 1600, memory_gb: 2}")
    experiment("two", "launch: {batch: 512}")
    directory = experiment("three", "launch: {batch: 700, lanes: 4}")
    asked = ("experiment=one,two", "experiment=two,one")
    launches = [request(text, config_dir=directory).launch for text in asked]
    assert [(each.batch, each.memory_gb) for each in launches] == [(512, 2.0)] * 2
    assert request(asked[0], "launch.batch=2000", config_dir=directory).launch.batch == 2000
    with pytest.raises(AbsorbError, match=r"^launch\.lanes: .*null and 4; give one$"):
        request("experiment=one,three", config_dir=directory)
    assert request("experiment=one,three", "launch.lanes=8", config_dir=directory).launch.lanes == 8


def test_a_sweep_has_one_store(experiment):
    experiment("one", "store: here")
    directory = experiment("two", 'store: "s${seed}"')
    assert request("experiment=one,one", config_dir=directory).store == "here"
    with pytest.raises(AbsorbError, match=r"^store: .*here and s0; give one$"):
        request("experiment=one,two", config_dir=directory)
    assert request("experiment=one,two", "store=x", config_dir=directory).store == "x"
    with pytest.raises(AbsorbError, match=r"^store: is one for the whole sweep"):
        request("experiment=two", "seed=1,2", config_dir=directory)


@pytest.mark.parametrize("key", ["store", "launch.batch", "launch", "experiment"])
@pytest.mark.parametrize("place", ["params: {%s}", "union: [{seed: 1}, {%s}]"])
def test_what_is_no_runs_own_is_refused_in_params_and_union(experiment, key, place):
    value = {"launch": "local", "experiment": "demo"}.get(key, "3")
    directory = experiment("one", f"hydra: {{sweeper: {{{place % f'{key}: {value}'}}}}}")
    with pytest.raises(AbsorbError, match=f"^{key}: not for params or union"):
        request("experiment=one", config_dir=directory)


def test_programs_are_counted_by_spec():
    points = request("train.epochs=3,4", "train.l1_region=0,0.1,0.2", "seed=0,1").points
    assert len({p.program for p in points}) == len(points.specs) == 4
    for point in points:
        spec = points.specs[point.program]
        assert spec.train.epochs == point.config.train.epochs
        assert spec.train.l1_region == (point.config.train.l1_region > 0)


def test_points_are_canonical_configs_under_their_own_id():
    for point in request("routing.arm=capacity,route", "routing.label_fraction=0,1").points:
        assert point.run_id == run_id(point.config)
        assert point.config == canonical(point.config)


def test_more_points_than_anyone_could_want_are_refused():
    with pytest.raises(AbsorbError, match="at most 10,000,000"):
        request("seed=range(0,100000)", "routing.units=range(1,1000)")
    with pytest.raises(AbsorbError, match="at most 10,000,000 values"):
        request("seed=range(0,2000000000)")


def test_compose_works_from_any_directory(tmp_path, monkeypatch):
    before = compose(["seed=3"])
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path)
    assert compose(["seed=3"]) == before == replace(compose(), seed=3)


def test_compose_takes_no_sweep():
    with pytest.raises(AbsorbError, match="seed: sweeps over 2 values"):
        compose(["seed=0,1"])
