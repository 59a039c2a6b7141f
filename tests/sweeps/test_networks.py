"""Which stored networks serve a config, and sweeps that ask them something else."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sweep_helpers import FakeEngine

from absorb.cli import main
from absorb.errors import AbsorbError
from absorb.identity import flat, run_id, training_id
from absorb.lanes import batch
from absorb.store import Store
from sweeps.app import compose
from sweeps.compose import make_loader
from sweeps.networks import LOSS, Network, Networks
from sweeps.overrides import parse
from sweeps.provenance import code_text, code_version
from sweeps.sweeper import check_measure

SMALL = ["model.widths=[8,8]", "routing.units=3", "train.epochs=2"]
KEPT = [*SMALL, "measure=quick", "measure.parameters=true"]
ASKED = [*SMALL, "measure.treatments=[whole,raw,calibrated]"]


def stored(path, config, status="ok", kept=True, code=None, **changes):
    """A store that holds one run, with parameters or without."""
    row = {"run_id": run_id(config), "status": status, **flat(config), LOSS: 0.5, **changes}
    arrays = {run_id(config): {"w": np.zeros(2, np.float32)}} if kept else None
    Store(path).write([row], {"code": code}, arrays)
    return Networks(str(path))


def test_a_training_is_all_but_what_is_asked():
    config = compose(KEPT)
    assert training_id(config) == training_id(compose(ASKED))
    ascent = ["rival=ascent", "routing=none", "routing.arm=rival"]
    others = ["seed=1", "train.epochs=3", "gate=hard", "routing.units=2", "seeds.rerun=1"]
    for words in (ascent, *([word] for word in others)):
        assert training_id(compose([*KEPT, *words])) != training_id(config)
    own = replace(config, seeds=replace(config.seeds, init=config.seed))
    assert training_id(own) == training_id(config)  # a null seed is the run's own


def test_a_kept_network_serves_whoever_asks_it_something_else(tmp_path):
    config = compose(KEPT)
    networks = stored(tmp_path, config)
    assert networks.of(compose(ASKED)) == Network(run_id(config), 0.5, None)
    assert networks.of(compose([*ASKED, "seed=1"])) is None


def test_only_training_tells_of_training(tmp_path):
    networks = stored(tmp_path, compose(KEPT))
    words = [*SMALL, "measure.treatments=[whole,raw,mechanics]", "routing=parameter"]
    kept = compose([*words, "measure.parameters=true"])
    assert networks.of(kept) is None
    assert stored(tmp_path, kept).of(kept) is None


@pytest.mark.parametrize(("changes", "asked"), [
    ({"status": "diverged"}, []),
    ({"kept": False}, []),  # as an extracted store has it
    ({"train.epochs": 3}, []),  # a row of other settings than its id says
    ({"train.epochs": 3}, ["train.epochs=3"]),
    ({"model.kind": "unheard"}, []),  # of settings that are no more
])  # fmt: skip
def test_what_cannot_serve_is_passed_over(tmp_path, changes, asked):
    stored(tmp_path, compose([*KEPT, "seed=7"]))  # another network, which is kept
    networks = stored(tmp_path, compose(KEPT), **changes)
    assert networks.of(compose([*ASKED, *asked])) is None
    assert networks.of(compose([*ASKED, "seed=7"])) is not None


def test_a_path_that_looks_like_a_list_hides_no_network(tmp_path):
    text = ["world=text", "model=transformer", "world.sha256=a", "world.path='[v2] c.txt'"]
    config = compose([*text, "measure.parameters=true"])
    networks = stored(tmp_path, config)
    assert networks.of(config) is not None


def test_a_store_that_is_not_there_has_no_networks(tmp_path):
    assert Networks(str(tmp_path / "none")).of(compose(ASKED)) is None
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_asking_more_of_kept_networks_trains_only_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained = []
    one = batch._Batch._train
    monkeypatch.setattr(
        batch._Batch, "_train", lambda self, *args: (trained.append(args[0]), one(self, *args))[1]
    )
    assert main(["sweep", *KEPT, "seed=range(0,3)"]) == 0
    assert main(["plan", *ASKED, "seed=range(0,4)"]) == 0
    assert "4 (3 trained before)" in capsys.readouterr().out
    assert main(["sweep", *ASKED, "seed=range(0,4)"]) == 0
    assert len(trained) == 2
    assert "4 to do, 3 of them trained before: only measured" in capsys.readouterr().out
    assert main(["sweep", *ASKED, "seed=range(0,4)", "store=fresh"]) == 0
    here, fresh = (Store(tmp_path / name, create=False) for name in ("results", "fresh"))
    for seed in range(4):
        name = run_id(compose([*ASKED, f"seed={seed}"]))
        rows = [s.row(name) for s in (here, fresh)]
        made = here.provenance(rows[0].pop("shard")), fresh.provenance(rows[1].pop("shard"))
        assert rows[0] == rows[1] and rows[0]["status"] == "ok"
        kept = [run_id(compose([*KEPT, f"seed={s}"])) for s in range(3)]
        assert made[0].get("networks", []) == (kept if seed < 3 else [])
        assert made[0]["code"] == made[1]["code"] and "networks" not in made[1]


OTHERS = ({"sources": "b" * 64}, {"revision": "b" * 40, "dirty": None}, None)


@pytest.mark.parametrize(("other", "start"), [*zip(OTHERS, (False, True, False), strict=True)])
def test_rows_are_by_the_code_of_their_networks_too(tmp_path, monkeypatch, capsys, other, start):
    """Of a network measured again and of one that training began from, at any remove."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batch, "train_batch", FakeEngine())
    monkeypatch.setattr("absorb.train.starts.check_start", lambda *_: None)
    first = compose(KEPT)
    begun = f"train.start='{run_id(first)}'"
    stored("results", first, code=other)
    stored("results", compose([*KEPT, "seed=1"]), code=code_version())
    asked = [[*SMALL, begun] if start else ASKED, [*ASKED, "seed=1"], [*ASKED, "seed=2"]]
    assert [main(["sweep", *words]) for words in asked] == [0, 0, 0]
    store = Store("results", create=False)
    codes = [store.row(run_id(compose(words)))["code"] for words in asked]
    assert codes[1:] == [code_text()] * 2
    assert json.loads(codes[0]) == {**code_version(), "networks": [other]}
    stored("further", compose([*KEPT, "seed=3"]), code=json.loads(codes[0]))
    assert main(["sweep", *ASKED, "seed=3", "store=further"]) == 0
    capsys.readouterr()
    assert main(["status"]) == main(["status", "store=further"]) == 0
    said = capsys.readouterr().out
    assert "results: 5 runs, 5 ok\n  2 of them by other code" in said
    assert "further: 2 runs, 2 ok\n  2 of them by other code" in said


@pytest.mark.filterwarnings("always::UserWarning")
@pytest.mark.parametrize("damage", [lambda b: b[:-8], lambda b: b[:-8] + bytes(8)])
def test_a_damaged_network_is_trained_again(tmp_path, monkeypatch, damage):
    """A file of another size is left out before, one of other bytes when it is read."""
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *KEPT, "seed=range(0,2)"]) == 0
    (file,) = (tmp_path / "results").rglob("*.safetensors")
    file.write_bytes(damage(file.read_bytes()))
    assert main(["sweep", *ASKED, "seed=range(0,2)"]) == 0
    store = Store(tmp_path / "results", create=False)
    assert {run_id(compose([*ASKED, f"seed={s}"])) for s in (0, 1)} <= store.run_ids(status=("ok",))


def test_a_measure_that_an_experiment_overrules_is_refused():
    def refused(*words: str) -> str:
        loader = make_loader()
        try:
            check_measure(loader, parse(words, loader))
        except AbsorbError as error:
            return str(error)
        return ""

    said = refused("experiment=barriers", "measure=attacks")
    assert "measure=attacks: experiment=barriers says itself what measure.treatments is" in said
    assert "measure.attack_kinds" in refused("experiment=finetunability", "measure=every_attack")
    by_name = "measure.treatments=[whole,raw,elicited]"
    assert not refused("experiment=barriers", "measure=attacks", by_name)
    assert not refused("experiment=dose_response", "measure=quick,attacks")
    assert main(["plan", "experiment=dose_response,barriers", "measure=attacks"]) == 2
