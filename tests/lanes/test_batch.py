"""The engine's contract: a lane's result is a function of its own config, and of nothing else."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lane_memory import Memory

from absorb.config import spec_of
from absorb.errors import AbsorbError, OutOfMemory
from absorb.footprint import segment_epochs
from absorb.knobs import knobs_of, stack
from absorb.lanes import batch
from absorb.lanes.batch import _row, train_batch
from absorb.lanes.programs import all_finite, programs
from absorb.measure.network import measure_network
from absorb.train.one import start, train_epochs
from absorb.worlds import load_world
from sweeps.app import compose

pytestmark = pytest.mark.contract

SMALL = ["model.widths=[8,8]", "routing.units=3", "train.epochs=4", "measure=quick"]


def small(*overrides: str):
    return compose([*SMALL, *overrides])


def config_list(count: int):
    base = small("routing=parameter")
    return [
        replace(base, seed=i, routing=replace(base.routing, label_fraction=0.1 * (i % 10)))
        for i in range(count)
    ]


def test_position_and_neighbours_change_no_bit():
    configs = config_list(9)
    forward = train_batch(configs, lanes=2).rows
    backward = train_batch(configs[::-1], lanes=2).rows[::-1]
    alone = [train_batch([config], lanes=2).rows[0] for config in configs[:3]]
    assert forward == backward
    assert forward[:3] == alone
    assert len({row["raw.forget"] for row in forward}) == 9


def test_a_solo_run_equals_its_lane():
    config = config_list(3)[2]
    spec, data = spec_of(config), load_world(config.world)
    knobs = knobs_of(config, 10)
    solo = jax.jit(lambda k: train_epochs(spec, k, data.train, start(spec, k), 0, 4))(knobs)
    made = programs(spec, 2)
    lanes = stack([knobs_of(c, 10) for c in config_list(made.width)])
    state = made.train(lanes, data, made.start(lanes), 0, 4)
    for a, b in zip(jax.tree.leaves(solo.params), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_allclose(a, b[2 % made.width], rtol=2e-4, atol=2e-6)


@pytest.mark.slow
def test_widths_agree_within_rounding():
    rows = [train_batch(config_list(4), lanes=lanes).rows[3]["whole.forget"] for lanes in (2, 4)]
    assert rows[0] == pytest.approx(rows[1], rel=1e-3)


def test_a_diverging_lane_is_flagged_with_its_step_and_touches_no_other():
    configs = [replace(small(), seed=seed) for seed in range(4)]
    ascent = replace(configs[1].routing.weights, unlabelled=(-10.0, -10.0))
    routing = replace(configs[1].routing, weights=ascent, allow_negative=True)
    wild = replace(configs[1], routing=routing)
    wild = replace(wild, train=replace(wild.train, learning_rate=10.0))
    sgd = [replace(c, train=replace(c.train, optimizer="sgd")) for c in (*configs, wild)]
    calm, mixed = train_batch(sgd[:4], lanes=2).rows, train_batch(sgd[4:] + sgd[:4], lanes=2).rows
    assert mixed[1:] == calm
    assert mixed[0]["status"] == "diverged" and 0 <= mixed[0]["diverged_step"] < 60
    assert all(row["status"] == "ok" and row["diverged_step"] == -1 for row in calm)


def test_a_diverged_run_stays_as_it_is():
    config = small("train=sgd", "train.learning_rate=10", "routing.allow_negative=true",
                   "routing.weights.unlabelled=[-10,-10]")  # fmt: skip
    spec, data, knobs = spec_of(config), load_world(config.world), knobs_of(config, 10)
    train = jax.jit(lambda k, s: train_epochs(spec, k, data.train, s, 0, 1))
    first = train(knobs, start(spec, knobs))
    while first.diverged_step < 0:
        first = train(knobs, first)
    second = train(knobs, first)
    assert second.diverged_step == first.diverged_step
    jax.tree.map(np.testing.assert_array_equal, first.params, second.params)


def test_capacity_is_routing_without_labels_to_the_bit():
    base = small("routing.label_fraction=0")
    capacity = replace(base, routing=replace(base.routing, arm="capacity"))
    rows = train_batch([base, capacity], lanes=2).rows
    assert rows[0] == rows[1]


def test_arms_share_initialisation_and_order_and_differ_where_they_should():
    base = small("routing.label_fraction=0.5")
    arms = ("route", "hard", "filter", "placebo", "capacity", "std")
    configs = [replace(base, routing=replace(base.routing, arm=arm)) for arm in arms]
    spec = spec_of(base)
    assert all(spec_of(config) == spec for config in configs)  # one program for all arms
    inits = [start(spec, knobs_of(config, 10)).params for config in configs]
    for other in inits[1:]:
        jax.tree.map(np.testing.assert_array_equal, inits[0], other)
    rows = dict(zip(arms, train_batch(configs, lanes=2).rows, strict=True))
    for arm in ("filter", "std"):  # no region: never ablated
        assert rows[arm]["raw.forget"] == pytest.approx(rows[arm]["whole.forget"], rel=1e-6)
    assert len({row["whole.forget"] for row in rows.values()}) == 6


def test_update_masks_hold_blocked_weights_still_under_momentum_and_decay():
    config = small("routing=update", "train.optimizer=adamw", "train.weight_decay=0.1",
                   "routing.weights.unlabelled=[1,0]", "routing.weights.forget=[1,0]")  # fmt: skip
    spec, data, knobs = spec_of(config), load_world(config.world), knobs_of(config, 10)
    begin = start(spec, knobs)
    end = jax.jit(lambda k, s: train_epochs(spec, k, data.train, s, 0, 2))(knobs, begin)
    before, after = (s.params["chain"]["hidden0"]["kernel"] for s in (begin, end))
    np.testing.assert_array_equal(before[:, 3:], after[:, 3:])
    assert jnp.abs(before[:, :3] - after[:, :3]).max() > 0


def test_parameters_that_end_not_finite_are_a_divergence():
    measured = {"diverged_step": np.array([-1]), "final.loss": np.array([0.1])}
    for finite, status in ((True, "ok"), (False, "diverged")):
        row = _row(measured | {"finite_parameters": np.array([finite])}, 0)
        assert row["status"] == status and "finite_parameters" not in row
    params = {"a": jnp.ones(3), "b": jnp.array([1.0, jnp.nan])}
    assert not all_finite(params) and all_finite({"a": jnp.ones(3)})


@pytest.mark.slow
def test_without_an_epoch_the_random_start_is_measured():
    config = small("train.epochs=0", "seed=3")
    row = train_batch([config], lanes=2).rows[0]
    spec, knobs = spec_of(config), knobs_of(config, 10)
    measured = jax.jit(measure_network, static_argnums=0)
    wanted = measured(spec, knobs, load_world(config.world), start(spec, knobs).params)
    for name in ("whole.retain", "raw.forget"):
        assert row[name] == pytest.approx(float(wanted[name]), rel=1e-5)
    assert row["status"] == "ok" and "final.loss" not in row


@pytest.mark.parametrize("epochs", [1, 7, 10, 12, 97, 100, 200])
def test_segments_are_equal_and_ten_or_more(epochs):
    segment = segment_epochs(epochs)
    assert epochs % segment == 0 and epochs // segment >= min(10, epochs)


def test_one_lane_is_refused():
    with pytest.raises(AbsorbError, match="lanes=1: must be at least 2"):
        train_batch([small()], lanes=1)


@pytest.mark.parametrize("lanes", [3, None])
def test_memory_that_runs_out_is_told_with_the_lanes_that_were_tried(lanes, monkeypatch):
    def full(*_):
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(batch._Batch, "run", full)
    monkeypatch.setattr(batch, "choose_lanes", lambda *_: 5)
    tried = lanes or 5
    with pytest.raises(OutOfMemory, match=f"{tried} lanes on each device: RES") as caught:
        train_batch([small()], lanes=lanes)
    assert caught.value.lanes == tried


def test_configs_of_two_specs_are_refused():
    with pytest.raises(AbsorbError, match="more than one Spec"):
        train_batch([small(), small("train.epochs=5")], lanes=2)


def stop_at(count: int):
    """Progress that is told, and a stop at the report of that number."""
    told = []

    def stop(progress):
        told.append(progress)
        if len(told) == count:
            raise KeyboardInterrupt

    return told, stop


@pytest.mark.parametrize("stop_after", [1, 3, 5, 8, 10])
def test_a_batch_that_is_stopped_goes_on_to_the_same_bits(stop_after):
    configs, memory = config_list(6), Memory()
    wanted = train_batch(configs, lanes=2).rows
    calls, stop = stop_at(stop_after)
    with pytest.raises(KeyboardInterrupt):
        train_batch(configs, lanes=2, on_progress=stop, checkpoint=memory)
    assert memory.kept is not None
    seen = []
    rows = train_batch(configs, lanes=2, on_progress=seen.append, checkpoint=memory).rows
    assert rows == wanted and memory.kept is None
    assert seen[0] == calls[-1]._replace(phase="resumed")
    assert len(calls) + len(seen[1:]) == 10  # no segment is trained twice, no wave measured twice


def test_progress_counts_the_runs_and_not_the_lanes_that_fill_a_wave():
    seen = []
    train_batch(config_list(5), lanes=2, devices=1, on_progress=seen.append)
    steps = seen[0].lane_steps_total // 5
    trained = [(wave, quarter) for wave in range(3) for quarter in range(1, 5)]
    wanted = [steps * (2 * wave + min(2, 5 - 2 * wave) * quarter / 4) for wave, quarter in trained]
    assert [p.lane_steps_done for p in seen if p.phase == "train"] == wanted
    assert [p.lane_steps_done for p in seen if p.phase == "measure"] == wanted[3::4]


@pytest.mark.parametrize("waves_done", [1, 2, 3])
def test_without_an_epoch_a_batch_stops_and_goes_on_between_waves(waves_done, monkeypatch):
    configs, memory = [small("train.epochs=0", f"seed={seed}") for seed in range(5)], Memory()
    how = {"lanes": 2, "devices": 1, "checkpoint": memory}
    wanted = train_batch(configs, lanes=2, devices=1).rows
    told, stop = stop_at(waves_done)
    with pytest.raises(KeyboardInterrupt):
        train_batch(configs, on_progress=stop, **how)
    assert [p.lane_steps_done / p.lane_steps_total for p in told] == [0.4, 0.8, 1.0][:waves_done]
    measured, one = [], batch._Batch._measure
    monkeypatch.setattr(
        batch._Batch, "_measure", lambda self, *args: (measured.append(args[0]), one(self, *args))
    )
    assert train_batch(configs, **how).rows == wanted and memory.kept is None
    assert measured == list(range(waves_done, 3))


@pytest.mark.slow
def test_a_checkpoint_of_another_width_is_not_mixed_in():
    configs, memory = config_list(6), Memory()
    wanted = train_batch(configs, lanes=4).rows

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_batch(configs, lanes=2, on_progress=stop, checkpoint=memory)
    assert train_batch(configs, lanes=4, checkpoint=memory).rows == wanted


EIGHT_DEVICES = """
import json
import jax
from sweeps.app import compose
from absorb.config import spec_of
from absorb.knobs import knobs_of, stack
from absorb.footprint import segment_epochs
from absorb.lanes.batch import _row, train_batch
from absorb.lanes.programs import all_finite, programs
from absorb.worlds import load_world
config = compose({small!r})
made, data = programs(spec_of(config), 2), load_world(config.world)
assert made.mesh.size == 8 and made.width == 16
knobs = stack([knobs_of(config, 10)] * made.width)
state = jax.eval_shape(made.start, knobs)
for text in (made.train.lower(knobs, data, state, 0, 2).compile().as_text(),
             made.measure.lower(knobs, data, state).compile().as_text()):
    assert len(text) > 1000
    for name in ("all-reduce", "all-gather", "all-to-all", "collective-permute", "reduce-scatter"):
        assert name not in text, name
print(json.dumps(train_batch([config] * 3, lanes=2).rows[2]))
"""


@pytest.mark.slow
def test_eight_devices_hold_no_collectives_and_give_the_same_bits():
    flags = "--xla_force_host_platform_device_count=8"
    env = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", EIGHT_DEVICES.format(small=SMALL)], env=env,
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    here = train_batch([small()] * 3, lanes=2).rows[2]
    there = json.loads(done.stdout.strip().splitlines()[-1])
    assert here == there


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["routing.cross=false"],
        ["train.ablate_every=2"],
        ["gate=learned"],
        ["model=autoencoder", "model.certificates=true", "model.widths=[8]", "model.latent=4",
         "routing.sites=[latent]"],
    ],
)  # fmt: skip
def test_no_routing_is_capacity_whatever_else_needs_the_region(words):
    config = small(*words, "routing.arm=capacity", "routing.units=2")
    none = replace(config, routing=replace(config.routing, mechanism="none"))
    rows = [train_batch([c, c], lanes=2).rows[0] for c in (config, none)]
    for name in ("whole.forget", "raw.forget", "whole.retain"):
        assert rows[1][name] == pytest.approx(rows[0][name], rel=1e-3)
