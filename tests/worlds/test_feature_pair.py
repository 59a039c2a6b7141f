"""Pairs of tasks among sparse features: what they share is what was asked, and nothing else."""

from functools import cache
from itertools import pairwise

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
from absorb.world_config import FeaturePair
from absorb.worlds.feature_pair import cosines, directions, load_feature_pair_world, shown
from absorb.worlds.labels import carries
from sweeps.app import compose

IDENTICAL = ["world.b=[0,1,2,3,4,5,6,7]"]
HALF = ["world.b=[4,5,6,7,8,9,10,11]"]
NESTED = ["world.b=[1,3]"]
TURNED = ["world.directions=orthogonal"]
ROTATED = ["world.b_view=rotated"]
RANDOM = ["world.directions=random", "world.features=40", "world.b=[0,1,38,39]"]


@cache
def made(*words: str):
    config = compose(["world=feature_pair", "model=autoencoder", *words])
    assert isinstance(config.world, FeaturePair)
    return config, config.world, load_feature_pair_world(config.world)


def both(*words: str):
    """The world, and all examples of task A and of task B."""
    _, world, data = made(*words)
    x_NF, class_N = (np.concatenate([getattr(split, name) for split in data])
                     for name in ("x_NF", "class_N"))  # fmt: skip
    return world, x_NF[class_N == 0], x_NF[class_N == 1]


@pytest.mark.parametrize("words", [[], IDENTICAL, HALF, NESTED, TURNED, ROTATED, RANDOM])
def test_half_of_every_split_is_for_each_task_and_no_example_for_both(words):
    _, world, data = made(*words)
    for split, name in zip(data, ("train", "validation", "test"), strict=True):
        assert np.bincount(split.class_N).tolist() == [getattr(world, f"{name}_count") // 2] * 2
        assert 0.3 < (np.diff(split.class_N) != 0).mean() < 0.7  # in any order
    x_NF = np.concatenate([split.x_NF for split in data])
    assert len(np.unique(x_NF, axis=0)) == len(x_NF)


@pytest.mark.parametrize("words", [[], IDENTICAL, HALF, NESTED, TURNED, [*HALF, *TURNED]])
def test_only_the_features_of_a_task_are_active_one_at_least_and_up_to_1(words):
    world, *each = both(*words)
    for task, x_NF in zip((world.a, world.b), each, strict=True):
        value_NJ = x_NF @ directions(world).T
        others = np.setdiff1d(np.arange(world.features), task)
        assert np.abs(value_NJ[:, others]).max() < 1e-5
        assert (value_NJ[:, list(task)].max(axis=1) > 1e-6).all()
        assert value_NJ.min() > -1e-5 and value_NJ.max() < 1 + 1e-5


@pytest.mark.parametrize("active", [0.02, 0.2, 1.0])
def test_features_are_as_often_active_as_asked_and_then_uniform(active):
    world, x_NF, _ = both(f"world.active={active}")
    value_NK, count = x_NF[:, list(world.a)], len(world.a)
    asked = active + (1 - active) ** count / count  # where none is active, one is
    error = np.sqrt(asked * (1 - asked) / value_NK.size)
    assert (value_NK > 0).mean() == pytest.approx(asked, abs=4.5 * error + 1e-9)
    found = np.sort(value_NK[value_NK > 0])
    gap = np.abs(found - (np.arange(len(found)) + 0.5) / len(found)).max()  # Kolmogorov
    assert gap < 2.2 / np.sqrt(len(found))


def test_a_task_and_its_own_resample_draw_alike():
    world, a_NF, b_NF = both(*IDENTICAL)
    for power in (1, 2):
        gap_F = (a_NF**power).mean(axis=0) - (b_NF**power).mean(axis=0)
        error_F = (a_NF**power).std(axis=0) * np.sqrt(2 / len(a_NF))
        assert (np.abs(gap_F) < 4.5 * error_F + 1e-9).all()
    np.testing.assert_array_equal(*shown(world))


def test_tasks_without_a_common_feature_share_no_input():
    _, a_NF, b_NF = both()
    assert not ((a_NF != 0).any(axis=0) & (b_NF != 0).any(axis=0)).any()
    assert (a_NF != 0).any(axis=0).sum() == (b_NF != 0).any(axis=0).sum() == 8


@pytest.mark.parametrize("kind", ["axes", "orthogonal"])
@pytest.mark.parametrize(("words", "shared"), [([], 0), (HALF, 4), (NESTED, 2), (IDENTICAL, 8)])
def test_as_many_directions_are_the_same_as_features(kind, words, shared):
    world = made(*words, f"world.directions={kind}")[1]
    a_KF, b_KF = shown(world)
    cosine_KK = a_KF @ b_KF.T
    is_same_KK = np.equal.outer(sorted(world.a), sorted(world.b))
    assert is_same_KK.sum() == shared
    np.testing.assert_allclose(cosine_KK, is_same_KK, atol=1e-12)


@pytest.mark.parametrize("kind", ["axes", "orthogonal"])
def test_a_rotated_task_spans_the_same_by_other_directions(kind):
    a_KF, b_KF = shown(made(*IDENTICAL, *ROTATED, f"world.directions={kind}")[1])
    np.testing.assert_allclose(a_KF.T @ a_KF, b_KF.T @ b_KF, atol=1e-12)
    np.testing.assert_allclose(b_KF @ b_KF.T, np.eye(8), atol=1e-12)
    assert np.abs(a_KF @ b_KF.T).max() <= np.sqrt(2 / 8)


def test_the_cosine_transform_has_its_closed_form():
    half = np.sqrt(0.5)
    np.testing.assert_allclose(cosines(2), [[half, half], [half, -half]], atol=1e-12)
    np.testing.assert_allclose(cosines(7) @ cosines(7).T, np.eye(7), atol=1e-12)


def test_random_directions_are_unit_vectors_more_than_the_inputs():
    d_JF = directions(made(*RANDOM)[1])
    assert d_JF.shape == (40, 16) and np.linalg.matrix_rank(d_JF) == 16
    np.testing.assert_allclose(np.linalg.norm(d_JF, axis=1), 1)
    assert np.abs(d_JF @ d_JF.T - np.eye(40)).max() < 0.95


def test_the_split_seed_decides_everything_and_the_order_of_a_list_nothing():
    first, again = made(*HALF, *TURNED)[2], made("world.b=[11,10,9,8,7,6,5,4]", *TURNED)[2]
    for split, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(split.x_NF, other.x_NF)
    seeds = [made(*HALF, *TURNED, f"world.split_seed={s}")[2] for s in (0, 1)]
    drawn = [split.x_NF[:256] for data in seeds for split in data]
    assert all((x_NF != y_NF).any(axis=1).all() for x_NF, y_NF in pairwise(drawn))


def test_the_covariate_counts_active_features():
    train = made()[2].train
    z_N, count_N = train.covariates["active"], (train.x_NF > 0).sum(axis=1)
    np.testing.assert_allclose(z_N, (count_N - count_N.mean()) / count_N.std(), atol=1e-5)


def test_task_a_is_the_concept_and_its_vectors_are_reconstructed():
    config, world, data = made(*HALF)
    spec, knobs, test = spec_of(config), knobs_of(config, classes(world)), data.test
    assert (classes(world), inputs(world)) == (2, 16)
    assert data.train.x_NF.shape == (examples(spec), inputs(world))
    np.testing.assert_array_equal(carries(spec, knobs, test), test.class_N == 0)
    x_NF = jnp.asarray(test.x_NF)
    np.testing.assert_array_equal(targets(spec, x_NF, jnp.asarray(test.class_N)), x_NF)
    routes = Routes(None, jnp.ones(len(x_NF)), regions(spec, knobs))
    output = jax.eval_shape(lambda: apply(spec, init(spec, jax.random.key(0)), x_NF, routes))
    assert output.prediction_BO.shape == x_NF.shape


@pytest.mark.parametrize(("words", "said"), [
    (["world.a=[16]"], "world.a: 16 must lie in [0, 15]"),
    (["world.b=[-1]"], "world.b=-1: must lie in [0, 65535]"),
    (["world.a=[]"], "world.a=[]: must have 1"),
    (["world.a=[3,3]"], "world.a=[3, 3]: names a feature twice"),
    (["world.a=[3]", "world.a_view=rotated"], "world.a=[3]: world.a_view=rotated needs 2 features"),
    (["world.b_view=turned"], "world.b_view='turned': must be one of upright, rotated"),
    (["world.features=17"], "world.features=17: must be at most world.inputs=16"),
    (["world.active=0"], "world.active=0.0: must lie in [1e-06, 1]"),
    (["world.train_count=1023"], "world.train_count=1023: must be even, half for each task"),
    (["world.test_count=17"], "world.test_count=17: must be even"),
    (["routing.concept=[2]"], "routing.concept: 2 must lie in [0, 1]"),
    (["model=mlp"], "model.kind='mlp': world.kind='feature_pair' needs autoencoder"),
])  # fmt: skip
def test_what_is_no_pair_of_tasks_is_refused(words, said):
    with pytest.raises(AbsorbError) as refused:
        compose(["world=feature_pair", "model=autoencoder", *words])
    assert said in str(refused.value)
