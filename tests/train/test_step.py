"""One step of update routing: blocked weights stay, at once and through the optimizer's moments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.models import psi_tree, regions
from absorb.train.one import start
from absorb.train.step import Batch, one_decision, train_step
from absorb.worlds.labels import FORGET, UNLABELLED
from sweeps.app import compose

pytestmark = pytest.mark.contract

MLP = ["model=mlp", "model.widths=[7,6]", "routing.units=3"]
AUTOENCODER = ["model=autoencoder", "model.widths=[6]", "model.latent=5", "routing.units=2"]
MODELS = {
    "mlp": MLP,
    "added": [*MLP, "routing.placement=added"],
    "parallel": [*MLP, "routing.placement=parallel"],
    "gated": [*MLP, "gate=learned"],
    "gated_parallel": [*MLP, "gate=learned", "routing.placement=parallel"],
    "decoders": [
        *AUTOENCODER,
        "model.separate_decoders=true",
        "model.certificates=true",
        "measure=quick",
    ],
}


def problem(*overrides: str):
    config = compose(["train.optimizer=adamw", "train.weight_decay=0.1",
                      "routing.mechanism=update", *overrides,
                      "routing.granularity=batch"])  # fmt: skip
    spec, knobs = spec_of(config), knobs_of(config, 10)
    masks = regions(spec, knobs)
    return spec, knobs, masks, jax.jit(lambda state, b: train_step(spec, knobs, masks, state, b))


def batch(observed: int) -> Batch:
    rng = np.random.default_rng(observed)
    x_BF = jnp.asarray(rng.uniform(0, 1, (8, 64)), jnp.float32)
    return Batch(x_BF, jnp.asarray(rng.integers(0, 10, 8)), jnp.full(8, observed), jnp.ones(8))


@pytest.mark.parametrize("arm", ["filter", "std"])
def test_a_hard_gate_leaves_arms_without_a_region_as_they_are(arm):
    hard, plain = (knobs_of(compose([f"routing.arm={arm}", f"gate={gate}"]), 10)
                   for gate in ("hard", "none"))  # fmt: skip
    np.testing.assert_array_equal(hard.gate_O, plain.gate_O)
    routed = knobs_of(compose(["gate=hard"]), 10)
    np.testing.assert_array_equal(routed.gate_O, [1, 0, 0])


# The two plain placements at once; the models built on them, each compiled anew, are slow.
FAST_FIRST = [
    pytest.param(name, marks=() if name in ("mlp", "parallel") else pytest.mark.slow)
    for name in MODELS
]


@pytest.mark.parametrize("weights", ["[1,0]", "[0,1]"])
@pytest.mark.parametrize("name", FAST_FIRST)
def test_exactly_the_blocked_weights_of_every_kind_of_layer_stay(name, weights):
    spec, knobs, masks, step = problem(*MODELS[name], f"routing.weights.forget={weights}")
    begin = start(spec, knobs)
    # weights that start at zero, such as a learned gate's, have to move where they may
    params = jax.tree.map(lambda p: p + 0.1, begin.params)
    end = step(step(begin._replace(params=params), batch(FORGET)), batch(FORGET))
    psi = psi_tree(spec, params, knobs.weights_O2[FORGET], masks)
    blocked = [np.asarray(p) == 0 for p in jax.tree.leaves(psi)]
    moved = [np.asarray(a != b) for a, b in
             zip(jax.tree.leaves(params), jax.tree.leaves(end.params), strict=True)]  # fmt: skip
    assert any(b.any() for b in blocked)
    free = {name for name in params if name.startswith("certificate")}
    assert all((p == 1).all() for name in free for p in jax.tree.leaves(psi[name]))
    for b, m in zip(blocked, moved, strict=True):
        assert not m[b].any()
        assert m[~b].all()


def test_what_a_weight_was_blocked_from_does_not_reach_it_through_momentum():
    spec, knobs, _, step = problem(*MLP, "train.optimizer=adam", "routing.keep=[1,0,1]")
    begin = start(spec, knobs)
    routed = step(begin, batch(FORGET))
    silent = step(routed, batch(UNLABELLED))  # weighs nothing: only momentum is left to move
    before, after = (s.params["chain"]["hidden0"]["kernel"] for s in (begin, silent))
    np.testing.assert_array_equal(before[:, 3:], after[:, 3:])
    assert jnp.abs(before[:, :3] - after[:, :3]).max() > 0


def test_a_mixed_batch_takes_the_forget_decision_and_drops_the_rest():
    observed_B = jnp.array([UNLABELLED, FORGET, UNLABELLED, FORGET, *[UNLABELLED] * 4])
    decided = one_decision(batch(FORGET)._replace(observed_B=observed_B))
    np.testing.assert_array_equal(decided.observed_B, [FORGET] * 8)
    np.testing.assert_array_equal(decided.present_B, observed_B == FORGET)


def test_labelled_data_of_a_mixed_batch_do_not_reach_the_rest():
    spec, knobs, masks, _ = problem(*MLP, "routing.mechanism=activation", "train.optimizer=sgd",
                                    "train.weight_decay=0")  # fmt: skip
    observed_B = jnp.where(jnp.arange(8) < 3, FORGET, UNLABELLED)
    mixed = batch(FORGET)._replace(observed_B=observed_B)
    begin = start(spec, knobs)
    end = jax.jit(lambda s, b: train_step(spec, knobs, masks, s, b))(begin, mixed)
    before, after = (s.params["chain"]["hidden0"]["kernel"] for s in (begin, end))
    np.testing.assert_array_equal(before[:, 3:], after[:, 3:])
    assert jnp.abs(before[:, :3] - after[:, :3]).max() > 0
