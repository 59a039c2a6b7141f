"""Split losses over tokens: each part's gradient is routed as a whole, and the parts are summed."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.models import apply, init, psi_tree, regions
from absorb.routing.kernels import Routes
from absorb.train.one import stored_batches
from absorb.train.step import batch_routes, loss_and_gradient, parts_of
from absorb.worlds import load_world
from sweeps.app import compose

SMALL = ["world=stories", "model=transformer", "world.train_count=200", "train.batch=8",
         "world.validation_count=64", "world.test_count=64", "model.width=12", "model.heads=3",
         "model.mlp=10", "routing.granularity=component", "routing.label_fraction=1",
         "routing.units=4", "routing.retain_fraction=0.5",
         "routing.weights={forget: [1, 0.2], unlabelled: [0.7, 1], retain: [0.1, 1]}"]  # fmt: skip


def gradient_of(*words: str):
    """(the step's routed gradient, what the textbook is made of)."""
    config = compose([*SMALL, *words])
    spec, knobs = spec_of(config), knobs_of(config, 6)
    train = load_world(config.world).train
    masks, params = regions(spec, knobs), jax.jit(partial(init, spec))(jax.random.key(0))
    wide = lambda leaf: leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf  # noqa: E731
    params = jax.tree.map(wide, params)
    batch = stored_batches(spec, knobs, train)[1](knobs, jnp.arange(8))
    routes = batch_routes(spec, knobs, batch, jnp.int32(0), masks)
    parts = parts_of(spec, knobs, batch, routes)
    of = jax.jit(lambda params: loss_and_gradient(spec, knobs, masks, params, batch, parts))
    loss, gradient = of(params)
    return loss, gradient, (spec, knobs, masks, params, batch)


def loss_of_kind(params, spec, masks, batch, kind: int):
    """Mean over the batch of the error of what is observed as `kind`, degree by degree."""
    ones = jnp.ones(len(batch.observed_B))
    logits = apply(spec, params, batch.x_BF, Routes(None, ones, masks)).prediction_BO
    log_p = jax.nn.log_softmax(logits)
    error = -jnp.take_along_axis(log_p, batch.x_BF[:, 1:].reshape(-1, 1), 1)[:, 0]
    labelled = (batch.observed_B == 0) * batch.degree_B
    share = [labelled, (batch.observed_B < 2) - labelled, batch.observed_B == 2]
    return (jnp.stack(share)[kind] * error).mean()


HEADS = ["routing.sites=[heads1]", "routing.placement=slice", "routing.units=1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [[], ["routing.align=input"], ["routing.degree=frequency"], HEADS]
)
def test_parts_of_a_loss_train_by_their_own_backward_passes(words):
    """sum over kinds of psi_kind o grad L_kind, with plain gradients and without the kernels."""
    with jax.enable_x64(True):
        _, got, (spec, knobs, masks, params, batch) = gradient_of("routing=parameter", *words)
        want = jax.tree.map(jnp.zeros_like, params)
        of = jax.jit(jax.grad(partial(loss_of_kind, spec=spec, masks=masks, batch=batch)))
        for kind in range(3):
            plain = of(params, kind=kind)
            psi = psi_tree(spec, params, jnp.asarray(knobs.weights_O2)[kind], masks)
            want = jax.tree.map(lambda w, g, p: w + p * g, want, plain, psi)
        jax.tree.map(lambda g, w: np.testing.assert_allclose(g, w, atol=1e-7), got, want)
        assert optax.tree.norm(got) > 0.1


@pytest.mark.slow
def test_the_parts_sum_to_the_loss():
    with jax.enable_x64(True):
        loss, _, (spec, _, masks, params, batch) = gradient_of("routing=activation")
        kinds = [loss_of_kind(params, spec, masks, batch, kind) for kind in range(3)]
        assert all(kind > 0 for kind in kinds)
        np.testing.assert_allclose(loss, sum(kinds), rtol=1e-6)
