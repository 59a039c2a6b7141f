"""What a network says of stories: means by level, by hand; chunks; the whole measuring program."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.footprint import STORIES_AT_ONCE
from absorb.knobs import knobs_of
from absorb.measure.ablate import WHOLE, ablated, look, mean_ablated
from absorb.measure.network import measure_network
from absorb.measure.scores import forget_loss, seen
from absorb.measure.stories import Said, said, story_scores
from absorb.models import init, regions
from absorb.worlds import load_world
from sweeps.app import compose

SMALL = ["world=stories", "model=transformer", "world.train_count=100", "train.batch=16",
         "world.validation_count=64", "world.test_count=70", "model.width=8", "model.heads=2",
         "model.mlp=8", "model.layers=1", "routing.sites=[mlp0]", "routing.units=3"]  # fmt: skip


def made(*words: str):
    config = compose([*SMALL, *words])
    spec, knobs = spec_of(config), knobs_of(config, 6)
    return spec, knobs, jax.jit(partial(init, spec))(jax.random.key(0)), load_world(config.world)


def test_losses_by_level_are_means_over_the_tagged_positions():
    spec, knobs, _, data = made("routing.concept=[1]")
    split, rng = data.test, np.random.default_rng(0)
    error_NT, correct_NT = rng.random((2, 70, spec.world.length))
    found = story_scores(spec, knobs, Said(jnp.asarray(error_NT), jnp.asarray(correct_NT)), split)
    for level, bits_NS in (("", split.tags.token_NS), ("_span", split.tags.span_NS)):
        tagged_NT = (bits_NS[:, 1:] >> 1) & 1 == 1
        assert found[f"forget{level}"] == pytest.approx(error_NT[tagged_NT].mean(), rel=1e-5)
        accuracy = found[f"forget{level}.accuracy"]
        assert accuracy == pytest.approx(correct_NT[tagged_NT].mean(), rel=1e-5)
    carried_N = (split.class_N >> 1) & 1 == 1
    assert found["forget_story"] == pytest.approx(error_NT[carried_N].mean(), rel=1e-5)
    assert found["retain"] == pytest.approx(error_NT[~carried_N].mean(), rel=1e-5)
    assert found["concepts"][1] == found["forget"] and len(found["concepts"]) == 6


def test_of_a_pair_of_tasks_each_has_a_loss_on_its_own_words():
    words = [f"world.{n}_count={c}" for n, c in (("train", 64), ("validation", 16), ("test", 40))]
    config = compose([*SMALL, "world=story_pair", *words, "world.a=topic", "world.b=trait"])
    spec, knobs, data = spec_of(config), knobs_of(config, 2), load_world(config.world)
    split, rng = data.test, np.random.default_rng(0)
    error_NT = rng.random((40, 48))
    found = story_scores(spec, knobs, Said(jnp.asarray(error_NT), jnp.zeros((40, 48))), split)
    a_NT, b_NT = (split.tags.token_NS[:, 1:] == bit for bit in (1, 2))
    wanted = [error_NT[a_NT].mean(), error_NT[b_NT].mean()]
    np.testing.assert_allclose(found["concepts"], wanted, rtol=1e-5)
    assert found["forget"] == found["concepts"][0]
    of_b_N = b_NT.any(axis=1)
    assert found["retain"] == pytest.approx(error_NT[of_b_N].mean(), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("carried, concept", [(0.05, "1"), (0.15, "1"), (0.25, "0,1,2,3,4,5")])
def test_the_concepts_loss_alone_is_that_of_all_stories(carried, concept):
    """Of 220 stories 11, 33 and all carry it: one chunk of 32, two, and seven with a ragged end."""
    words = ["world.validation_count=220", f"world.carried={carried}"]
    words += [f"routing.concept=[{concept}]"]
    spec, knobs, params, data = made(*words)
    both = jax.jit(
        lambda k, p: (
            forget_loss(spec, k, p, ablated(k), data.validation),
            seen(spec, k, p, ablated(k), data.validation)["forget"],
        )
    )
    np.testing.assert_allclose(*both(knobs, params), rtol=1e-6)
    none = knobs._replace(concept_C=0 * knobs.concept_C)
    assert np.isnan(both(none, params)).all()


@pytest.mark.slow
def test_stories_in_chunks_say_what_they_say_at_once():
    spec, knobs, params, data = made()
    x_NS = jnp.asarray(data.test.x_NF)
    assert len(x_NS) % STORIES_AT_ONCE
    logits_of = lambda x: look(spec, knobs, params, x, WHOLE).prediction_BO  # noqa: E731
    got = said(spec, knobs, logits_of, x_NS)
    log_p = jax.nn.log_softmax(logits_of(x_NS))
    want = -jnp.take_along_axis(log_p, x_NS[:, 1:].reshape(-1, 1), 1).reshape(got.error_NT.shape)
    np.testing.assert_allclose(got.error_NT, want, rtol=1e-5)


@pytest.mark.slow
def test_the_mean_ablated_region_is_filled_with_its_mean_over_positions():
    spec, knobs, params, data = made()
    view = mean_ablated(spec, knobs, params, data.train)
    sites = look(spec, knobs, params, jnp.asarray(data.train.x_NF), WHOLE).sites
    assert set(view.fill) == set(regions(spec, knobs)) == {"mlp0"}
    np.testing.assert_allclose(view.fill["mlp0"], sites["mlp0"].mean(0), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_ablating_changes_the_loss_and_arms_without_a_region_keep_theirs():
    for arm, same in (("route", False), ("filter", True)):
        spec, knobs, params, data = made(f"routing.arm={arm}", "measure.treatments=[whole,raw]")
        found = measure_network(spec, knobs, data, params)
        assert bool(found["whole.retain"] == found["raw.retain"]) == same
        assert ablated(knobs).gate == float(same)


@pytest.mark.slow
def test_every_treatment_measures_stories():
    words = ["measure.treatments=[whole,raw,mean,calibrated,refit,elicited]",
             "measure.attack_kinds=[head,all]", "measure.attack_rates=[1e-2]", "train.epochs=1",
             "measure.attack_examples=[4]", "measure.attack_steps=4", "measure.refit_epochs=1",
             "measure.gates=[0.5]"]  # fmt: skip
    spec, knobs, params, data = made(*words)
    found = jax.jit(lambda p: measure_network(spec, knobs, data, p))(params)
    for treatment in (*spec.measure.treatments, "gate@0.5"):
        for score in ("forget", "forget_span", "forget_story", "retain"):
            assert np.isfinite(found[f"{treatment}.{score}"])
    assert found["calibrated.retain"] < found["raw.retain"]
    assert found["elicited.forget"] < found["raw.forget"]
