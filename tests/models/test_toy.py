"""The toy model: its formula, its start, and what it becomes."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.keys import key_for
from absorb.knobs import knobs_of
from absorb.lanes.batch import train_batch
from absorb.models import apply, init, regions
from absorb.routing.kernels import Routes
from absorb.stats.geometry import frames, partners
from absorb.stats.toy_exact import kgon_optimum
from absorb.worlds import given, load_world
from sweeps.app import compose

TOY = ["world=sparse", "model=toy", "measure=quick", "train=adamw", "train.weight_decay=0",
       "train.batch=512", "train.learning_rate=3e-3"]  # fmt: skip


def seeded(words: list[str], seeds: int):
    config = compose([*TOY, *words])
    return [replace(config, seed=seed) for seed in range(seeds)]


def weights(row, hidden: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array(row["weights.w"]).reshape(hidden, -1), np.array(row["weights.b"])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("relu", [True, False])
def test_the_output_is_the_formula(tied, relu):
    config = compose([*TOY, f"model.tied={tied}", f"model.relu={relu}", "world.features=7"])
    spec, rng = spec_of(config), np.random.default_rng(0)
    params = init(spec, jax.random.key(0)) | {"b": jnp.array(rng.standard_normal(7), jnp.float32)}
    assert set(params) == ({"w", "b"} if tied else {"w", "v", "b"})
    x_BF = rng.standard_normal((4, 7)).astype(np.float32)
    routes = Routes(None, jnp.ones(4), regions(spec, knobs_of(config, 7)))
    w, v, b = (np.asarray(params.get(name, params["w"])) for name in ("w", "v", "b"))
    want = x_BF @ w.T @ v + b
    output = apply(spec, params, jnp.asarray(x_BF), routes)
    np.testing.assert_allclose(output.prediction_BO, np.maximum(want, 0) if relu else want,
                               rtol=2e-5, atol=1e-5)  # fmt: skip
    np.testing.assert_allclose(output.sites["hidden"], x_BF @ w.T, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_start_depends_on_the_seed_alone_and_has_the_stated_spread():
    few, many = (train_batch(seeded(["train.epochs=1", "world.steps=1"], n), lanes=n).rows[0]
                 for n in (2, 12))  # fmt: skip
    assert few["weights.w"] == many["weights.w"]
    config = compose([*TOY, "world.features=300", "model.hidden=100"])
    w_MF = init(spec_of(config), jax.random.key(0))["w"]
    assert w_MF.std() == pytest.approx(np.sqrt(2 / 400), rel=0.03)


def one_hot_error(w_MF: np.ndarray, b_F: np.ndarray) -> float:
    """Mean summed error H where exactly one feature is active, uniform: by quadrature."""
    mu_N = (np.arange(4000) + 0.5) / 4000
    gram, total = w_MF.T @ w_MF, 0.0
    for i in range(len(b_F)):
        y_NF = np.maximum(0, np.outer(mu_N, gram[i]) + b_F)
        y_NF[:, i] -= mu_N
        total += (y_NF**2).sum(1).mean()
    return total / len(b_F)


@pytest.mark.slow
@pytest.mark.parametrize(("features", "found"), [(5, {4, 5}), (6, {5, 6})])
def test_trained_networks_reach_the_optimum_of_their_polygon(features, found):
    one_active = ["world.structure=groups", f"world.group={features}", "world.correlation=1",
                  f"world.features={features}", f"world.active={1 / features}"]  # fmt: skip
    rows = train_batch(seeded([*one_active, "routing=none", "train.epochs=40"], 12)).rows
    corners = set()
    for row in rows:
        w_MF, b_F = weights(row, 2)
        k = sum(len(frame.features) for frame in frames(w_MF))
        assert one_hot_error(w_MF, b_F) == pytest.approx(kgon_optimum(features, k).error, rel=0.02)
        corners.add(k)
    assert corners == found


@pytest.mark.slow
@pytest.mark.parametrize(
    "active", [0.1, *(pytest.param(a, marks=pytest.mark.slow) for a in (0.3, 0.03))]
)
def test_two_sparse_features_in_one_dimension_become_antipodal(active):
    words = ["world.features=2", "model.hidden=1", "routing=none", f"world.active={active}",
             "train.epochs=30"]  # fmt: skip
    rows = train_batch(seeded(words, 8)).rows
    best = min(rows, key=lambda row: row["whole.loss"])
    assert partners(weights(best, 1)[0]).tolist() == [1, 0]


@pytest.mark.slow
def test_routing_can_be_lifted_and_then_acts_no_more():
    words = ["routing=parameter", "routing.granularity=component", "routing.label_fraction=1",
             "routing.concept=[0,1]", "world.active=0.05", "world.features=6", "model.hidden=3",
             "routing.weights.retain=[0,0]", "train.epochs=20"]  # fmt: skip
    config = compose([*TOY, *words, "train.optimizer=sgd", "train.learning_rate=0.3"])
    lifted, routed, never = (
        replace(config, routing=replace(config.routing, until=until)) for until in (0.5, 1, 0)
    )
    capacity = replace(config, routing=replace(config.routing, arm="capacity"))
    rows = train_batch([lifted, routed, never, capacity]).rows
    assert rows[2]["weights.w"] == rows[3]["weights.w"]  # lifted from the start: never routed
    begin = init(spec_of(config), key_for(jax.random.key(config.seed), "init"))["w"]
    moved = [np.abs(weights(row, 3)[0] - begin)[1:].max() for row in rows]
    assert moved[1] == 0 < moved[0]  # nothing but dimension 0 trains, until routing is lifted


@pytest.mark.slow
def test_scores_are_by_feature_and_ablation_removes_the_region():
    words = ["world.features=4", "model.hidden=4", "routing.concept=[0]", "train.epochs=30",
             "world.active=0.1", "routing.weights.retain=[0,1]", "routing.retain_fraction=1",
             "routing.label_fraction=1", "world.importance=0.5"]  # fmt: skip
    for row in train_batch(seeded(words, 2)).rows:
        error_F = np.array(row["whole.features"])
        assert row["whole.forget"] == pytest.approx(error_F[0], rel=1e-5)
        assert row["whole.retain"] == pytest.approx(error_F[1:].mean(), rel=1e-5)
        assert row["whole.loss"] == pytest.approx((0.5 ** np.arange(4) * error_F).mean(), rel=1e-5)
        w_MF, b_F = weights(row, 4)
        kept = w_MF * np.array([0, 1, 1, 1])[:, None]
        config = compose([*TOY, *words])
        data = given(spec_of(config), knobs_of(config, 4), load_world(config.world))
        x_NF = np.asarray(data.test.x_NF)
        y_NF = np.maximum(0, x_NF @ kept.T @ w_MF + b_F)
        assert row["raw.features"] == pytest.approx(((y_NF - x_NF) ** 2).mean(0), rel=1e-3)


@pytest.mark.slow
def test_routed_to_one_dimension_two_features_keep_the_signs_of_their_start():
    """Why induced pairs are antipodal in about half of the runs and parallel in the others."""
    words = ["routing=parameter", "routing.granularity=component", "routing.label_fraction=1",
             "routing.concept=[0,1]", "routing.weights.retain=[0,1]", "world.active=0.05",
             "world.features=4", "train.batch=256", "train.epochs=20"]  # fmt: skip
    configs, found = seeded(words, 24), {True: [], False: []}
    for config, row in zip(configs, train_batch(configs).rows, strict=True):
        begin = init(spec_of(config), key_for(jax.random.key(config.seed), "init"))["w"]
        w_MF, _ = weights(row, 2)
        found[bool(begin[0, 0] * begin[0, 1] < 0)].append(w_MF[0, 0] * w_MF[0, 1] < 0)
    assert len(found[True]) > 5 < len(found[False])
    assert np.mean(found[True]) > 0.7 > 0.3 > np.mean(found[False])


def test_the_start_alone_can_hold_a_feature_outside_its_region():
    """Routing stops K from learning the concept; tied random weights know some of it already."""
    words = ["world.features=4", "model.hidden=4", "routing=parameter", "routing.label_fraction=1",
             "world.active=0.1", "train.epochs=1", "world.steps=1"]  # fmt: skip
    for row in train_batch(seeded(words, 4)).rows:
        assert row["raw.forget"] < 0.75 * 0.1 / 3  # the mean square of the feature itself


@pytest.mark.slow
def test_fine_tuning_brings_an_ablated_feature_back():
    words = ["world.features=4", "model.hidden=4", "routing=parameter", "routing.label_fraction=1",
             "routing.weights.retain=[0,1]", "routing.retain_fraction=1", "world.active=0.1",
             "measure.treatments=[whole,raw,calibrated,elicited]", "measure.attack_kinds=[all]",
             "measure.attack_rates=[3e-2]", "measure.attack_examples=[1000]",
             "train.epochs=20"]  # fmt: skip
    for row in train_batch(seeded(words, 2)).rows:
        assert row["elicited.forget"] < 0.5 * min(row["raw.forget"], row["calibrated.forget"])
        assert "attack.all.0.03.1000.forget" in row and "elicited.features" not in row
        assert "refit.forget" not in row  # there is no head to refit
