"""Stored parameters: their names, what stays fresh beside them, and what does not fit."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.lanes.batch import train_batch
from absorb.measure.ablate import WHOLE, View, look
from absorb.models import init
from absorb.train.one import start
from absorb.train.starts import check_start, named
from absorb.worlds import load_world
from sweeps.app import compose

SMALL = ["model.widths=[8,8]", "routing.units=3", "measure=quick", "train.epochs=2"]
STORIES = ["model=transformer", "world=stories", "world.train_count=32", "world.test_count=16",
           "world.validation_count=16", "model.width=8", "model.mlp=12", "model.heads=2",
           "routing.units=2"]  # fmt: skip


def stored_of(*overrides: str, seed: int = 5):
    """Parameters as a run would have stored them."""
    spec = spec_of(compose(list(overrides)))
    return {k: np.asarray(v) for k, v in named(init(spec, jax.random.key(seed))).items()}


def test_names_are_paths():
    names = set(stored_of(*SMALL))
    assert names == {f"chain/{layer}/{leaf}" for layer in ("hidden0", "hidden1", "out")
                     for leaf in ("kernel", "bias")}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "base, more",
    [
        (SMALL, ["routing.placement=added", "gate=learned"]),
        (STORIES, ["routing.placement=added", "routing.units=5"]),
        (STORIES, ["model.adapters=[query,down]", "routing.placement=slice", "model.rank=2",
                   "routing.sites=[query_adapter0,down_adapter1]", "routing.units=2"]),
        (STORIES, ["model.experts=2", "model.expert_width=3", "routing.placement=slice",
                   "routing.sites=[experts0,experts1]", "routing.units=2"]),
    ],
)  # fmt: skip
def test_what_routing_adds_changes_nothing_while_its_gate_is_shut(base, more):
    plain, config = compose([*base, "routing.placement=slice"]), compose([*base, *more])
    spec, data = spec_of(config), load_world(config.world)
    stored = stored_of(*base, "routing.placement=slice")
    check_start(spec, stored)
    knobs = knobs_of(config, 10)
    state = start(spec, knobs, stored)
    x = data.test.x_NF[:4]
    begun = look(spec, knobs, state.params, x, View(gate=0.0)).prediction_BO
    plain_knobs = knobs_of(plain, 10)
    of_plain = start(spec_of(plain), plain_knobs, stored).params
    base_only = look(spec_of(plain), plain_knobs, of_plain, x, WHOLE).prediction_BO
    np.testing.assert_allclose(begun, base_only, rtol=1e-5, atol=1e-5)
    fresh = named(start(spec, knobs).params)
    now = named(state.params)
    assert set(now) >= set(stored)
    for name in set(now) - set(stored):
        np.testing.assert_array_equal(now[name], fresh[name])


@pytest.mark.parametrize(
    "other, words",
    [
        (["model.widths=[9,8]"], ["chain/hidden0/bias", "(9,)", "(8,)"]),
        (["model.widths=[8]", "routing.sites=[hidden0]"], ["lacks chain/hidden1"]),
        (["model.widths=[8,8,8]"], ["holds chain/hidden2"]),
        (["model=autoencoder", "routing.sites=[latent]"], ["holds decoder/"]),
    ],
)
def test_what_does_not_fit_is_named(other, words):
    config = compose(SMALL)
    spec = replace(spec_of(config), train=replace(spec_of(config).train, start="abc"))
    with pytest.raises(AbsorbError) as error:
        check_start(spec, stored_of(*SMALL[1:2], *other))
    assert all(word in str(error.value) for word in ["train.start='abc'", *words])


@pytest.mark.slow
@pytest.mark.parametrize(
    "own, other, words",
    [
        ("model.width=16", "model.width=8", ["(14, 8)", "(12, 16) or (14, 16)"]),
        ("world.length=64", "world.length=48", ["(48,", "(64,"]),
        ("routing.units=5", "routing.units=3", ["(15, 8)", "(12, 8) or (17, 8)"]),
    ],
)
def test_smaller_parameters_of_another_network_are_no_start(own, other, words):
    added = [*STORIES, "model.heads=2", "routing.placement=added"]
    spec = spec_of(compose([*added, own]))
    with pytest.raises(AbsorbError, match=r"train\.start=.* has shape ") as error:
        check_start(spec, stored_of(*added, other))
    assert all(word in str(error.value) for word in words)
    check_start(spec, stored_of(*added, own))


@pytest.mark.slow
def test_a_batch_keeps_its_parameters_apart_from_its_rows_and_starts_from_stored_ones():
    config = compose([*SMALL, "measure.parameters=true"])
    configs = [replace(config, seed=seed) for seed in range(3)]
    made = train_batch(configs, lanes=2)
    assert not any("/" in name for row in made.rows for name in row)
    assert made.arrays[1]["chain/hidden0/kernel"].shape == (64, 8)
    asked = replace(config, train=replace(config.train, start="0" * 64, learning_rate=1e-8))
    again = train_batch([replace(asked, seed=7)], lanes=2, stored=made.arrays[1])
    for name, kept in made.arrays[1].items():
        np.testing.assert_allclose(again.arrays[0][name], kept, atol=1e-5)
    assert again.rows[0]["whole.retain"] == pytest.approx(made.rows[1]["whole.retain"], abs=1e-4)
    assert train_batch([compose(SMALL)], lanes=2).arrays == [{}]
    with pytest.raises(AbsorbError, match=r"train\.start"):
        train_batch([asked], lanes=2)
