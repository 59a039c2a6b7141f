"""Two tasks among stories: equal sizes, each with its own concept and no other, or none."""

import numpy as np
import pytest

from absorb.config import Stories, StoryPair, spec_of
from absorb.errors import AbsorbError
from absorb.footprint import examples
from absorb.sites import answers, classes, inputs, of_tokens, positions
from absorb.world_config import PLAIN, STORY_CONCEPTS
from absorb.worlds import grammar, load_world
from absorb.worlds.stories import SHORTEST
from sweeps.app import compose

A, B = 1, 2


def made(a: str, b: str, held_out: str = "none"):
    return load_world(StoryPair("story_pair", 0, 601, 64, 400, 48, held_out, a, b))


@pytest.mark.parametrize("pair", [("family", "topic"), ("trait", "trait_two"), ("topic", "topic")])
def test_half_of_the_stories_are_for_each_task_and_say_so(pair):
    for split, count in zip(made(*pair), (601, 64, 400), strict=True):
        for bit, half in ((A, (count + 1) // 2), (B, count // 2)):
            tags = split.tags.token_NS[split.class_N == bit]
            assert len(tags) == half
            assert set(np.unique(tags)) == {0, bit}  # its own concept, and no other's
            assert (tags == bit).any(axis=1).all()
            assert (split.tags.span_NS[split.class_N == bit] >= tags).all()


@pytest.mark.parametrize("concept", STORY_CONCEPTS)
def test_a_task_is_told_as_the_world_of_stories_tells_it(concept):
    """The same words are tagged, as often in a story."""
    number = STORY_CONCEPTS.index(concept)
    stories = load_world(Stories("stories", 0, 2000, 64, 64, 48, "none", 0.15, 0.0)).train
    ours = made(concept, PLAIN).train
    theirs = stories.tags.token_NS[stories.class_N == 1 << number] > 0
    own = ours.tags.token_NS[ours.class_N == A] > 0
    assert theirs.sum(axis=1).mean() == pytest.approx(own.sum(axis=1).mean(), rel=0.05)
    words = set(stories.x_NF[stories.class_N == 1 << number][theirs])
    assert words == set(ours.x_NF[ours.class_N == A][own])


def test_plain_stories_carry_nothing():
    train = made("family", PLAIN).train
    plain = train.class_N == 0
    assert plain.sum() == 300 and not train.tags.token_NS[plain].any()
    special = grammar.encode(grammar.FAMILIES["family"])
    assert np.isin(train.x_NF[~plain], special).any(axis=1).all()
    assert not np.isin(train.x_NF[plain], special).any()


def test_two_tasks_of_one_concept_are_alike_and_share_no_order():
    train = made("family", "family").train
    first, second = (train.x_NF[train.class_N == bit] for bit in (A, B))
    share = [np.bincount(x.ravel(), minlength=128) / x.size for x in (first, second)]
    error = np.sqrt((share[0] + 1e-9) * 2 / first.size)
    assert (np.abs(share[0] - share[1]) < 6 * error + 1e-4).all()
    changes = (np.diff(train.class_N) != 0).mean()
    assert 0.4 < changes < 0.6


def test_splits_are_told_anew_and_the_same_again():
    data, again = made("family", "topic"), made("family", "topic")
    np.testing.assert_array_equal(data.train.x_NF, again.train.x_NF)
    assert not (data.train.x_NF[:64] == data.validation.x_NF).all()


def test_its_sizes_are_those_of_what_is_loaded():
    config = compose(["world=story_pair", "model=transformer"])
    world, data = config.world, load_world(config.world)
    assert of_tokens(world) and (classes(world), answers(world), positions(world)) == (2, 2, 48)
    assert data.train.x_NF.shape == (examples(spec_of(config)), inputs(world))


@pytest.mark.parametrize(("words", "said"), [
    (["world.a=plain"], "world.a='plain'"),
    (["world.b=nothing"], "world.b='nothing'"),
    (["routing.concept=[2]"], "routing.concept"),
    (["model=mlp"], "world.kind='story_pair' needs transformer"),
])  # fmt: skip
def test_what_is_no_task_is_refused(words, said):
    with pytest.raises(AbsorbError) as refused:
        compose(["world=story_pair", "model=transformer", *words])
    assert said in str(refused.value)


def test_stories_without_room_are_refused():
    short = StoryPair("story_pair", 0, 16, 16, 16, SHORTEST - 1, "none", "family", "topic")
    with pytest.raises(AbsorbError, match=f"world.length={SHORTEST - 1}"):
        load_world(short)
