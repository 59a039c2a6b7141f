"""The kernel against the textbook: sum_i psi_i o grad L_i by separate backward passes."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.models import apply, init, psi_tree, regions
from absorb.routing.kernels import Components, Routes, route_activation, routed_dense, through_gate
from absorb.sites import classes, inputs
from absorb.train.losses import component_errors, errors, targets
from sweeps.app import compose

pytestmark = pytest.mark.contract

MODELS = {
    "mlp": ["model=mlp", "model.widths=[7,6]", "routing.units=3"],
    "added": ["model=mlp", "model.widths=[7,6]", "routing.units=2", "routing.placement=added"],
    "no_cross": ["model=mlp", "model.widths=[7,6]", "routing.units=3", "routing.cross=false"],
    "parallel": [
        "model=mlp",
        "model.widths=[7,6]",
        "routing.units=3",
        "routing.placement=parallel",
    ],
    "gated": ["model=mlp", "model.widths=[7,6]", "routing.units=3", "gate=learned"],
    "gated_parallel": [
        "model=mlp",
        "model.widths=[7,6]",
        "routing.units=3",
        "routing.placement=parallel",
        "gate=learned",
    ],
    "autoencoder": ["model=autoencoder", "model.widths=[6]", "model.latent=5", "routing.units=2"],
    "toy": ["world=sparse", "model=toy", "model.hidden=3", "routing.units=2"],
    "toy_untied": ["world=sparse", "model=toy", "model.hidden=3", "model.tied=false"],
}
BATCH = 6


class Alike:
    """Knobs under which all features weigh the same."""

    importance_C = jnp.ones(1)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def problem(name: str, mechanism: str):
    config = compose([*MODELS[name], "routing=parameter"])
    config = replace(config, routing=replace(config.routing, mechanism=mechanism))
    spec, knobs = spec_of(config), knobs_of(config, classes(config.world))
    params = jax.jit(init, static_argnums=0)(spec, jax.random.key(1))
    noise = iter(np.random.default_rng(0).standard_normal(len(jax.tree.leaves(params))))
    params = jax.tree.map(lambda p: p.astype(jnp.float64) + 0.05 * next(noise), params)
    rng = np.random.default_rng(2)
    x_BF = jnp.array(rng.standard_normal((BATCH, inputs(config.world))))
    class_B = jnp.array(rng.integers(0, classes(config.world), BATCH))
    weight_B2 = jnp.array(rng.uniform(-0.5, 1, (BATCH, 2)))
    masks = {site: r_U.astype(jnp.float64) for site, r_U in regions(spec, knobs).items()}
    return spec, params, x_BF, class_B, weight_B2, masks


psi_of = jax.jit(psi_tree, static_argnums=0)


def summed_loss(spec, params, x_BF, class_B, routes):
    output = apply(spec, params, x_BF, routes)
    return errors(spec, Alike, output.prediction_BO, targets(spec, x_BF, class_B)).sum()


@partial(jax.jit, static_argnums=0)
def gradient_of(spec, params, x_BF, class_B, routes):
    routes = routes._replace(gate_by_hand=False, passed=False)  # jit would trace the flags
    return jax.grad(summed_loss, argnums=1)(spec, params, x_BF, class_B, routes)


def textbook(spec, params, x_BF, class_B, weight_B2, masks):
    total = jax.tree.map(jnp.zeros_like, params)
    for i in range(BATCH):
        one, plain = slice(i, i + 1), Routes(None, jnp.ones(1), masks)
        gradient = gradient_of(spec, params, x_BF[one], class_B[one], plain)
        psi = psi_of(spec, params, weight_B2[i], masks)
        total = jax.tree.map(lambda t, p, g: t + p * g, total, psi, gradient)
    return total


def largest_gap(a, b) -> float:
    gaps = jax.tree.map(lambda x, y: float(jnp.abs(x - y).max()), a, b)
    return max(jax.tree.leaves(gaps))


FAST = ("mlp", "no_cross")  # the others are built of these


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in MODELS],
)
def test_parameter_routing_is_the_textbook_sum(name):
    spec, params, x_BF, class_B, weight_B2, masks = problem(name, "parameter")
    routes = Routes(weight_B2, jnp.ones(BATCH), masks)
    routed = gradient_of(spec, params, x_BF, class_B, routes)
    wanted = textbook(spec, params, x_BF, class_B, weight_B2, masks)
    assert largest_gap(routed, wanted) < 1e-10
    plain = Routes(None, jnp.ones(BATCH), masks)
    unrouted = gradient_of(spec, params, x_BF, class_B, plain)
    assert largest_gap(routed, unrouted) > 1e-3


@pytest.mark.parametrize("mechanism", ["activation", "parameter"])
@pytest.mark.parametrize("name", [name for name in MODELS if "gated" not in name])
def test_weights_of_one_are_ordinary_training_to_the_bit(name, mechanism):
    spec, params, x_BF, class_B, weight_B2, masks = problem(name, mechanism)
    ones = Routes(jnp.ones_like(weight_B2), jnp.ones(BATCH), masks)
    plain = Routes(None, jnp.ones(BATCH), masks)
    gradients = [gradient_of(spec, params, x_BF, class_B, routes) for routes in (ones, plain)]
    summed_in_other_order = name.startswith("toy")  # the unrouted toy is written as its formula
    assert largest_gap(*gradients) <= (1e-12 if summed_in_other_order else 0)


def component_gradient(spec, params, x_BF, routes, weight_BF):
    def loss(params):
        prediction_BF = apply(spec, params, x_BF, routes).prediction_BO
        return (weight_BF * component_errors(Alike, prediction_BF, x_BF).T).sum()  # type: ignore

    return jax.grad(loss)(params)


def textbook_components(spec, params, x_BF, weight_B2, others_2, concept_F, masks):
    """Each component's own gradient, under its own weights, summed."""
    total = jax.tree.map(jnp.zeros_like, params)
    for i, o in np.ndindex(*x_BF.shape):
        one, weight_2 = x_BF[i : i + 1], weight_B2[i] if concept_F[o] else others_2
        alone_BF = jnp.zeros((1, x_BF.shape[1])).at[0, o].set(1.0)
        by_parameter = spec.routing.mechanism == "parameter"
        routes = Routes(None if by_parameter else weight_2[None], jnp.ones(1), masks)
        gradient = component_gradient(spec, params, one, routes, alone_BF)
        if by_parameter:
            psi = psi_tree(spec, params, weight_2, masks)
            gradient = jax.tree.map(jnp.multiply, gradient, psi)
        total = jax.tree.map(jnp.add, total, gradient)
    return total


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", ["activation", "parameter"])
@pytest.mark.parametrize("name", ["toy", "toy_untied"])
def test_component_routing_is_the_sum_over_loss_components(name, mechanism):
    spec, params, x_BF, _, weight_B2, masks = problem(name, mechanism)
    concept_F, others_2 = jnp.array([1.0, 0, 1, 0, 0]), jnp.array([0.25, 1.0])
    components = Components(concept_F, others_2)
    routes = Routes(weight_B2, jnp.ones(BATCH), masks, components=components)
    routed = component_gradient(spec, params, x_BF, routes, jnp.ones_like(x_BF))
    wanted = textbook_components(spec, params, x_BF, weight_B2, others_2, concept_F, masks)
    assert largest_gap(routed, wanted) < 1e-10
    by_example = component_gradient(spec, params, x_BF, routes._replace(components=None),
                                    jnp.ones_like(x_BF))  # fmt: skip
    assert largest_gap(routed, by_example) > 1e-3


def test_activation_routing_scales_everything_upstream_of_a_unit():
    spec, params, x_BF, class_B, _, masks = problem("mlp", "activation")
    blocked = Routes(jnp.tile(jnp.array([1.0, 0.0]), (BATCH, 1)), jnp.ones(BATCH), masks)
    gradient = gradient_of(spec, params, x_BF, class_B, blocked)["chain"]
    region = np.asarray(masks["hidden1"]) > 0
    assert jnp.abs(gradient["hidden1"]["kernel"][:, ~region]).max() == 0
    assert jnp.abs(gradient["hidden1"]["kernel"][:, region]).max() > 0
    assert jnp.abs(gradient["hidden0"]["kernel"][:, 3:]).max() == 0
    assert (
        jnp.abs(gradient["out"]["kernel"]).min(axis=1).max() > 0
    )  # what reads a unit still learns


def test_activation_weight_is_the_derivative():
    h, w = jnp.array([[2.0, -3.0]]), jnp.array([[0.25, -0.5]])
    value, gradient = jax.value_and_grad(lambda h: route_activation(h, w).sum())(h)
    assert value == -1
    np.testing.assert_array_equal(gradient, w)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_routing_activations_changes_no_bit_of_the_forward_pass(dtype):
    rng = np.random.default_rng(0)
    h, w = (jnp.asarray(rng.standard_normal((64, 8)), dtype) for _ in range(2))
    for route in (route_activation, jax.jit(route_activation)):
        np.testing.assert_array_equal(route(h, w), h)


def test_the_error_signal_passes_a_blocked_layer_untouched():
    rng = np.random.default_rng(0)
    x, w, b = (jnp.array(rng.standard_normal(s)) for s in ((4, 3), (3, 2), (2,)))
    blocked = (jnp.zeros((4, 3)), jnp.zeros((4, 2)))
    dx, dw, db = jax.grad(lambda *a: routed_dense(*a, *blocked).sum(), argnums=(0, 1, 2))(x, w, b)
    np.testing.assert_allclose(dx, np.ones((4, 2)) @ np.asarray(w).T)
    assert jnp.abs(dw).max() == 0 and jnp.abs(db).max() == 0


def test_gate_closes_the_region_only():
    h, r = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([1.0, 0.0, 1.0])
    np.testing.assert_array_equal(through_gate(h, r, jnp.zeros((1, 1)), 0.0), [[0, 2, 0]])
    np.testing.assert_array_equal(through_gate(h, r, jnp.ones((1, 1)), 9.0), h)
    np.testing.assert_array_equal(through_gate(h, r, jnp.full((1, 1), 0.5), 0.0), [[0.5, 2, 1.5]])
    np.testing.assert_array_equal(through_gate(h, r, jnp.zeros((1, 1)), 7.0), [[7, 2, 7]])
