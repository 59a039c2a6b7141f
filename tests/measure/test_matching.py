"""Matching: a reordered network is the same network, and matching finds the order again."""

from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.measure.ablate import WHOLE, look
from absorb.measure.barrier import barrier, matched_barrier
from absorb.measure.matching import group_sizes, leaves, match, reordered
from absorb.models import init, regions
from sweeps.app import compose

X_BF = np.random.default_rng(0).uniform(0, 1, (5, 64)).astype(np.float32)
AUTOENCODER = ["model=autoencoder", "model.widths=[7]", "model.latent=6", "measure=quick"]
KINDS = {
    "mlp": ["model.widths=[7,6]"],
    "no cross": ["model.widths=[7,6]", "routing.cross=false"],
    "gated": ["model.widths=[7,6]", "gate=learned"],
    "parallel": ["model.widths=[7,6]", "routing.placement=parallel", "measure=quick"],
    "autoencoder": [*AUTOENCODER, "model.certificates=true", "model.separate_decoders=true"],
}


def made(*overrides: str, seed: int = 0):
    config = compose(["routing.units=3", *overrides])
    spec = spec_of(config)
    rng = np.random.default_rng(seed)
    draw = lambda x: rng.standard_normal(x.shape).astype(np.float32) / 3  # noqa: E731
    shapes = jax.eval_shape(lambda key: init(spec, key), jax.random.key(0))
    return spec, knobs_of(config, 10), jax.tree.map(draw, shapes)


def shuffled(spec, knobs, params, apart: bool, seed: int = 1):
    """The params with all groups in a random order, which with `apart` keeps regions apart."""
    rng, orders, found = np.random.default_rng(seed), {}, leaves(spec, params)
    masks = regions(spec, knobs) if apart else {}
    for group, size in group_sizes(found, dict(flat(params))).items():
        mask_U = np.asarray(masks.get(group[-1], np.zeros(size))) > 0
        order_U = np.arange(size)
        for part_U in (mask_U, ~mask_U):
            order_U[part_U] = rng.permutation(order_U[part_U])
        orders["/".join(group)] = order_U
    return reordered(spec, params, orders)


def flat(params):
    pairs = jax.tree_util.tree_flatten_with_path(params)[0]
    return [(tuple(entry.key for entry in path), leaf) for path, leaf in pairs]


def differs(a, b) -> bool:
    return any((x != y).any() for (_, x), (_, y) in zip(flat(a), flat(b), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_reordered_network_is_the_same_function_and_is_matched_exactly(kind):
    spec, knobs, params = made(*KINDS[kind])
    copy = shuffled(spec, knobs, params, apart=True)
    outputs = [look(spec, knobs, net, X_BF, WHOLE, jnp.ones(5)) for net in (params, copy)]
    for a, b in zip(*([o.prediction_BO, o.certificates] for o in outputs), strict=True):
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6), a, b)
    assert differs(params, copy)
    found = match(spec, params, copy, regions(spec, knobs))
    assert not differs(params, found.params)
    assert found.cosine == pytest.approx(1, rel=1e-12) and found.cosine_before < 0.9


def test_the_groups_are_the_hidden_units_of_each_chain():
    spec, _, params = made(*KINDS["autoencoder"])
    chains = ("decoder", "decoder_second", "certificate_region", "certificate_rest")
    expected = {("encoder", "encode0"): 7, ("latent",): 6} | {(c, "decode0"): 7 for c in chains}
    assert group_sizes(leaves(spec, params), dict(flat(params))) == expected
    spec, _, params = made(*KINDS["parallel"])
    sizes = group_sizes(leaves(spec, params), dict(flat(params)))
    expected = (("trunk", 0, 7), ("trunk", 1, 6), ("module", 0, 3), ("module", 1, 3))
    assert sizes == {(part, "chain", f"hidden{i}"): n for part, i, n in expected}


def test_the_barrier_of_a_reordered_copy_is_zero_after_matching_and_not_before():
    spec, knobs, params = made(*KINDS["mlp"])
    copy = shuffled(spec, knobs, params, apart=False)
    truth_BO = look(spec, knobs, params, X_BF, WHOLE).prediction_BO
    error = lambda net: jnp.square(look(spec, knobs, net, X_BF, WHOLE)[0] - truth_BO).mean()  # noqa: E731
    found = matched_barrier(spec, jax.jit(error), params, copy, points=7)
    assert found.after.height == 0 and found.before.height > 0.01
    assert 0 < found.before.at < 1


def test_regions_kept_apart_match_their_own_units_alone():
    spec, knobs, params = made("model.widths=[7,6]")
    copy, masks = shuffled(spec, knobs, params, apart=False), regions(spec, knobs)
    apart, free = match(spec, params, copy, masks), match(spec, params, copy)
    for group, order_U in apart.orders.items():
        mask_U = np.asarray(masks[group.split("/")[-1]])
        np.testing.assert_array_equal(mask_U[order_U], mask_U)
    assert differs(params, apart.params) and apart.cosine < free.cosine == pytest.approx(1)
    assert apart.cosine >= apart.cosine_before


def test_one_layer_is_matched_as_by_trying_all_orders():
    (spec, _, a), (_, _, b) = (
        made("model.widths=[5]", "routing.sites=[hidden0]", seed=seed) for seed in (3, 4)
    )

    def overlap(order_U) -> float:
        moved = reordered(spec, b, {"chain/hidden0": np.array(order_U)})
        return sum(np.vdot(x, y) for (_, x), (_, y) in zip(flat(a), flat(moved), strict=True))

    best = max(permutations(range(5)), key=overlap)
    np.testing.assert_array_equal(match(spec, a, b).orders["chain/hidden0"], best)


def test_no_single_layer_can_be_matched_better():
    (spec, _, a), (_, _, b) = (made("model.widths=[4,4,4]", seed=seed) for seed in (5, 6))
    found = match(spec, a, b)
    assert found.cosine > found.cosine_before

    def overlap(orders) -> float:
        moved = reordered(spec, found.params, orders)
        return sum(np.vdot(x, y) for (_, x), (_, y) in zip(flat(a), flat(moved), strict=True))

    here = overlap({})
    for group in found.orders:
        tried = (overlap({group: np.array(order_U)}) for order_U in permutations(range(4)))
        assert max(tried) <= here + 1e-5


def test_a_deep_reordered_copy_is_found_from_any_order():
    # narrow layers between wide ones, where coordinate descent from the order as it is goes astray
    narrow = ["model.widths=[2,40,3,40,3,40]", "routing.sites=[hidden0]", "routing.units=1"]
    spec, knobs, params = made(*narrow)
    for seed in range(5):
        copy = shuffled(spec, knobs, params, apart=False, seed=seed)
        assert not differs(params, match(spec, params, copy).params)


@pytest.mark.parametrize("sites", ["[hidden0,hidden1]", "[hidden0]"])
def test_weights_that_no_forward_pass_uses_do_not_count(sites):
    spec, knobs, params = made(*KINDS["no cross"], f"routing.sites={sites}")
    other, masks = jax.tree.map(np.copy, params), regions(spec, knobs)
    other["chain"]["hidden1"]["kernel"][:3, 3:] += 100  # from the region to the rest
    a, b = (look(spec, knobs, net, X_BF, WHOLE).prediction_BO for net in (params, other))
    unused = bool((a == b).all())
    assert unused == ("hidden1" in sites)
    assert (match(spec, params, other, masks).cosine > 0.999) == unused


def test_the_barrier_is_the_rise_above_the_chord():
    hump = lambda x: float(4 * x * (1 - x) + 3 * x)  # noqa: E731
    found = barrier(hump, np.float64(0), np.float64(1), points=5)
    assert found.height == pytest.approx(1) and found.at == 0.5
    assert found.loss_P == pytest.approx([0, 1.5, 2.5, 3, 3])
    bowl = lambda x: float(1.7 * (x - 1.1) ** 2)  # noqa: E731
    assert barrier(bowl, np.float64(0), np.float64(1)).height == 0
    assert np.isnan(barrier(lambda x: 1 / (x != 0.5) if x != 0.5 else np.inf, 0.0, 1.0).height)


@pytest.mark.parametrize("kind", ["no cross", "gated", "autoencoder"])
def test_regions_must_be_named_where_the_network_tells_them_apart(kind):
    spec, _, params = made(*KINDS[kind])
    with pytest.raises(AbsorbError, match="give regions"):
        match(spec, params, params)


def test_what_cannot_be_matched_is_refused():
    spec, _, params = made("model.widths=[7,6]")
    other = made("model.widths=[7,5]")[2]
    with pytest.raises(AbsorbError, match="one shape"):
        match(spec, params, other)
    with pytest.raises(AbsorbError, match=r"regions\.hidden0"):
        match(spec, params, params, {"hidden0": np.ones(5)})
    with pytest.raises(AbsorbError, match="points=2"):
        barrier(float, 0.0, 1.0, points=2)
    paths, _, scalars = made("model=paths", "world=linear")
    with pytest.raises(AbsorbError, match=r"model\.kind=paths"):
        match(paths, scalars, scalars)
