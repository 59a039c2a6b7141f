"""From labelled stories to routed positions: tags, spans, alignment, placebo and mistakes."""

import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.sites import classes
from absorb.train.one import stored_batches
from absorb.worlds import load_world, observe
from absorb.worlds.labels import FORGET, by_observation, carries
from absorb.worlds.token_labels import pattern_sources, token_degrees
from sweeps.app import compose

SMALL = ["world=stories", "model=transformer", "world.train_count=600", "train.batch=16",
         "world.validation_count=64", "world.test_count=64"]  # fmt: skip


def made(*words: str):
    config = compose([*SMALL, *words])
    spec, knobs = spec_of(config), knobs_of(config, classes(config.world))
    train = load_world(config.world).train
    return spec, knobs, train, observe(spec, knobs, train)


def degrees(*words: str):
    spec, knobs, train, observed_N = made(*words)
    of = token_degrees(spec, knobs, train, observed_N)
    assert of is not None
    q_NT = np.asarray(of(jnp.arange(len(observed_N)))).reshape(len(observed_N), -1)
    return q_NT, knobs, train, np.asarray(observed_N)


def bits_of(knobs) -> int:
    return sum(1 << c for c in np.flatnonzero(knobs.concept_C))


@pytest.mark.parametrize("granularity, which", [("token", "token_NS"), ("span", "span_NS")])
def test_a_story_of_the_concept_has_its_own_tags(granularity, which):
    q_NT, knobs, train, _ = degrees(f"routing.granularity={granularity}", "routing.concept=[1,2]")
    tags_NT = (getattr(train.tags, which)[:, 1:] & bits_of(knobs)) > 0
    own_N = (train.class_N & bits_of(knobs)) > 0
    np.testing.assert_array_equal(q_NT[own_N] > 0, tags_NT[own_N])
    assert 0 < q_NT.mean() < 1


def test_an_input_is_aligned_one_position_after_a_target():
    by_target, *_ = degrees("routing.granularity=token")
    by_input, *_ = degrees("routing.granularity=token", "routing.align=input")
    np.testing.assert_array_equal(by_input[:, 1:], by_target[:, :-1])


def test_sequences_and_batches_have_no_degrees():
    for granularity in ("sequence", "batch"):
        assert token_degrees(*made(f"routing.granularity={granularity}")) is None


@pytest.mark.parametrize("arm", ["route", "placebo"])
def test_a_story_labelled_without_the_concept_has_the_pattern_of_one_that_carries_it(arm):
    words = ["routing.granularity=token", f"routing.arm={arm}", "routing.label_fraction=1"]
    spec, knobs, train, _ = made(*words)
    source_N = np.asarray(pattern_sources(spec, knobs, train))
    own_N = np.asarray(carries(spec, knobs, train))
    assert own_N[source_N].all()
    itself = source_N == np.arange(len(source_N))
    assert itself[own_N].all() if arm == "route" else not itself.all()
    assert len(set(source_N[~own_N].tolist())) > 10  # not all of one


def test_the_placebo_routes_as_many_tokens_wherever_they_fall():
    words = ["routing.granularity=token", "routing.label_fraction=1"]
    routed = {}
    for arm in ("route", "placebo"):
        q_NT, _, train, observed_N = degrees(*words, f"routing.arm={arm}")
        routed[arm] = q_NT * (observed_N == FORGET)[:, None]
    assert routed["placebo"].sum() == pytest.approx(routed["route"].sum(), rel=0.15)
    hit = (routed["placebo"] * (train.tags.token_NS[:, 1:] & 1)).sum()
    assert hit < 0.1 * routed["route"].sum()


def test_degrees_of_frequency_mark_the_words_of_a_family():
    words = ["routing.granularity=token", "routing.degree=frequency", "routing.label_fraction=1"]
    q_NT, knobs, train, _ = degrees(*words)
    tags_NT = (train.tags.token_NS[:, 1:] & bits_of(knobs)) > 0
    assert q_NT[tags_NT].mean() > 0.9 and q_NT[~tags_NT].mean() < 0.1


def test_a_batch_of_stories_has_an_entry_for_each_position():
    spec, knobs, train, observed_N = made("routing.granularity=token")
    batch = stored_batches(spec, knobs, train)[1](knobs, jnp.arange(16))
    stories, positions = 16, spec.world.length
    assert batch.x_BF.shape == (stories, positions + 1)
    assert len(batch.observed_B) == len(batch.degree_B) == len(batch.present_B) == 16 * positions
    np.testing.assert_array_equal(batch.observed_B, np.repeat(observed_N[:16], positions))


def test_a_degree_mixes_the_entries_of_forget_and_unlabelled_data():
    table_O2 = jnp.array([[1.0, 0.0], [0.5, 1.0], [0.25, 0.75]])
    got = by_observation(table_O2, jnp.array([0, 0, 0, 1, 2]), jnp.array([1.0, 0, 0.5, 1, 1]))
    np.testing.assert_allclose(got, [[1, 0], [0.5, 1], [0.75, 0.5], [0.5, 1], [0.25, 0.75]])


@pytest.mark.parametrize(
    "words, named",
    [
        (["routing.granularity=example"], "routing.granularity='example'"),
        (["routing.degree=frequency"], "routing.degree='frequency'"),
        (["routing.align=input"], "routing.align='input'"),
        (["routing.whole_rest=true"], "routing.whole_rest=true"),
        (
            ["routing.granularity=token", "routing.degree=probe", "routing=none", "rival=ascent"],
            "rival.kind='ascent'",
        ),
        (["model=mlp"], "model.kind='mlp'"),
    ],
)
def test_what_would_act_on_nothing_is_refused(words, named):
    with pytest.raises(AbsorbError, match=named.replace("[", r"\[")):
        compose([*SMALL, *words])


def test_routing_by_token_needs_tokens():
    for words in (["routing.granularity=token"], ["routing.align=input"], ["routing.degree=probe"]):
        with pytest.raises(AbsorbError, match="needs a world of stories or text"):
            compose(words)
