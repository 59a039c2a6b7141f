"""Same run, same id; another run, another id; what cannot matter is not asked."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absorb.config import Config
from absorb.errors import AbsorbError
from absorb.identity import canonical, canonical_json, flat, run_id, unflat
from absorb.load import load
from absorb.world_config import TOLD_AT_ONCE
from sweeps.app import compose


@pytest.fixture(scope="module")
def config() -> Config:
    return compose()


def routed(config: Config, **changes) -> Config:
    return replace(config, routing=replace(config.routing, **changes))


def test_id_is_the_hash_of_the_canonical_config_and_the_versions(config):
    plain = json.loads(canonical_json(config))
    text = json.dumps(
        {"config": plain, "config_version": 3, "science_version": 1},
        sort_keys=True,
        separators=(",", ":"),
    )
    assert run_id(config) == hashlib.sha256(text.encode()).hexdigest()


def test_a_rerun_is_another_run_and_a_first_one_says_nothing_of_it(config):
    assert "rerun" not in canonical_json(config)
    assert run_id(compose(["seeds.rerun=1"])) != run_id(config)
    assert compose(["seeds.rerun=1"]).seeds.rerun == 1


def test_rows_from_before_there_were_reruns_are_still_configs(config):
    row = {name: value for name, value in flat(config).items() if name != "seeds.rerun"}
    assert load(unflat(row)) == config


def test_a_text_that_looks_like_a_list_is_text():
    words = ["world=text", "model=transformer", "world.sha256=a", "world.path='[v2] c.txt'"]
    config = compose([*words, "world.column='[1]'"])
    assert load(unflat(flat(config))) == config


def test_a_setting_may_be_a_list_in_one_kind_and_text_in_another():
    for words in (["world=pair"], ["world=story_pair", "model=transformer"]):
        config = compose(words)
        assert load(unflat(flat(config))) == config


@pytest.mark.parametrize("damaged", ["[1,", "1", "x", 3])
def test_a_list_that_is_none_is_refused_by_name(config, damaged):
    with pytest.raises(AbsorbError, match=r"^routing\.concept="):
        load(unflat(flat(config) | {"routing.concept": damaged}))


def test_a_row_of_an_unknown_kind_is_refused(config):
    for kind in ("unheard", [1.0], 3):
        with pytest.raises(AbsorbError, match=r"^world\.kind="):
            load(unflat(flat(config) | {"world.kind": kind}))


def test_json_is_sorted_and_whole(config):
    plain = json.loads(canonical_json(config))
    assert canonical_json(config) == json.dumps(plain, sort_keys=True, separators=(",", ":"))
    assert set(plain) == {f for f in Config.__dataclass_fields__}


@pytest.mark.parametrize(
    "a, b",
    [
        ("routing.label_fraction=1", "routing.label_fraction=1.0"),
        ("train.weight_decay=-0.0", "train.weight_decay=0"),
        ("seed=3.0", "seed=3"),
        ("train.learning_rate=1e-3", "train.learning_rate=0.001"),
        ("routing.weights={retain: [1,1], forget: [1,0]}", "routing.weights={forget: [1.0,0]}"),
    ],
)
def test_the_same_value_written_otherwise_is_the_same_run(a, b):
    assert run_id(compose([a])) == run_id(compose([b]))


def test_every_setting_counts(config):
    counted = set()
    for name, value in flat(config).items():
        passed = name.endswith(".kind") or name.startswith(("measure", "rival"))  # none: no rival
        if passed or value in (None, "[]"):
            continue
        other = unflat(flat(config) | {name: _other(value)})
        try:
            changed = load(other)
        except ValueError:
            continue  # the change alone is not allowed
        assert run_id(changed) != run_id(config), name
        counted.add(name)
    assert len(counted) > 25


def _other(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        shorter = value.replace("9", "7").replace("1.0", "0.5").replace('"hidden0",', "")
        return shorter if value.startswith("[") else "std"
    return value * 0.5 if isinstance(value, float) and value else value + 1


@pytest.mark.parametrize("name", ["init", "order", "labels"])
def test_a_null_seed_is_the_runs_own(config, name):
    seeded = replace(config, seed=7)
    said = replace(seeded, seeds=replace(seeded.seeds, **{name: 7}))
    other = replace(seeded, seeds=replace(seeded.seeds, **{name: 8}))
    assert run_id(said) == run_id(seeded) != run_id(other)
    assert getattr(canonical(seeded).seeds, name) == 7


@pytest.mark.parametrize(
    "name", ["label_fraction", "retain_fraction", "false_positive", "false_negative",
             "covariate_strength"]
)  # fmt: skip
def test_capacity_asks_no_labels_unless_they_gate_or_weigh(config, name):
    capacity = routed(config, arm="capacity")
    ids = {run_id(routed(capacity, **{name: value})) for value in (0.0, 0.25, 1.0)}
    assert len(ids) == 1
    assert getattr(canonical(routed(capacity, **{name: 1.0})).routing, name) == 0
    for uses in (
        replace(capacity, gate=replace(config.gate, kind="hard")),
        replace(capacity, train=replace(config.train, loss="group_mean")),
        routed(capacity, keep=(0.0, 1.0, 1.0)),
    ):
        assert run_id(routed(uses, **{name: 0.0})) != run_id(routed(uses, **{name: 1.0}))


@pytest.mark.parametrize("arm", ["std", "placebo"])
def test_label_noise_is_not_asked_of_arms_that_draw_their_own_labels(config, arm):
    std = routed(config, arm=arm)
    assert run_id(routed(std, false_positive=0.5)) == run_id(std)
    assert run_id(routed(std, label_fraction=0.25)) != run_id(std)


@pytest.mark.parametrize("arm", ["route", "hard", "filter"])
def test_labels_matter_to_the_other_arms(config, arm):
    one = routed(config, arm=arm)
    assert run_id(routed(one, label_fraction=0.25)) != run_id(routed(one, label_fraction=0.75))
    assert run_id(routed(one, false_positive=0.25)) != run_id(one)


def test_where_verified_pictures_lie_does_not_matter():
    here, there = (compose(["world=mnist", f"world.path={p}"]) for p in ("here", "there"))
    assert run_id(here) == run_id(there)
    any_set = "world.any_checksum=true"
    one, moved, other = (
        compose(["world=mnist", any_set, f"world.path={path}", f"world.sha256='{sha256}'"])
        for path, sha256 in (("here", "5f"), ("there", "5f"), ("here", "60"))
    )
    assert run_id(one) == run_id(moved)
    assert len({run_id(here), run_id(one), run_id(other)}) == 3


def test_how_many_stories_are_told_at_once_names_worlds_of_more_than_that():
    def said(count: int) -> bool:
        words = ["world=stories", "model=transformer", f"world.train_count={count}"]
        return "told_at_once" in canonical_json(compose(words))

    assert not said(TOLD_AT_ONCE) and said(TOLD_AT_ONCE + 1)


@given(
    fraction=st.floats(0, 1),
    rate=st.floats(1e-8, 10),
    seed=st.integers(0, 2**31 - 1),
    init=st.none() | st.integers(0, 2**31 - 1),
    classes=st.lists(st.integers(0, 9), min_size=1, max_size=9, unique=True),
)
def test_a_row_gives_its_config_back(fraction, rate, seed, init, classes):
    config = routed(_AUTOENCODER, label_fraction=fraction + 0.0, concept=tuple(classes))
    config = replace(
        config,
        seed=seed,
        seeds=replace(config.seeds, init=init),
        train=replace(config.train, learning_rate=rate),
    )
    row = {"run_id": "x", "status": "ok", "raw.forget": 1.0, **flat(config)}
    assert load(unflat(row)) == config
    assert run_id(load(unflat(row))) == run_id(config)
    assert all(isinstance(value, (str, int, float, bool, type(None))) for value in row.values())


_AUTOENCODER = compose(["model=autoencoder"])
