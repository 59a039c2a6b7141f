"""Facts of the transformer: what a position sees, what is absent, what does not move."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.models import apply, head_mask, init, regions, widths
from absorb.routing.kernels import Routes
from absorb.sites import classes
from absorb.train.losses import errors, targets
from absorb.train.optimizer import make_optimizer
from absorb.train.step import State, routed_update
from sweeps.app import compose

LENGTH, STORIES = 8, 3
POSITIONS = LENGTH * STORIES
SMALL = ["world=stories", f"world.length={LENGTH}", "model=transformer", "model.width=8",
         "model.heads=2", "model.mlp=6", "model.expert_width=3", "model.rank=2",
         "routing=parameter", "routing.granularity=token", "routing.placement=slice",
         "routing.sites=[mlp0]", "routing.units=1"]  # fmt: skip
X_BS = jnp.asarray(np.random.default_rng(0).integers(0, 100, (STORIES, LENGTH + 1)), jnp.int32)
PLAIN = Routes(None, jnp.ones(POSITIONS), {})
BLOCKED_2 = jnp.array([1.0, 0.0])


def made(*overrides: str) -> tuple[Any, Any, Any]:
    """(spec, knobs, params) of a small network."""
    config = compose([*SMALL, *overrides])
    spec = spec_of(config)
    return spec, knobs_of(config, classes(config.world)), init(spec, jax.random.key(0))


def logits(spec, params, routes=PLAIN):
    """Logits of X_BS, (N, V)."""
    return apply(spec, params, X_BS, routes).prediction_BO


def loss(spec, params, routes):
    return errors(spec, None, logits(spec, params, routes), targets(spec, X_BS, None)).mean()  # type: ignore


def noisy(params, key: int = 1) -> Any:
    """Parameters none of which is zero."""
    keys = iter(jax.random.split(jax.random.key(key), len(jax.tree.leaves(params))))
    return jax.tree.map(lambda p: p + 0.1 * jax.random.normal(next(keys), p.shape), params)


def test_no_position_sees_a_later_one():
    spec, _, params = made("model.experts=2", "model.adapters=[key,down]")
    params = noisy(params)
    x_BS = jnp.arange(LENGTH + 1)[None]  # each token once, so that its row is its position's

    def output_TV(row_VD):
        own = params | {"tokens": {"kernel": row_VD}}
        return apply(spec, own, x_BS, Routes(None, jnp.ones(LENGTH), {})).prediction_BO[:, 0]

    slope_TVD = jax.jit(jax.jacobian(output_TV))(params["tokens"]["kernel"])
    size_TT = jnp.abs(slope_TVD).max(-1)[:, :LENGTH]
    assert jnp.triu(size_TT, 1).max() == 0
    assert jnp.diag(size_TT).min() > 0 and size_TT[-1].min() > 0
    assert jnp.abs(slope_TVD[:, LENGTH]).max() == 0  # the last token is a target alone


SITES = {
    "heads0": ["layer0/query0:", "layer0/key0:", "layer0/value0:", "layer0/out0"],
    "mlp1": ["layer1/up1:", "layer1/down1"],
    "residual0": ["layer0/out0:", "layer0/down0:", "layer1/up1", "layer1/query1"],
    "experts1": ["layer1/experts_up1:", "layer1/experts_down1"],
    "value_adapter1": ["layer1/value_a1:", "layer1/value_b1"],
}


@pytest.mark.parametrize("site", SITES)
def test_blocked_weights_get_no_gradient(site):
    spec, knobs, params = made("model.experts=2", "model.adapters=[value]",
                               f"routing.sites=[{site}]")  # fmt: skip
    masks = regions(spec, knobs)
    routes = Routes(jnp.tile(BLOCKED_2, (POSITIONS, 1)), jnp.ones(POSITIONS), masks)
    gradient: Any = jax.jit(jax.grad(lambda p: loss(spec, p, routes)))(noisy(params))
    rest = np.asarray(masks[site]) == 0
    assert 0 < rest.sum() < len(rest)
    for path in SITES[site]:
        name = path.rstrip(":").split("/")
        kernel = gradient[name[0]][name[1]]["kernel"]
        kernel = kernel.T if path.endswith(":") else kernel  # the site's entries first
        assert jnp.abs(kernel[rest]).max() == 0
        assert jnp.abs(kernel[~rest]).max() > 0
    assert jnp.abs(gradient["unembed"]["kernel"]).max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("whole_rest", [True, False])
def test_blocked_weights_do_not_move_under_adamw(whole_rest):
    spec, knobs, params = made(
        "routing=update", "routing.granularity=batch", "train=adamw", "model.experts=2",
        "model.adapters=[out]", "routing.sites=[heads0,mlp1,experts0,out_adapter1]",
        f"routing.whole_rest={whole_rest}")  # fmt: skip
    params, masks = noisy(params), regions(spec, knobs)
    make = make_optimizer("adamw", knobs.learning_rate, knobs.weight_decay)
    momentum = jax.tree.map(jnp.ones_like, params)  # from earlier steps
    _, opt_state = make.update(momentum, make.init(params), params)
    state = State(params, opt_state, jnp.int32(1), jnp.int32(-1), jnp.float32(0))
    routes = Routes(jnp.tile(BLOCKED_2, (POSITIONS, 1)), jnp.ones(POSITIONS), masks)
    gradient: Any = jax.jit(jax.grad(lambda p: loss(spec, p, routes)))(params)
    updates: Any = routed_update(spec, knobs, routes, state, gradient)[0]
    for layer, matrix, site in (("layer0", "out0", "heads0"), ("layer1", "down1", "mlp1"),
                                ("layer0", "experts_down0", "experts0"),
                                ("layer1", "out_b1", "out_adapter1")):  # fmt: skip
        kernel, rest = updates[layer][matrix]["kernel"], np.asarray(masks[site]) == 0
        assert jnp.abs(kernel[rest]).max() == 0 and jnp.abs(kernel[~rest]).min() > 0
    for at_no_site in (updates["tokens"], updates["layer1"]["norm_mlp1"], updates["unembed"]):
        assert (jnp.abs(jax.tree.leaves(at_no_site)[0]).max() == 0) == whole_rest


def closed(spec, knobs):
    """Routes whose region takes no part."""
    return Routes(None, jnp.zeros(POSITIONS), regions(spec, knobs))


@pytest.mark.slow
def test_ablated_experts_equal_their_absence():
    spec, knobs, params = made("model.experts=2", "routing.sites=[experts0,experts1]",
                               "routing.units=2")  # fmt: skip
    base, _, alone = made()
    np.testing.assert_array_equal(logits(spec, params, closed(spec, knobs)), logits(base, alone))
    assert jnp.abs(logits(spec, params) - logits(base, alone)).max() > 1e-2
    spec, knobs, params = made("model.experts=2", "routing.sites=[experts0]")
    cut: Any = jax.tree.map(lambda p: p, params)  # without the first expert's own weights
    kernel_UD = params["layer0"]["experts_down0"]["kernel"]
    cut["layer0"]["experts_down0"] = {"kernel": kernel_UD.at[:3].set(0)}
    one_left, wanted = logits(spec, params, closed(spec, knobs)), logits(spec, cut)
    np.testing.assert_allclose(one_left, wanted, atol=1e-6)


def test_a_closed_head_equals_one_without_output():
    spec, knobs, params = made("routing.sites=[heads0]")
    assert regions(spec, knobs)["heads0"].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    removed: Any = jax.tree.map(lambda p: p, params)
    removed["layer0"]["out0"]["kernel"] = params["layer0"]["out0"]["kernel"].at[:4].set(0)
    a, b = logits(spec, params, closed(spec, knobs)), logits(spec, removed)
    np.testing.assert_allclose(a, b, atol=1e-6)
    assert jnp.abs(a - logits(spec, params)).max() > 1e-2


@pytest.mark.slow
def test_what_routing_adds_changes_no_start():
    spec, knobs, params = made()
    more, _, added = made("routing.placement=added", "routing.units=3", "model.experts=2",
                          "model.adapters=[query,up]", "gate=learned")  # fmt: skip
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        found = added
        for entry in path:
            found = found[entry.key]
        np.testing.assert_array_equal(found[tuple(map(slice, leaf.shape))], leaf)
    assert widths(more) == {"mlp0": 9}
    assert added["layer0"]["up0"]["kernel"].shape == (8, 9)
    wide, knobs, added = made("routing.placement=added", "routing.units=3")
    np.testing.assert_allclose(logits(wide, added, closed(wide, knobs)), logits(spec, params),
                               atol=1e-6)  # fmt: skip


def test_fresh_adapters_change_nothing():
    spec, _, params = made()
    more, _, added = made("model.adapters=[query,key,value,out,up,down]")
    np.testing.assert_array_equal(logits(more, added), logits(spec, params))
    assert jnp.abs(logits(more, noisy(added)) - logits(spec, params)).max() > 1e-2


def test_the_head_is_the_unembedding():
    spec, _, params = made("model.experts=1", "model.adapters=[down]")
    mask = jax.tree_util.tree_leaves_with_path(head_mask(spec, params))
    assert [path[0].key for path, on in mask if on] == ["unembed"]


def test_a_learned_gate_is_overruled_by_hand():
    spec, knobs, params = made("gate=learned", "routing.sites=[residual0,heads1]")
    for layer, gate in (("layer0", "gate_residual0"), ("layer1", "gate_heads1")):
        params[layer][gate]["bias"] = jnp.float32(-30)
    masks = regions(spec, knobs)
    learned, shut, by_hand = (
        logits(spec, params, Routes(None, jnp.full(POSITIONS, gate), masks, None, hand))
        for gate, hand in ((1.0, False), (0.0, True), (1.0, True))
    )
    np.testing.assert_allclose(learned, shut, atol=1e-5)
    assert jnp.abs(by_hand - shut).max() > 1e-3


def test_a_site_is_told_before_its_gate_or_as_it_passes_it():
    spec, knobs, params = made("gate=learned", "routing.sites=[heads1]")
    params["layer1"]["gate_heads1"]["bias"] = jnp.float32(-1)  # its kernel starts at 0
    masks = regions(spec, knobs)
    before, after = (
        apply(spec, params, X_BS, Routes(None, jnp.ones(POSITIONS), masks, passed=passed))
        for passed in (False, True)
    )
    share_U = 1 - masks["heads1"] * (1 - jax.nn.sigmoid(-1.0))
    np.testing.assert_allclose(after.sites["heads1"], share_U * before.sites["heads1"], rtol=1e-5)
    np.testing.assert_array_equal(after.prediction_BO, before.prediction_BO)


def test_a_gate_closes_at_its_own_positions():
    spec, knobs, params = made("routing.sites=[mlp1]", "routing.units=3")
    gate_N = jnp.ones(POSITIONS).at[5].set(0)
    some = logits(spec, params, Routes(None, gate_N, regions(spec, knobs)))
    gap_N = jnp.abs(some - logits(spec, params)).max(1)
    assert gap_N[5] > 1e-3 and jnp.delete(gap_N, 5).max() < 1e-6


def both(spec, params, weight_N2, masks) -> Any:
    """The loss and its routed gradient, compiled."""

    def one(params, weight_N2):
        routes = Routes(weight_N2, jnp.ones(POSITIONS), masks)
        return jax.value_and_grad(lambda p: loss(spec, p, routes))(params)

    return jax.jit(one)(params, weight_N2)


def gap(a, b) -> float:
    return max(jax.tree.leaves(jax.tree.map(lambda x, y: float(jnp.abs(x - y).max()), a, b)))


@pytest.mark.slow
def test_precision_and_recomputation_change_little():
    spec, knobs, params = made("routing.sites=[mlp0,heads1]", "gate=learned")
    weight_N2 = jnp.asarray(np.random.default_rng(1).uniform(0, 1, (POSITIONS, 2)), jnp.float32)
    routed = (params, weight_N2, regions(spec, knobs))
    wanted = both(spec, *routed)
    again = replace(spec, model=replace(spec.model, remat=True))  # type: ignore
    assert gap(both(again, *routed), wanted) < 1e-6
    half = replace(spec, model=replace(spec.model, precision="bfloat16"))  # type: ignore
    found = both(half, *routed)
    assert 1e-5 < gap(found, wanted) < 0.03  # bfloat16 has eight bits
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype(jnp.float32)}


@pytest.mark.slow
def test_lanes_equal_networks_alone():
    spec, knobs, _ = made("routing.sites=[mlp0,residual1]")
    params = jax.vmap(lambda key: init(spec, key))(jax.random.split(jax.random.key(0), 3))
    weight_RN2 = jnp.asarray(np.random.default_rng(2).uniform(0, 1, (3, POSITIONS, 2)), jnp.float32)
    masks = regions(spec, knobs)
    lanes = jax.vmap(lambda p, w_N2: both(spec, p, w_N2, masks))(params, weight_RN2)
    for r in range(3):
        own = partial(jax.tree.map, lambda leaf, r=r: leaf[r])
        assert gap(own(lanes), both(spec, own(params), weight_RN2[r], masks)) < 1e-6


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.heads=3"], ["model.heads=3", "model.width=8"]),
        (["routing.placement=parallel"], ["routing.placement='parallel'", "slice, added"]),
        (["routing.cross=false"], ["routing.cross=False", "True"]),
        (["routing.placement=added", "routing.sites=[heads0]"], ["'heads0'", "mlp0"]),
        (["routing.sites=[experts0]"], ["'experts0'", "heads0"]),
        (["routing.sites=[up_adapter0]"], ["'up_adapter0'", "heads0"]),
        (["routing.sites=[heads0]", "routing.units=2"], ["smaller than site heads0", "2 units"]),
        (["model.adapters=[up]", "routing.sites=[up_adapter0]", "routing.units=3"],
         ["at most site up_adapter0", "2 units"]),
        (["model.adapters=[up,up]"], ["names a matrix twice"]),
    ],
)  # fmt: skip
def test_refused(overrides, words):
    with pytest.raises(AbsorbError) as error:
        compose([*SMALL, *overrides])
    for word in words:
        assert word in str(error.value)
