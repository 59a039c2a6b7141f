"""The world of sparse features: what is drawn, and who is labelled."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.worlds import carries, check_labels, draw, given, load_world, observe_drawn
from absorb.worlds.data import Split
from absorb.worlds.labels import FORGET, RETAIN, UNLABELLED
from sweeps.app import compose

MANY = 200_000
WORLD = ["world=sparse", "model=toy", "world.features=6", "model.hidden=3"]


def made(*words: str):
    config = compose([*WORLD, f"train.batch={MANY}", *words])
    return spec_of(config), knobs_of(config, 6)


def drawn(*words: str, step: int = 0) -> np.ndarray:
    spec, knobs = made(*words)
    return np.asarray(draw(spec, knobs, jnp.int32(step)))


def rate_is(truth: float, yes: np.ndarray) -> bool:
    """Whether a rate over independent draws agrees, at an error rate of one in a million."""
    return binomtest(int(yes.sum()), yes.size, truth).pvalue > 1e-6


@pytest.mark.parametrize("structure", ["independent", "pairs", "groups", "hierarchy"])
def test_a_feature_is_active_as_often_as_stated_and_then_uniform(structure):
    x_BF = drawn("world.active=0.2", f"world.structure={structure}", "world.correlation=0.5")
    for i, x_B in enumerate(x_BF.T):
        child = structure == "hierarchy" and i % 2
        assert rate_is(0.5 * 0.2 + 0.5 * 0.1 if child else 0.2, x_B > 0)
        assert kstest(x_B[x_B > 0], "uniform").pvalue > 1e-6


def test_independent_features_are_so_within_and_across_steps():
    x_BF, later_BF = drawn("world.active=0.2"), drawn("world.active=0.2", step=1)
    both = np.corrcoef(np.concatenate([x_BF, later_BF], axis=1).T)
    assert np.abs(both - np.eye(12)).max() < 0.015


@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
def test_pairs_are_active_together_with_the_stated_correlation(correlation):
    words = ("world.active=0.2", "world.structure=pairs", f"world.correlation={correlation}")
    active_BF = drawn(*words) > 0
    found = np.corrcoef(active_BF.T)
    for i, j in ((0, 1), (2, 3), (4, 5)):
        assert found[i, j] == pytest.approx(correlation, abs=0.015)
    assert abs(found[1, 2]) < 0.015


def test_pairs_are_independent_in_their_values():
    x_BF = drawn("world.active=0.2", "world.structure=pairs", "world.correlation=1")
    on = x_BF[:, 0] > 0
    np.testing.assert_array_equal(on, x_BF[:, 1] > 0)
    assert abs(np.corrcoef(x_BF[on, 0], x_BF[on, 1])[0, 1]) < 0.02


def test_of_a_group_one_member_at_most_is_active_and_at_full_rate_one_exactly():
    words = ("world.structure=groups", "world.group=3", "world.correlation=1")
    some = drawn("world.active=0.2", *words) > 0
    assert (some.reshape(-1, 2, 3).sum(2) <= 1).all()
    full = drawn(f"world.active={1 / 3}", *words) > 0
    assert ((full.reshape(-1, 2, 3).sum(2)) == 1).mean() > 0.99999


def test_in_a_hierarchy_the_others_need_the_first_of_their_group():
    words = ("world.structure=hierarchy", "world.group=3", "world.correlation=1")
    active_BGK = (drawn("world.active=0.3", *words) > 0).reshape(-1, 2, 3)
    parent, children = active_BGK[..., :1], active_BGK[..., 1:]
    assert not (children & ~parent).any()
    assert rate_is(0.5, children[np.broadcast_to(parent, children.shape)])


def test_shared_draws_are_the_same_numbers_in_every_lane():
    own = [drawn("world.active=0.3", f"seed={s}") for s in (0, 1)]
    shared = [drawn("world.draws=shared", "world.active=0.3", f"seed={s}") for s in (0, 1)]
    assert not np.array_equal(*own)
    np.testing.assert_array_equal(*shared)
    rarer = drawn("world.draws=shared", "world.active=0.1")
    assert ((rarer > 0) <= (shared[0] > 0)).all()  # the same coins


def test_measured_examples_are_the_same_for_every_run_and_follow_its_knobs():
    spec, knobs = made("world.active=0.3", "world.measured=4096")
    _, rarer = made("world.active=0.1", "seed=5")
    data = load_world(spec.world)
    often, seldom = (np.asarray(given(spec, k, data).test.x_NF) for k in (knobs, rarer))
    assert rate_is(0.3, often > 0) and rate_is(0.1, seldom > 0)
    assert ((seldom > 0) <= (often > 0)).all()
    splits = given(spec, knobs, data)
    assert not np.array_equal(splits.train.x_NF, splits.test.x_NF)


def observed(*words: str, step: int = 0):
    spec, knobs = made("world.active=0.2", "routing.concept=[0,1]", *words)
    x_BF = draw(spec, knobs, jnp.int32(step))
    carries_B = carries(spec, knobs, Split(x_BF, None, {}))  # type: ignore[arg-type]
    return np.asarray(carries_B), np.asarray(observe_drawn(spec, knobs, carries_B, step))


def test_examples_with_an_active_feature_of_the_concept_are_labelled_at_the_stated_fraction():
    carries_B, observed_B = observed("routing.label_fraction=0.3", "routing.retain_fraction=0.4")
    assert rate_is(1 - 0.8**2, carries_B)
    assert rate_is(0.3, observed_B[carries_B] == FORGET)
    assert set(observed_B[carries_B].tolist()) == {FORGET, UNLABELLED}
    assert rate_is(0.4, observed_B[~carries_B] == RETAIN)
    assert set(observed_B[~carries_B].tolist()) == {RETAIN, UNLABELLED}


def test_what_is_labelled_stays_so_as_the_fraction_grows():
    few, many = (observed(f"routing.label_fraction={p}")[1] == FORGET for p in (0.2, 0.6))
    assert (few <= many).all() and few.sum() < many.sum()


def test_label_noise_has_its_rates():
    words = ("routing.label_fraction=0.5", "routing.false_negative=0.4",
             "routing.false_positive=0.1")  # fmt: skip
    carries_B, observed_B = observed(*words)
    assert rate_is(0.5 * 0.6, observed_B[carries_B] == FORGET)
    assert rate_is(0.1, observed_B[~carries_B] == FORGET)


def test_the_placebo_labels_as_many_whatever_they_carry():
    carries_B, observed_B = observed("routing.label_fraction=0.5", "routing.arm=placebo")
    labelled = observed_B == FORGET
    assert labelled.mean() == pytest.approx(0.5 * 0.36, abs=0.005)
    assert labelled[carries_B].mean() == pytest.approx(labelled[~carries_B].mean(), abs=0.006)


def test_std_withholds_other_examples_than_filter():
    draws = {arm: observed("routing.label_fraction=0.5", f"routing.arm={arm}")[1] == FORGET
             for arm in ("route", "hard", "filter", "std")}  # fmt: skip
    np.testing.assert_array_equal(draws["route"], draws["filter"])
    np.testing.assert_array_equal(draws["route"], draws["hard"])
    carried = observed("routing.label_fraction=1")[1] == FORGET
    both = (draws["filter"] & draws["std"])[carried].mean()
    assert both == pytest.approx(0.25, abs=0.01)  # of the carriers, independently


def test_labels_do_not_move_with_the_order_seed_nor_draws_with_the_label_seed():
    base, other = made(), made("seeds.labels=7")
    np.testing.assert_array_equal(*(draw(*m, jnp.int32(3)) for m in (base, other)))
    carries_B = jnp.ones(64, bool)
    labels = [observe_drawn(*m, carries_B, jnp.int32(3)) for m in (base, made("seeds.order=7"))]
    np.testing.assert_array_equal(*labels)
    assert not np.array_equal(labels[0], observe_drawn(*other, carries_B, jnp.int32(3)))


def test_every_example_carries_the_loss_components_of_the_concept():
    carries_B, observed_B = observed("routing.granularity=component", "routing.label_fraction=0.3")
    assert carries_B.all() and rate_is(0.3, observed_B == FORGET)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["world.structure=pairs", "world.features=5"], "world.group=2: must divide"),
        (["world.structure=groups", "world.active=0.6"], "world.active=0.6: must be at most"),
        (["routing.concept=[6]"], "routing.concept: 6 must lie in [0, 5]"),
        (["routing=none", "routing.arm=route"], "routing.arm='route'"),
        (["routing=update"], "routing.mechanism='update'"),
        (["routing.granularity=class"], "routing.granularity='class'"),
        (["gate=learned"], "gate.kind='learned'"),
        (["routing.covariate=ink"], "routing.covariate='ink'"),
        (["measure.treatments=[refit]"], "measure.treatments: refit"),
        (["measure.treatments=[elicited]"], "measure.treatments: elicited trains a fresh head"),
        (
            ["routing.granularity=component", "measure.treatments=[calibrated]"],
            "measure.treatments: calibrated needs examples without the concept",
        ),
        (["world.active=0"], "world.active=0"),
        (["routing.until=1.5"], "routing.until=1.5"),
    ],
)
def test_what_does_not_go_together_is_refused(words, says):
    with pytest.raises(AbsorbError) as refusal:
        compose([*WORLD, *words])
    assert says in str(refusal.value)


def test_world_and_model_have_to_fit():
    needs = {"world=sparse": "world.kind='sparse' needs toy",
             "model=toy": "world.kind='digits' needs mlp or autoencoder"}  # fmt: skip
    for word, says in needs.items():
        with pytest.raises(AbsorbError, match=says):
            compose([word, "routing.concept=[0]"])


def test_a_stream_serves_any_label_fraction_and_any_batch():
    config = compose([*WORLD, "routing.label_fraction=0.0001", "train.batch=100000"])
    check_labels(config, load_world(config.world))


def test_worlds_that_differ_in_knobs_alone_share_their_data():
    config = compose(WORLD)
    other = replace(config.world, active=0.5, importance=0.3)
    assert load_world(config.world) is load_world(other)
    assert jax.tree.leaves(load_world(config.world))[0].shape == (8192, 6)
