"""A network's losses and masks give the gradient that its routing kernels train by."""

from dataclasses import replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.dynamics.field import field
from absorb.dynamics.network import check_maskable, decay_term, network_terms, psi_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.models import init, regions
from absorb.sites import classes, inputs
from absorb.train.optimizer import make_optimizer
from absorb.train.step import Batch, batch_routes, loss_and_gradient, parts_of
from sweeps.app import compose

MLP = ["model=mlp", "model.widths=[5]", "routing.sites=[hidden0]", "routing.units=2"]
DEEP = ["model=mlp", "model.widths=[5,4]", "routing.units=2"]
TOY = ["world=sparse", "model=toy", "model.hidden=3", "routing.units=2"]
MODELS = {
    "mlp": MLP,
    "hard": [*DEEP, "gate=hard", "train.loss=group_mean"],
    "autoencoder": ["model=autoencoder", "model.widths=[4]", "model.latent=3", "routing.units=1"],
    "toy": TOY,
    "component": [*TOY, "routing.granularity=component", "routing.concept=[0,2]"],
    # routed by activation at their first layer alone
    "first": [*DEEP, "routing=activation", "routing.sites=[hidden0]", "gate=learned"],
    "untied": [
        *TOY,
        "routing=activation",
        "model.tied=false",
        "routing.granularity=component",
        "routing.concept=[0,2]",
    ],
}
WEIGHTS = "routing.weights={forget: [1, 0.2], unlabelled: [0.7, 0.9], retain: [0.1, 1]}"
BATCH = 9


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@lru_cache
def network(name: str):
    by_parameter = [] if "routing=activation" in MODELS[name] else ["routing=parameter"]
    config = compose([*by_parameter, *MODELS[name], WEIGHTS])
    spec, known = spec_of(config), classes(config.world)
    knobs = jax.tree.map(lambda k: np.asarray(k, float) if k.dtype == np.float32 else k,
                         knobs_of(config, known))  # fmt: skip
    rng = np.random.default_rng(0)
    params = jax.jit(init, static_argnums=0)(spec, jax.random.key(1))
    params = jax.tree.map(lambda p: jnp.asarray(p + 0.1 * rng.standard_normal(p.shape)), params)
    observed_B = jnp.asarray(np.arange(BATCH) % 3)
    present_B = jnp.asarray(np.arange(BATCH) != 4, float)
    x_BF = jnp.asarray(rng.standard_normal((BATCH, inputs(config.world))))
    class_B = jnp.asarray(rng.integers(0, known, BATCH))
    return spec, knobs, params, Batch(x_BF, class_B, observed_B, present_B)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_field_is_the_gradient_that_the_kernels_train_by(name):
    spec, knobs, params, batch = network(name)
    masks = {site: r_U.astype(float) for site, r_U in regions(spec, knobs).items()}
    terms = network_terms(spec, knobs, params, batch)

    @jax.jit
    def both(params):
        routes = batch_routes(spec, knobs, batch, jnp.int32(0), masks)
        parts = parts_of(spec, knobs, batch, routes)
        loss, gradient = loss_and_gradient(spec, knobs, masks, params, batch, parts)
        plain = [term._replace(psi=jax.tree.map(jnp.ones_like, params)) for term in terms]
        return loss, gradient, [t.loss(params) for t in terms], field(terms, params), field(
            plain, params)  # fmt: skip

    loss, routed, losses, found, unmasked = both(params)
    assert sum(losses) == pytest.approx(float(loss), rel=1e-12)
    gap = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), found, routed)
    assert max(jax.tree.leaves(gap)) < 1e-10
    gap = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), unmasked, routed)
    assert max(jax.tree.leaves(gap)) > 1e-3


def test_decay_is_what_the_optimizer_adds():
    params = {"kernel": jnp.array([[1.0, -2.0]]), "bias": jnp.array([0.5])}
    sgd, none = make_optimizer("sgd", 1.0, 0.3), jax.tree.map(jnp.zeros_like, params)
    step, _ = sgd.update(none, sgd.init(params), params)
    found = field([decay_term(params, 0.3)], params)
    jax.tree.map(lambda f, s: np.testing.assert_allclose(f, -s, rtol=1e-12), found, step)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([*DEEP, "routing=activation"], "routing.mechanism='activation'"),
        ([*DEEP, "routing=activation", "routing.sites=[hidden1]"], "first of the network"),
        ([*TOY, "routing=activation"], "no weights are tied"),
        ([*MLP, "routing=parameter", "train.l1_rest=0.1"], "train.l1_rest"),
        ([*MLP, "routing=parameter", "train.ablate_every=2"], "train.ablate_every"),
        (["world=stories", "model=transformer", "routing=parameter"], "world.kind='stories'"),
    ],
)
def test_what_is_no_sum_of_masked_gradients_is_refused(words, named):
    with pytest.raises(AbsorbError, match=named):
        check_maskable(spec_of(compose(words)))


def test_without_routing_every_mask_is_one():
    spec, knobs, params, _ = network("component")
    spec = replace(spec, routing=replace(spec.routing, mechanism="none"))
    for kind in range(3):
        leaves = jax.tree.leaves(psi_of(spec, knobs, params, kind))
        assert all(np.asarray(leaf == 1).all() for leaf in leaves)
