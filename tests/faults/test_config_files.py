"""A user's own YAML files: plain data is taken, everything else is refused before it is used."""

import pytest

from absorb.cli import main
from absorb.errors import AbsorbError
from sweeps.app import compose
from sweeps.checked_yaml import MAX_BYTES, check_file

HEAD = "# @package _global_\n"
BAD = {
    "code": ("train: {_target_: os.system}", ["_target_", "refused"]),
    "code in a list": ("x: [[{_target_: os.system}]]", ["_target_", "refused"]),
    "code for Hydra": (
        "hydra: {callbacks: {x: {_target_: os.system}}}", ["_target_", "refused"]),
    "another sweeper": ("hydra: {sweeper: {max_jobs: 3}}", ["max_jobs"]),
    "a tag": ("seed: !!python/object/apply:os.system ['true']", ["line 2", "tags", "refused"]),
    "a path tag": ("seed: !!python/object/apply:pathlib.Path [a]", ["tags", "refused"]),
    "a local tag": ("seed: !env X", ["tags", "refused"]),
    "an alias": ("a: &a [1]\nseed: *a", ["line 3", "aliases", "refused"]),
    "a bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]", ["aliases", "refused"]),
    "depth": ("x: " + "[" * 200 + "]" * 200, ["nested deeper than 32"]),
    "size": ("# " + "x" * MAX_BYTES, ["larger than"]),
    "no YAML": ("seed: [1", ["not YAML"]),
    "a key twice": ("seed: 1\nseed: 2", ["seed"]),
    "no text": ("seed: \x00", ["not YAML"]),
    "an unknown key": ("rooting: {arm: hard}", ["rooting", "did you mean routing?"]),
    "a number for a key": ("3: {arm: hard}", ["experiment/mine", "3", "names are text"]),
    "a number for a setting": ("routing: {3: 1}", ["experiment/mine", "3", "names are text"]),
    "an unknown setting": ("routing: {unit: 3}", ["unit", "did you mean units?"]),
    "another type": ("seed: three", ["seed='three'", "a whole number"]),
    "a section that is none": ("train: 3", ["train"]),
    "a list of settings": ("[1, 2]", ["mine"]),
    "an unknown default": ("defaults: [override /model: mpl]", ["mpl"]),
    "a way out": ("defaults: [/../../outside]", ["outside"]),
    "a sweep that is no text": (
        "hydra: {sweeper: {params: {seed: [1, 2]}}}", ["hydra.sweeper.params.seed=[1, 2]", "text"]),
    "a sweep over nothing known": (
        "hydra: {sweeper: {params: {sede: '1,2'}}}", ["sede", "no such setting"]),
    "a sweep out of range": (
        "hydra: {sweeper: {params: {routing.label_fraction: '0,2'}}}", ["=2", "[0, 1]"]),
    "sub-sweeps that are no list": ("hydra: {sweeper: {union: 3}}", ["experiment/mine", "list"]),
    "a sub-sweep that is no mapping": (
        "hydra: {sweeper: {union: [3]}}", ["experiment/mine", "int"]),
    "defaults that are no list": ("defaults: text", ["experiment=mine", "must be a list"]),
    "a default that is no name": ("defaults: [3]", ["experiment=mine", "int"]),
    "a circle": ("defaults: [mine]", ["experiment=mine", "lead back"]),
    "a sweep over nothing there": (
        "hydra: {sweeper: {params: {seed: '${x}'}}}", ["seed", "'x' not found"]),
    "a sub-sweep over nothing there": (
        "hydra: {sweeper: {union: [{seed: '${x}'}]}}", ["seed", "'x' not found"]),
    "params that are elsewhere": (
        "hydra: {sweeper: {params: '${x}'}}", ["experiment/mine", "params='${x}'"]),
    "no sweeper": ("hydra: {sweeper: null}", ["experiment/mine", "sweeper=None"]),
    "nothing of Hydra": ("hydra: null", ["experiment/mine", "hydra=None"]),
    "a search path": ("hydra: {searchpath: ['file:///tmp']}", ["searchpath"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_refused_in_one_line(kind, tmp_path, monkeypatch, capsys):
    text, words = BAD[kind]
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "experiment" / "mine.yaml").write_text(HEAD + text)
    (tmp_path / "outside.yaml").write_text("seed: 1")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code = main(["plan", "experiment=mine", "--config-dir", "own"])
    err = capsys.readouterr().err
    assert code == 2, err
    for word in words:
        assert word in err
    assert err.startswith("absorb: ") and err.count("\n") == 1
    for noise in ("Traceback", "HYDRA_FULL_ERROR", "full_key", "object_type"):
        assert noise not in err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_out_of_the_directory_is_refused(tmp_path):
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "secret.yaml").write_text("seed: 1")
    (tmp_path / "own" / "experiment" / "mine.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(AbsorbError, match="lies outside"):
        compose(["experiment=mine"], config_dir=str(tmp_path / "own"))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "mine.yaml").mkdir()
    for name, reason in (("mine", "Is a directory"), ("yours", "No such file or directory")):
        with pytest.raises(AbsorbError, match=f"/{name}.yaml: {reason}$"):
            check_file(str(tmp_path), str(tmp_path / f"{name}.yaml"))


def test_plain_files_are_taken(tmp_path):
    (tmp_path / "experiment").mkdir()
    text = f"{HEAD}defaults: [override /model: autoencoder]\nseed: 4\nseeds: {{init: '${{seed}}'}}"
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    config = compose(["experiment=mine"], config_dir=str(tmp_path))
    assert (config.model.kind, config.seed, config.seeds.init) == ("autoencoder", 4, 4)


def test_a_file_of_the_users_does_not_replace_one_of_ours(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mlp.yaml").write_text("kind: mlp\nwidths: [7]")
    (tmp_path / "model" / "small.yaml").write_text("kind: mlp\nwidths: [64, 64]")
    assert compose([], config_dir=str(tmp_path)).model.widths == (96, 96)
    assert compose(["model=small"], config_dir=str(tmp_path)).model.widths == (64, 64)


def test_a_file_of_ones_own_is_read_again_and_no_config_leaks_into_another(tmp_path):
    (tmp_path / "experiment").mkdir()
    mine = tmp_path / "experiment" / "mine.yaml"
    for units in (3, 5):
        mine.write_text(f"{HEAD}routing: {{units: {units}}}")
        config = compose(["experiment=mine"], config_dir=str(tmp_path))
        assert config.routing.units == units
    before = compose()
    assert compose(["routing.units=3", "model.widths=[16,16]"]).routing.units == 3
    assert compose() == before


def test_a_directory_that_is_not_there_is_named(capsys):
    assert main(["plan", "--config-dir", "nowhere"]) == 2
    assert "--config-dir nowhere: no such directory" in capsys.readouterr().err
