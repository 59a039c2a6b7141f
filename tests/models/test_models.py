"""Facts of the networks: what is added leaves the rest alone, what is ablated is absent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.measure.ablate import WHOLE, View, look
from absorb.models import apply, head_mask, init, regions
from absorb.routing.kernels import Routes
from sweeps.app import compose

SMALL = ["model.widths=[7,6]", "routing.units=3"]
X_BF = np.random.default_rng(0).uniform(0, 1, (5, 64)).astype(np.float32)


def made(*overrides: str):
    config = compose([*SMALL, *overrides])
    spec = spec_of(config)
    return spec, knobs_of(config, 10), init(spec, jax.random.key(0))


@pytest.mark.slow
@pytest.mark.parametrize("placement", ["added", "parallel"])
def test_an_ablated_addition_equals_its_absence(placement):
    spec, knobs, params = made(f"routing.placement={placement}", "routing.cross=false")
    base_spec, base_knobs, base = made()
    added = look(spec, knobs, params, X_BF, View(0.0)).prediction_BO
    if placement == "parallel":
        base = {"chain": params["trunk"]["chain"]}
    else:
        cut = lambda b, p: p[tuple(map(slice, b.shape))]  # noqa: E731
        base = {"chain": jax.tree.map(cut, base["chain"], params["chain"])}
    alone = look(base_spec, base_knobs, base, X_BF, View(1.0)).prediction_BO
    np.testing.assert_allclose(added, alone, rtol=1e-6)


def test_added_units_leave_the_initialisation_of_the_rest():
    _, _, base = made()
    _, _, wide = made("routing.placement=added")
    for name in ("hidden0", "hidden1", "out"):
        kernel = base["chain"][name]["kernel"]
        inputs, outputs = kernel.shape
        np.testing.assert_array_equal(wide["chain"][name]["kernel"][:inputs, :outputs], kernel)


def test_without_cross_the_region_cannot_move_the_rest_of_the_next_site():
    spec, knobs, params = made("routing.cross=false")
    ablated = look(spec, knobs, params, X_BF, View(0.0)).sites["hidden1"]
    whole = look(spec, knobs, params, X_BF, WHOLE).sites["hidden1"]
    rest = np.asarray(regions(spec, knobs)["hidden1"]) == 0
    np.testing.assert_array_equal(ablated[:, rest], whole[:, rest])
    crossed = made()
    a, b = (look(*crossed, X_BF, view).sites["hidden1"][:, rest] for view in (View(0.0), WHOLE))
    assert jnp.abs(a - b).max() > 0


def test_a_learned_gate_is_overruled_by_hand():
    spec, knobs, params = made("gate=learned")
    params["chain"]["gate_hidden0"]["bias"] = jnp.float32(-30)
    params["chain"]["gate_hidden1"]["bias"] = jnp.float32(-30)
    closed = look(spec, knobs, params, X_BF, WHOLE).prediction_BO
    np.testing.assert_allclose(
        closed, look(spec, knobs, params, X_BF, View(0.0)).prediction_BO, rtol=1e-5
    )
    opened = look(spec, knobs, params, X_BF, View(1.0)).prediction_BO
    assert jnp.abs(opened - closed).max() > 1e-3


@pytest.mark.slow
def test_certificates_see_one_half_and_send_nothing_back():
    spec, knobs, params = made("model=autoencoder", "model.certificates=true", "model.widths=[7]",
                               "model.latent=6")  # fmt: skip
    routes = Routes(None, jnp.ones(5), regions(spec, knobs))

    def certificate(params, half="region"):
        return apply(spec, params, X_BF, routes).certificates[half].sum()

    gradient = jax.grad(certificate)(params)
    assert max(jnp.abs(g).max() for g in jax.tree.leaves(gradient["encoder"])) == 0
    before = certificate(params)
    params["encoder"]["latent"]["kernel"] = params["encoder"]["latent"]["kernel"].at[:, 3:].add(1.0)
    assert certificate(params) == before
    params["encoder"]["latent"]["kernel"] = params["encoder"]["latent"]["kernel"].at[:, :3].add(1.0)
    assert certificate(params) != before


def test_the_head_is_the_output_layer_or_the_decoder():
    spec, _, params = made()
    assert {n for n, m in head_mask(spec, params)["chain"].items() if m["kernel"]} == {"out"}
    spec, _, params = made("model=autoencoder", "model.widths=[7]")
    mask = head_mask(spec, params)
    assert all(jax.tree.leaves(mask["decoder"])) and not any(jax.tree.leaves(mask["encoder"]))


@pytest.mark.parametrize("placement", ["slice", "parallel"])
def test_a_second_decoder_serves_the_data_that_ask_for_it(placement):
    model = ["model=autoencoder", "model.widths=[7]", "model.latent=6"]
    decoders = ["model.separate_decoders=true", f"routing.placement={placement}", "measure=quick"]
    spec, knobs, params = made(*model, *decoders)
    second_B = jnp.array([0.0, 1.0, 0.0, 1.0, 0.0])
    mixed, first, second = (
        look(spec, knobs, params, X_BF, WHOLE, asked).prediction_BO
        for asked in (second_B, None, jnp.ones(5))
    )
    assert jnp.abs(first - second).max(axis=1).min() > 1e-3
    np.testing.assert_array_equal(mixed, jnp.where(second_B[:, None] > 0, second, first))
