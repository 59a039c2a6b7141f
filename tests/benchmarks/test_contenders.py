"""The contenders do the same work: otherwise their times could not be compared."""

import jax
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.footprint import FEWEST_LANES
from absorb.knobs import knobs_of, stack
from absorb.lanes.programs import on_all, on_lanes, programs
from absorb.lanes.width import rule
from absorb.models import regions
from absorb.train.one import start
from absorb.train.step import Batch, train_step
from absorb.worlds import load_world
from benchmarks.engine import at_width
from benchmarks.problem import problem_of
from sweeps.app import compose

SMALL = ["model=autoencoder", "model.widths=[12]", "model.latent=8", "routing.units=4"]


def problem_and_config(*words):
    config = compose([*SMALL, *words])
    return problem_of(config, load_world(config.world)), config


def test_a_step_costs_six_operations_per_weight_and_picture():
    problem, _ = problem_and_config()
    assert problem.widths == (64, 12, 8, 12, 64) and problem.latent == 2
    assert problem.step_flops == 6 * 64 * (64 * 12 + 12 * 8 + 8 * 12 + 12 * 64)


def test_half_of_the_concept_is_kept_from_the_rest():
    problem, config = problem_and_config()
    forget_N = np.isin(load_world(config.world).train.class_N, config.routing.concept)
    routed_N = problem.weight_NU[:, -1] == 0
    assert np.all(problem.weight_NU[:, :4] == 1) and not np.any(routed_N & ~forget_N)
    assert abs(routed_N.sum() / forget_N.sum() - 0.5) < 0.01


def trained(config):
    spec, data = spec_of(config), load_world(config.world)
    made = programs(spec, 2, None)
    wave = on_lanes(made.mesh, stack([knobs_of(config, 10)] * made.width))
    state = made.start(wave)
    return jax.tree.leaves(made.train(wave, on_all(made.mesh, data), state, 0, 1).params)


@pytest.mark.slow
def test_without_routing_the_engine_trains_what_it_trains_with_weights_of_one():
    _, ones = problem_and_config("routing.arm=capacity", "routing.mechanism=parameter")
    _, plain = problem_and_config("routing=none")
    for ours, free in zip(trained(ones), trained(plain), strict=True):
        np.testing.assert_allclose(ours, free, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("runs", [2, 3, 10, 1000])
def test_runs_that_do_not_fill_a_wave_all_train_at_once(runs):
    _, config = problem_and_config()
    spec = spec_of(config)
    full, made = rule(spec) * jax.local_device_count(), at_width(spec, runs)
    assert made.width == min(runs, full) and made.width // made.mesh.size >= FEWEST_LANES


def ensemble(problem, params, members, routed):
    """PyTorch's hand-batched networks, each with the engine's parameters."""
    torch = pytest.importorskip("torch")
    from benchmarks.torch_ensemble import Ensemble

    made = Ensemble(problem, members, routed=routed)
    layers = [*params["encoder"].values(), *params["decoder"].values()]
    with torch.no_grad():
        for i, layer in enumerate(layers):
            made.weights[i][:] = torch.from_numpy(np.array(layer["kernel"]))
            made.biases[i][:] = torch.from_numpy(np.array(layer["bias"]))
    return made, torch


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["route", "capacity"])
def test_a_step_of_pytorch_by_hand_is_a_step_of_the_engine(arm):
    problem, config = problem_and_config(f"routing.arm={arm}")
    spec, knobs = spec_of(config), knobs_of(config, 10)
    state = start(spec, knobs)
    made, torch = ensemble(problem, state.params, members=3, routed=arm == "route")
    x_BF, w_BU = problem.x_NF[:64], problem.weight_NU[:64]
    observed_B = np.where(w_BU[:, -1] == 0, 0, 1)
    batch = Batch(x_BF, np.zeros(64, np.int32), observed_B, present_B=np.ones(64, np.float32))
    x_EBF, w_EBU = (torch.from_numpy(a).expand(3, -1, -1) for a in (x_BF, w_BU))
    for _ in range(3):
        state = train_step(spec, knobs, regions(spec, knobs), state, batch)
        made.step(x_EBF, w_EBU)
    layers = [*state.params["encoder"].values(), *state.params["decoder"].values()]
    for layer, weight_EIO in zip(layers, made.weights, strict=True):
        for member in weight_EIO.detach().numpy():
            np.testing.assert_allclose(member, layer["kernel"], rtol=1e-3, atol=2e-5)


def test_a_network_alone_learns_and_detaches_where_it_is_told(monkeypatch):
    torch = pytest.importorskip("torch")
    from benchmarks import torch_solo

    problem, _ = problem_and_config()
    kept = []
    build = torch_solo.network
    monkeypatch.setattr(torch_solo, "network", lambda p: kept.append(build(p)) or kept[-1])
    blocked = problem._replace(weight_NU=np.zeros_like(problem.weight_NU))
    contender = torch_solo.solo(blocked, 1, routed=True)
    before = [p.detach().clone() for p in kept[0].parameters()]
    contender.run()
    moved = [not torch.equal(a, b) for a, b in zip(before, kept[0].parameters(), strict=True)]
    assert moved == [False] * 4 + [True] * 4 and contender.units == problem.steps_per_epoch
