"""What a network says: scores by hand, ablation, calibration, attacks that bring things back."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.measure.ablate import WHOLE, ablated, look, mean_ablated
from absorb.measure.attacks import merge_params, mixed_batch, pool_of, split_params
from absorb.measure.calibrate import apply_map, asked_outputs, calibrated_map
from absorb.measure.elicit import Trace, chosen
from absorb.measure.mechanism import mean_view
from absorb.measure.network import measure_network
from absorb.measure.scores import scores, single
from absorb.models import head_mask, init, regions
from absorb.train.one import start, train_epochs
from absorb.worlds import load_world
from sweeps.app import compose

SMALL = ["model.widths=[16,16]", "routing.units=5"]


def made(*overrides: str):
    config = compose([*SMALL, *overrides])
    spec, knobs = spec_of(config), knobs_of(config, 10)
    return spec, knobs, init(spec, jax.random.key(0)), load_world(config.world)


def test_scores_are_the_means_over_forget_and_retain_examples():
    spec, knobs, _, data = made()
    logits = np.random.default_rng(0).standard_normal((len(data.test.class_N), 10))
    found = scores(spec, knobs, jnp.asarray(logits), data.test)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    nats = -np.log(p[np.arange(len(p)), data.test.class_N])
    forget = np.isin(data.test.class_N, [8, 9])
    assert found["forget"] == pytest.approx(nats[forget].mean(), rel=1e-5)
    assert found["retain"] == pytest.approx(nats[~forget].mean(), rel=1e-5)
    right = logits.argmax(1) == data.test.class_N
    assert found["forget.accuracy"] == pytest.approx(right[forget].mean())


def test_mean_ablation_keeps_each_units_mean_and_forgets_its_input():
    spec, knobs, params, data = made("routing.sites=[hidden1]")
    view = mean_ablated(spec, knobs, params, data.train)
    region = np.asarray(regions(spec, knobs)["hidden1"]) > 0
    units = look(spec, knobs, params, data.train.x_NF, WHOLE).sites["hidden1"]
    np.testing.assert_allclose(view.fill["hidden1"], units.mean(0), rtol=1e-5)
    kernel = params["chain"]["out"]["kernel"]
    want = units * ~region @ kernel + units.mean(0) * region @ kernel
    got = look(spec, knobs, params, data.train.x_NF, view).prediction_BO
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("placement", ["slice", "added", "parallel"])
def test_mean_ablation_of_a_learned_gate_keeps_the_mean_of_what_passes_it(placement):
    """The last layer is linear, so that the mean of the outputs stays as it is."""
    spec, knobs, params, data = made(
        "gate=learned", f"routing.placement={placement}", "routing.sites=[hidden1]"
    )
    gate = params["gate_module"] if placement == "parallel" else params["chain"]["gate_hidden1"]
    gate["bias"] = jnp.float32(-5)
    gate["kernel"] = jnp.linspace(-0.3, 0.3, gate["kernel"].size)  # not the same for all examples
    whole_O = look(spec, knobs, params, data.train.x_NF, WHOLE).prediction_BO.mean(0)
    own = regions(spec, knobs)
    for view in (
        mean_ablated(spec, knobs, params, data.train),
        mean_view(spec, knobs, params, data.train, own),
    ):
        got_O = look(spec, knobs, params, data.train.x_NF, view).prediction_BO.mean(0)
        np.testing.assert_allclose(got_O, whole_O, atol=1e-4)


def test_calibration_undoes_a_shift_and_a_scale_of_the_output():
    spec, knobs, _, data = made("model=autoencoder", "model.widths=[16]")
    target = jnp.asarray(data.train.x_NF)
    spoiled = 1.25 * target - 0.1 * jnp.linspace(0, 1, 64)
    sample = spoiled, target, jnp.ones(len(target))
    theta = calibrated_map(spec, knobs, jnp.ones(64), lambda _: sample)
    before, after = (((y - target) ** 2).mean() for y in (spoiled, apply_map(theta, spoiled)))
    assert after < 0.02 * before


def test_calibration_does_not_sink_classes_that_retain_data_never_show():
    spec, knobs, _, data = made()
    retain_N = 1.0 - np.isin(data.train.class_N, [8, 9])
    logits = jnp.zeros((len(retain_N), 10)).at[:, 8:].set(1.0)
    sample = logits, jnp.asarray(data.train.class_N), jnp.asarray(retain_N)
    asked_O = asked_outputs(spec, knobs, data.train)
    theta = calibrated_map(spec, knobs, asked_O, lambda _: sample)
    np.testing.assert_array_equal(theta[9:], 0)
    assert jnp.abs(theta[1:9]).min() > 0


def test_calibration_of_features_leaves_the_concept_alone():
    """Every sparse example has all outputs, so the concept's are named and not looked for."""
    config = compose(["world=sparse", "model=toy", "routing.concept=[1,3]"])
    data = load_world(config.world)
    asked_O = asked_outputs(spec_of(config), knobs_of(config, 5), data.train)
    np.testing.assert_array_equal(asked_O, [1, 0, 1, 0, 1])


def test_splitting_parameters_loses_nothing():
    spec, _, params, _ = made()
    learn, stay = split_params(params, head_mask(spec, params))
    jax.tree.map(np.testing.assert_array_equal, merge_params(learn, stay), params)
    assert len(jax.tree.leaves(learn)) == 2 and len(jax.tree.leaves(stay)) == 4


def test_an_attack_sees_only_the_stated_number_of_forget_examples():
    spec, knobs, _, data = made()
    pool = pool_of(spec, knobs, data.train, jax.random.key(5))
    seen = set()
    for seed in range(50):
        index = mixed_batch(jax.random.key(seed), pool, jnp.int32(4), 64)
        forget = np.isin(data.train.class_N[np.asarray(index)], [8, 9])
        assert forget[:32].all() and not forget[32:].any()
        seen |= set(np.asarray(index)[:32].tolist())
    assert len(seen) == 4
    many = mixed_batch(jax.random.key(0), pool, jnp.int32(10**6), 64)
    assert np.isin(data.train.class_N[np.asarray(many)], [8, 9])[:32].all()


def test_the_choice_is_made_on_validation_and_never_on_test():
    traces = [
        Trace(jnp.array([0.5, 0.2]), {"forget": jnp.array([0.0, 3.0])}, jnp.ones(2)),
        Trace(jnp.array([jnp.nan, 0.3]), {"forget": jnp.array([-9.0, 1.0])}, jnp.ones(2)),
    ]
    best = chosen(traces)
    assert best["forget"] == 3.0 and best["choice"] == 1


def trained(*overrides: str):
    spec, knobs, _, data = made("train.epochs=30", *overrides)

    @jax.jit
    def run(knobs):
        state = train_epochs(spec, knobs, data.train, start(spec, knobs), 0, 30)
        return measure_network(spec, knobs, data, state.params)

    return {name: float(value) for name, value in single(run(knobs)).items()}


@pytest.mark.slow
def test_what_is_only_hidden_comes_back_and_what_was_never_taught_costs_more():
    hidden = trained("measure=attacks", "routing.label_fraction=0")
    never = trained("measure=attacks", "routing.arm=filter", "routing.label_fraction=1")
    assert never["raw.forget"] > 3 and hidden["whole.forget"] < 1
    assert hidden["elicited.forget"] < never["elicited.forget"] < never["raw.forget"]
    assert hidden["forget_train_count"] == never["forget_train_count"] > 100
    assert hidden["labelled_count"] == 0 and never["labelled_count"] == never["forget_train_count"]


@pytest.mark.slow
def test_gates_by_hand_run_from_ablated_to_whole():
    found = trained("measure=quick", "measure.gates=[0,0.5,1]")
    assert found["gate@0.forget"] == pytest.approx(found["raw.forget"])
    assert found["gate@1.forget"] == pytest.approx(found["whole.forget"])
    assert found["gate@0.5.forget"] not in (found["gate@0.forget"], found["gate@1.forget"])


@pytest.mark.slow
def test_training_the_ablated_network_now_and_then_spares_the_rest():
    plain = trained("measure=quick", "routing.label_fraction=1")
    spared = trained("measure=quick", "routing.label_fraction=1", "train.ablate_every=2")
    assert spared["raw.retain"] < 0.7 * plain["raw.retain"]


@pytest.mark.parametrize("gate", ["none", "learned"])
def test_arms_without_a_region_are_never_ablated(gate):
    spec, knobs, params, data = made("routing.arm=std", f"gate={gate}")
    x = data.test.x_NF
    views = (WHOLE, ablated(knobs), mean_ablated(spec, knobs, params, data.train))
    whole, zero, mean = (look(spec, knobs, params, x, view).prediction_BO for view in views)
    np.testing.assert_allclose(whole, zero, rtol=1e-6)
    np.testing.assert_allclose(whole, mean, rtol=1e-6)
    routed = knobs._replace(ablated_gate=np.float32(0))
    gap = look(spec, routed, params, x, ablated(routed)).prediction_BO - whole
    assert jnp.abs(gap).max() > 0.01


def test_the_null_world_reports_the_rests_share_of_the_slope():
    config = compose(["world=linear", "model=paths", "measure=quick", "world.examples=64"])
    spec, data = spec_of(replace(config, seed=1)), load_world(config.world)
    params = {"trunk": {"path": jnp.array([0.3])}, "module": {"path": jnp.array([0.9])}}
    found = measure_network(spec, knobs_of(config, 1), data, params)
    assert found["kept_share"] == pytest.approx(0.25, rel=1e-5)


@pytest.mark.slow
def test_attacks_are_chosen_on_validation_data_and_calibration_sees_retain_data_alone():
    spec, knobs, params, data = made("measure.attack_kinds=[all]", "measure.attack_rates=[1e-3]",
                                     "measure.attack_examples=[4]", "measure.attack_steps=4",
                                     "measure.treatments=[calibrated,elicited]")  # fmt: skip
    measure = jax.jit(lambda data: measure_network(spec, knobs, data, params))
    honest = measure(data)
    wrong = data.test._replace(class_N=(data.test.class_N + 1) % 10)
    assert measure(data._replace(test=wrong))["elicited.choice"] == honest["elicited.choice"]
    forget = np.isin(data.train.class_N, [8, 9])
    swapped = np.where(forget, 17 - data.train.class_N, data.train.class_N)  # 8 and 9 exchanged
    relabelled = measure(data._replace(train=data.train._replace(class_N=swapped)))
    assert relabelled["calibrated.forget"] == pytest.approx(float(honest["calibrated.forget"]))
    assert relabelled["elicited.forget"] != honest["elicited.forget"]
