"""Barriers between two networks: exact zeros, and closed forms of planted pairs."""

import jax
import numpy as np
import pytest
from scipy.special import log_softmax

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.measure.ablate import WHOLE
from absorb.measure.matching import random_orders, reordered
from absorb.measure.pairs import POINTS, along, compared, loss_names, path_losses
from absorb.measure.scores import seen
from absorb.models import init, regions
from absorb.worlds import load_world
from sweeps.app import compose

KINDS = {
    "mlp": ["model.widths=[64,64]", "routing.units=20"],
    "autoencoder": ["model=autoencoder", "model.widths=[64]", "model.latent=64",
                    "routing.units=20", "measure=quick"],
}  # fmt: skip
SHARE_P = np.linspace(0, 1, POINTS)


def made(*overrides: str, seed: int = 0):
    """Random parameters."""
    config = compose(list(overrides))
    spec = spec_of(config)
    rng = np.random.default_rng(seed)
    draw = lambda x: rng.standard_normal(x.shape).astype(np.float32) / 8  # noqa: E731
    shapes = jax.eval_shape(lambda key: init(spec, key), jax.random.key(0))
    data = load_world(config.world)
    return spec, knobs_of(config, 10), data, jax.tree.map(draw, shapes)


def head(h_NU: np.ndarray, class_N: np.ndarray) -> np.ndarray:
    """A linear classifier of these units."""
    return 8 * np.linalg.lstsq(h_NU, np.eye(10)[class_N], rcond=1e-3)[0].astype(np.float32)


def good(kind: str):
    """Every layer hands its input on as it is: the autoencoder is exact, the classifier linear."""
    spec, knobs, data, params = made(*KINDS[kind])
    same = lambda x: np.eye(*x.shape, dtype=np.float32) if x.ndim == 2 else np.zeros_like(x)  # noqa: E731
    params = jax.tree.map(same, params)
    if kind == "mlp":
        params["chain"]["out"]["kernel"] = head(data.train.x_NF, data.train.class_N)
    return spec, knobs, data.test, params


def shuffled(spec, knobs, params, apart: bool):
    masks = regions(spec, knobs) if apart else {}
    return reordered(spec, params, random_orders(spec, params, masks, np.random.default_rng(1)))


def of_order(found: dict, order: str) -> list[float]:
    return [value for name, value in found.items() if name.startswith(f"barrier.{order}.")]


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_no_barrier_to_the_network_itself_in_its_own_order(kind):
    spec, knobs, test, params = good(kind)
    found = compared(spec, knobs, test, params, params, seed=0)
    for order in ("as_is", "matched", "free"):
        assert of_order(found, order) == [0.0] * len(loss_names(spec))
    assert min(of_order(found, "shuffled")) > 1e-3  # its own units in a random order


@pytest.mark.parametrize("kind", KINDS)
def test_matching_takes_the_whole_barrier_to_a_reordered_copy_away(kind):
    spec, knobs, test, params = good(kind)
    copy = shuffled(spec, knobs, params, apart=True)
    found = compared(spec, knobs, test, params, copy, seed=0)
    assert min(of_order(found, "as_is")) > 1e-3
    assert set(of_order(found, "matched") + of_order(found, "free")) == {0.0}
    shares = [value for name, value in found.items() if name.startswith("in_region.")]
    assert shares and set(shares) == {1.0}


@pytest.mark.parametrize("kind", KINDS)
def test_matching_that_keeps_the_region_cannot_undo_an_order_across_it(kind):
    spec, knobs, test, params = good(kind)
    copy = shuffled(spec, knobs, params, apart=False)
    found = compared(spec, knobs, test, params, copy, seed=0)
    assert set(of_order(found, "free")) == {0.0} and found["barrier.matched.all"] > 1e-3
    assert found["cosine.matched"] < found["cosine.free"] == pytest.approx(1)
    group = "latent" if kind == "autoencoder" else "chain/hidden0"
    assert found[f"in_region.{group}"] < 1
    assert found[f"by_chance.{group}"] == 20 / 64


def standing(params, place: int, data):
    """A classifier with ten live units, which stand at this place and those behind it."""
    net, train = jax.tree.map(np.zeros_like, params), data.train
    w_FU = np.stack([train.x_NF[train.class_N == c].mean(0) for c in range(10)], axis=1)
    w_FU -= w_FU.mean(axis=1, keepdims=True)
    live = slice(place, place + 10)
    net["chain"]["hidden0"]["kernel"][:, live] = w_FU
    v_UO = head(np.maximum(train.x_NF @ w_FU, 0), train.class_N)
    net["chain"]["out"]["kernel"][live] = v_UO
    logits_NO = np.maximum(data.test.x_NF.astype(float) @ w_FU, 0) @ v_UO
    return net, logits_NO


@pytest.mark.parametrize("places, undone", [((10, 20), True), ((0, 10), False)])
def test_the_barrier_of_units_that_stand_elsewhere_is_a_closed_form(places, undone):
    # on the way their ways in and out fade and grow together: logits are (1−s)² + s² of the ends'
    spec, knobs, data, params = made(
        "model.widths=[30]", "routing.sites=[hidden0]", "routing.units=10"
    )
    (a, logits_NO), (b, _) = (standing(params, place, data) for place in places)
    test, rows = data.test, np.arange(len(data.test.class_N))
    found = compared(spec, knobs, test, a, b, seed=0)
    scale_P = (1 - SHARE_P) ** 2 + SHARE_P**2
    loss_PN = np.stack([-log_softmax(c * logits_NO, axis=1)[rows, test.class_N] for c in scale_P])
    concept_N = np.isin(test.class_N, [8, 9])
    groups = {"all": slice(None), "forget": concept_N, "retain": ~concept_N}
    for loss, group in groups.items():
        mean_P = loss_PN[:, group].mean(axis=1)
        height = max(0.0, (mean_P - mean_P[0]).max())
        assert found[f"barrier.as_is.{loss}"] == pytest.approx(height, rel=1e-3)
        assert found[f"loss.first.{loss}"] == pytest.approx(mean_P[0], rel=1e-4)
        assert found[f"barrier.free.{loss}"] == 0
        expected = 0 if undone else pytest.approx(height, rel=1e-3)
        assert found[f"barrier.matched.{loss}"] == expected
    assert found["barrier.as_is.all"] > 0.05
    assert found["barrier.as_is.wrong"] == 0  # a scale moves no answer


@pytest.mark.parametrize("kind", KINDS)
def test_the_losses_at_the_ends_are_the_scores_of_both_networks(kind):
    (spec, knobs, data, a), (*_, b) = (made(*KINDS[kind], seed=seed) for seed in (3, 4))
    test = data.test
    found = compared(spec, knobs, test, a, b, seed=0)
    for end, params in (("first", a), ("second", b)):
        scores = seen(spec, knobs, params, WHOLE, test)
        for loss in ("forget", "retain"):
            assert found[f"loss.{end}.{loss}"] == pytest.approx(float(scores[loss]), rel=1e-5)
    wrong = [value for name, value in found.items() if name.endswith("wrong")]
    assert bool(wrong) == (kind == "mlp") and all(0 <= value <= 1 for value in wrong)


def test_both_ends_of_the_way_are_the_networks_themselves_to_the_bit():
    (spec, knobs, data, a), (*_, b) = (made(*KINDS["mlp"], seed=seed) for seed in (3, 4))
    test = data.test
    there, back = path_losses(spec, knobs, test, a, b), path_losses(spec, knobs, test, b, a)
    assert (there[0] == back[-1]).all() and (there[-1] == back[0]).all()
    np.testing.assert_allclose(there, back[::-1], rtol=1e-4)
    assert there.shape == (POINTS, len(loss_names(spec)))
    alone = along(spec, knobs, test, a, b, np.float32([0.5]))
    np.testing.assert_allclose(alone[0], there[POINTS // 2], rtol=1e-5)


def test_where_the_forward_pass_tells_the_region_nothing_is_matched_freely():
    spec, knobs, data, params = made(*KINDS["mlp"], "gate=learned")
    found = compared(spec, knobs, data.test, params, params, seed=0)
    assert not any("free" in name or "in_region" in name for name in found)
    assert set(of_order(found, "matched")) == {0.0}


def test_a_random_order_keeps_the_region_and_moves_the_rest():
    spec, knobs, _, params = made("model.widths=[40,30]", "routing.units=12")
    masks = regions(spec, knobs)
    orders = random_orders(spec, params, masks, np.random.default_rng(0))
    assert set(orders) == {"chain/hidden0", "chain/hidden1"}
    for group, order_U in orders.items():
        mask_U = np.asarray(masks[group.split("/")[-1]])
        assert sorted(order_U) == list(range(len(mask_U)))
        np.testing.assert_array_equal(mask_U[order_U], mask_U)
        assert (order_U != np.arange(len(order_U))).mean() > 0.5
