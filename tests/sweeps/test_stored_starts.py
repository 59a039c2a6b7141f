"""Fine-tuning from a stored run, from the command line: found by its id, refused before work."""

from dataclasses import replace

import numpy as np
import pytest

from absorb.cli import main
from absorb.errors import AbsorbError
from absorb.identity import flat, run_id
from absorb.store import Store
from sweeps.app import compose
from sweeps.starts import check_network

SMALL = ["model.widths=[8,8]", "routing.units=3", "measure=quick", "train.epochs=2"]
KEPT = [*SMALL, "measure.parameters=true"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_fine_tuning_that_hardly_moves_repeats_the_stored_run(here):
    assert main(["train", *KEPT]) == 0
    first = run_id(compose(KEPT))
    tuned = [*SMALL, f"train.start='{first}'", "train.learning_rate=1e-8"]
    assert main(["train", *tuned]) == 0
    store = Store(here / "results", create=False)
    rows = [store.row(run_id(compose(words))) for words in (KEPT, tuned)]
    for name in ("whole.forget", "whole.retain", "raw.forget"):
        assert rows[1][name] == pytest.approx(rows[0][name], abs=1e-4)
    assert store.arrays(first)["chain/out/kernel"].shape == (8, 10)
    assert store.arrays(first)["chain/out/kernel"].dtype == np.float32


TOLD = [
    "world=stories", "world.train_count=512", "world.test_count=128", "world.length=48",
    "model=transformer", "model.width=16", "model.heads=2", "model.mlp=32",
    "routing=parameter", "routing.placement=slice", "routing.units=4", "routing.label_fraction=1",
    "train.batch=32", "train.learning_rate=3e-3",
    "measure=quick", "measure.treatments=[whole,raw]", "measure.parameters=true",
]  # fmt: skip
INTO_ADAPTERS = [
    "routing.whole_rest=true", "model.adapters=[up,down]", "model.rank=4",
    "routing.sites=[up_adapter0,down_adapter0,up_adapter1,down_adapter1]",
    "routing.keep=[1,0,0]",  # labelled stories alone
]  # fmt: skip


@pytest.mark.slow
def test_new_learning_goes_into_adapters_without_which_the_network_is_the_one_it_started_from(here):
    """Filtered pretraining, then labelled stories alone, routed: no bit of the rest moves."""
    before = [*TOLD, "routing.arm=filter", "train.epochs=12"]
    assert main(["train", *before]) == 0
    first = run_id(compose(before))
    after = [*TOLD, *INTO_ADAPTERS, f"train.start='{first}'", "train.epochs=40"]
    assert main(["train", *after]) == 0
    store = Store(here / "results", create=False)
    start, tuned = store.row(first), store.row(run_id(compose(after)))
    assert tuned["raw.forget"] == start["whole.forget"]
    assert tuned["raw.retain"] == start["whole.retain"]
    assert tuned["whole.forget"] < start["whole.forget"] - 1
    kept, now = store.arrays(first), store.arrays(run_id(compose(after)))
    assert {name for name in now if name not in kept} == {
        f"layer{i}/{matrix}_{half}{i}/kernel"
        for i in (0, 1) for matrix in ("up", "down") for half in "ab"
    }  # fmt: skip
    assert all(np.array_equal(now[name], kept[name]) for name in kept)


def test_another_start_is_another_run():
    config = compose(SMALL)
    ids = {run_id(replace(config, train=replace(config.train, start=s))) for s in ("", "a", "b")}
    assert len(ids) == 3


@pytest.mark.slow
def test_a_start_that_cannot_serve_is_refused_before_any_work(here, capsys):
    def refused(*words: str) -> str:
        assert main(["sweep", *words]) == 2
        return capsys.readouterr().err

    start = f"train.start='{run_id(compose(SMALL))}'"
    assert "does not exist yet" in refused(*SMALL, start)
    assert main(["train", *SMALL]) == 0
    capsys.readouterr()
    assert "measure.parameters=true (no arrays were kept" in refused(*SMALL, start)
    unknown = refused(*SMALL, f"train.start={'c' * 64}")
    assert "train.start='cccc" in unknown and "no run in" in unknown
    assert main(["train", *KEPT]) == 0
    capsys.readouterr()
    start = f"train.start='{run_id(compose(KEPT))}'"
    narrow = refused(*SMALL, start, "model.widths=[8,7]")
    assert "that run has model.widths=[8,8], this one [8,7]; they must be equal" in narrow
    assert len(Store(here / "results", create=False).run_ids()) == 2


STORIES = ["world=stories", "model=transformer"]
SAME = [
    ["model.adapters=[query]", "model.rank=3"],
    ["model.experts=2", "model.expert_width=5"],
    ["model.precision=bfloat16", "model.remat=true"],
    ["world.overlap=0.3", "world.train_count=99", "train.epochs=3", "routing.placement=slice"],
]
OTHER = {
    "model.heads": ["model.heads=2"],
    "model.layers": ["model.layers=1", "routing.sites=[mlp0]"],
    "model.mlp": ["model.mlp=24"],
}


@pytest.mark.parametrize("more", SAME)
def test_a_start_may_differ_in_data_training_and_what_is_added(more):
    check_network(compose([*STORIES, *more]), flat(compose(STORIES)))


@pytest.mark.parametrize("name", OTHER)
def test_a_start_of_another_network_is_refused_by_its_setting(name):
    with pytest.raises(AbsorbError, match=rf"train\.start=.* that run has {name}="):
        check_network(compose([*STORIES, *OTHER[name]]), flat(compose(STORIES)))


def test_experts_of_a_start_are_its_own():
    four, two = ["model.experts=4", "model.expert_width=8"], ["model.experts=8"]
    row = flat(compose([*STORIES, *four]))
    with pytest.raises(AbsorbError, match=r"that run has model\.experts=4, this one 8"):
        check_network(compose([*STORIES, *two, "model.expert_width=4"]), row)
    with pytest.raises(AbsorbError, match=r"that run has model\.experts=4, this one 0"):
        check_network(compose(STORIES), row)


def test_a_start_of_other_tokens_is_refused(here):
    (here / "text.txt").write_text("one king\n")
    (here / "other.txt").write_text("two kings\n")
    text = compose(["world=text", "model=transformer"])
    for more, name in {
        ("world.path=other.txt",): "world.sha256",
        ("world.tokenizer=pairs", "world.vocabulary=300"): "world.tokenizer",
        ("world.vocabulary=300",): "world.vocabulary",
    }.items():
        with pytest.raises(AbsorbError, match=rf"that run has {name}="):
            check_network(compose(["world=text", "model=transformer", *more]), flat(text))
    with pytest.raises(AbsorbError, match=r"has world\.kind=stories, this one text"):
        check_network(text, flat(compose(STORIES)))
    moved = compose(["world=text", "model=transformer", "world.test=0.2", "world.split_seed=3"])
    check_network(moved, flat(text))
    pairs = ["world=text", "model=transformer", "world.tokenizer=pairs", "world.vocabulary=300"]
    with pytest.raises(AbsorbError, match=r"that run has world\.split_seed=3, this one 0"):
        check_network(compose(pairs), flat(compose([*pairs, "world.split_seed=3"])))
