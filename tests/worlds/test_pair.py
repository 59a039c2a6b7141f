"""Pairs of tasks: equal sizes, no picture in both, controls that are what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.footprint import examples
from absorb.knobs import knobs_of
from absorb.models import apply, init, regions
from absorb.routing.kernels import Routes
from absorb.sites import classes, inputs
from absorb.train.losses import targets
from absorb.world_config import VIEWS, Pair
from absorb.worlds import load_world
from absorb.worlds.labels import carries
from absorb.worlds.pair import seen_as
from sweeps.app import compose

SEPARABLE = ["world.a_view=elsewhere"]
IDENTICAL = ["world.a=[5,6,7,8,9]"]


def made(*words: str):
    config = compose(["world=pair", *words])
    assert isinstance(config.world, Pair)
    data = load_world(config.world)
    x_NF, class_N = (np.concatenate([getattr(split, name) for split in data])
                     for name in ("x_NF", "class_N"))  # fmt: skip
    return config, config.world, x_NF, class_N


@pytest.mark.parametrize("words", [[], SEPARABLE, IDENTICAL, ["world.a=[1,2]"]])
def test_both_tasks_have_as_many_examples_and_their_own_digits(words):
    config, world, x_NF, class_N = made(*words)
    assert (class_N < 10).sum() == (class_N >= 10).sum()
    assert set(class_N) == {*world.a, *(10 + digit for digit in world.b)}
    assert examples(spec_of(config)) == pytest.approx(len(x_NF) * 0.55, rel=0.05)


def test_a_picture_belongs_to_one_task_and_those_that_share_digits_draw_alike():
    _, _, x_NF, class_N = made(*IDENTICAL)
    assert len(np.unique(x_NF, axis=0)) == len(x_NF)
    a_F, b_F = (x_NF[side].mean(axis=0) for side in (class_N < 10, class_N >= 10))
    error_F = x_NF.std(axis=0) * np.sqrt(2 / (class_N < 10).sum())
    assert (np.abs(a_F - b_F) < 4.5 * error_F + 1e-9).all()


def test_what_is_seen_elsewhere_shares_no_input():
    _, world, x_NF, class_N = made(*SEPARABLE)
    assert inputs(world) == x_NF.shape[1] == 128
    assert (x_NF[class_N < 10, :64] == 0).all() and (x_NF[class_N >= 10, 64:] == 0).all()
    assert x_NF[class_N < 10].any() and x_NF[class_N >= 10].any()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_loses_nothing(view):
    rng = np.random.default_rng(0)
    x_NF = rng.random((5, 64))
    np.testing.assert_allclose(np.sort(seen_as(view, x_NF)[0]), np.sort(
        1 - x_NF[0] if view == "inverted" else x_NF[0]))  # fmt: skip
    assert (view in ("upright", "elsewhere")) == np.array_equal(seen_as(view, x_NF), x_NF)


def test_a_picture_turned_by_a_quarter_is_turned():
    corner_F = np.zeros(64)
    corner_F[7] = 1.0  # upper right
    assert seen_as("turned", corner_F[None])[0].nonzero()[0].tolist() == [0]  # upper left


def test_task_a_is_the_concept_and_both_tasks_answer_with_digits():
    config, world, _, _ = made()
    spec, knobs = spec_of(config), knobs_of(config, classes(world))
    test = load_world(world).test
    x_NF, class_N = jnp.asarray(test.x_NF), jnp.asarray(test.class_N)
    np.testing.assert_array_equal(carries(spec, knobs, test), test.class_N < 10)
    np.testing.assert_array_equal(targets(spec, x_NF, class_N), test.class_N % 10)
    routes = Routes(None, jnp.ones(len(x_NF)), regions(spec, knobs))
    output = apply(spec, init(spec, jax.random.key(0)), x_NF, routes)
    assert output.prediction_BO.shape == (len(x_NF), 10)


@pytest.mark.parametrize(
    "word, said", [("world.a=[10]", "world.a"), ("world.a=[]", "world.a"),
                   ("world.a_view=sideways", "world.a_view"),
                   ("routing.concept=[20]", r"\[0, 19\]")])  # fmt: skip
def test_refused(word, said):
    with pytest.raises(AbsorbError, match=said):
        compose(["world=pair", word])
