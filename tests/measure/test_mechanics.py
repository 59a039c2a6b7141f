"""How a region came by a concept: closed forms of the linear worlds, sums that have to add up."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.lanes.batch import train_batch
from absorb.lanes.programs import begun, trained
from absorb.measure.ablate import WHOLE
from absorb.measure.credit import (
    GROUPS,
    KINDS,
    kind_gradients,
    mean_gradient,
    moves,
    next_moments,
    parameter_groups,
)
from absorb.measure.mechanics import HELD_OUT, held_out
from absorb.measure.mechanism import rest_gradient, sight, suppressed
from absorb.models import init, regions
from absorb.sites import classes
from absorb.train.one import start, stored_batches, train_epochs
from absorb.train.step import Part, batch_routes, loss_and_gradient, train_step
from absorb.worlds import load_world
from sweeps.app import compose

PATHS = ["world=linear", "model=paths", "train=sgd", "world.examples=2048", "train.batch=128",
         "train.learning_rate=1e-2", "measure.treatments=[whole,raw,mechanics]"]  # fmt: skip
DIGITS = ["model.widths=[8]", "routing.sites=[hidden0]", "routing.units=3", "train.epochs=3",
          "measure.treatments=[whole,raw,mechanics]"]  # fmt: skip


seen_by = jax.jit(sight, static_argnums=0)


def one_row(*words: str):
    return train_batch([replace(compose([*words]), seed=seed) for seed in (3, 4)]).rows[0]


def made(*words: str):
    config = compose([*DIGITS, *words])
    spec, knobs = spec_of(config), knobs_of(config, classes(config.world))
    return spec, knobs, load_world(config.world)


@pytest.fixture(scope="module")
def null_world():
    return one_row(*PATHS, "routing.label_fraction=0.25", "train.epochs=15")


def course(row, name: str) -> np.ndarray:
    return np.array(row[f"mechanics.{name}"])


def test_credit_in_the_null_world_is_the_share_of_the_slope(null_world):
    """Depth 1: K learns from the unlabelled alone, as much as R does: (1 - p) / (2 - p)."""
    credit_KG = course(null_world, "credit").reshape(len(KINDS), len(GROUPS))
    region, rest = GROUPS.index("region"), GROUPS.index("rest")
    assert credit_KG[:, rest].sum() / credit_KG.sum() == pytest.approx(0.75 / 1.75, rel=0.02)
    assert credit_KG[KINDS.index("labelled"), rest] == 0
    unlabelled_G = credit_KG[KINDS.index("unlabelled")]
    assert unlabelled_G[region] == pytest.approx(unlabelled_G[rest], rel=1e-4)
    assert (credit_KG[KINDS.index("others")] == 0).all()


def test_credit_adds_up_to_the_change_of_the_loss(null_world):
    loss_E = course(null_world, "loss")
    assert course(null_world, "credit").sum() == pytest.approx(loss_E[-1] - loss_E[0], rel=1e-4)


def test_suppression_in_the_null_world_is_what_the_region_says_of_what_the_rest_lacks(null_world):
    """g_K is (w - a - c), without R (w - c): 1 - their ratio is a / (w - c), and w is 1."""
    a_E, c_E = course(null_world, "strength"), course(null_world, "whole")
    c_E = c_E - a_E
    np.testing.assert_allclose(course(null_world, "suppress"), a_E / (1 - c_E), atol=2e-3)
    np.testing.assert_allclose(course(null_world, "residual"), 2 * (1 - a_E - c_E), atol=5e-3)
    assert np.isnan(course(null_world, "control")).all()


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("routing", ["activation", "parameter"])
def test_credit_adds_up_on_digits(optimizer, routing):
    words = [f"train={optimizer}", f"routing={routing}", "routing.label_fraction=0.5"]
    row = one_row(*DIGITS, *words, "train.learning_rate=3e-3", "train.epochs=6")
    loss_E, credit_KG = course(row, "loss"), course(row, "credit").reshape(3, 4)
    missed = loss_E[-1] - loss_E[0] - credit_KG.sum()  # at the kinks of relu, by Simpson's rule
    assert abs(missed) < 0.01 * np.abs(credit_KG).sum()
    # activation routing lets the weights that read the rest's units learn from labelled data
    blocked = credit_KG[KINDS.index("labelled"), GROUPS.index("rest")] == 0
    assert blocked == (routing == "parameter") and (credit_KG[1] != 0).any()
    assert np.isfinite(course(row, "control")).all()


def test_parts_of_a_step_add_up_to_it_and_kinds_to_the_gradient():
    words = ["routing=parameter", "routing.label_fraction=0.5", "train.learning_rate=1e-2"]
    spec, knobs, data = made(*words)
    state, masks = jax.jit(begun, static_argnums=0)(spec, knobs), regions(spec, knobs)
    _, batch_of = stored_batches(spec, knobs, data.train)

    @jax.jit
    def step_and_parts(state, at_B):
        batch = batch_of(knobs, at_B)
        after = train_step(spec, knobs, masks, state, batch)
        parts = [
            Part(batch_routes(spec, knobs, batch, state.step, masks), jnp.full(64, 1 / 64), True)
        ]
        _, whole = loss_and_gradient(spec, knobs, masks, state.params, batch, parts)
        return after, kind_gradients(spec, knobs, masks, state, batch), whole

    moments = state.diary.moments
    for i in range(3):
        after, kinds, whole = step_and_parts(state, jnp.arange(64) + 64 * i)
        close(jax.tree.map(lambda *each: sum(each), *kinds), whole)
        moments = next_moments(spec, moments, kinds)
        moved = moves(state.params, after.params, moments)
        step = jax.tree.map(lambda a, b: b - a, state.params, after.params)
        close(jax.tree.map(lambda *each: sum(each), *moved), step)
        rest = parameter_groups(spec, state.params, masks)[GROUPS.index("rest")]
        for part, mask in zip(jax.tree.leaves(moved[0]), jax.tree.leaves(rest), strict=True):
            np.testing.assert_array_equal(part * mask, 0)
        state = after


def close(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), one, other)


@pytest.mark.parametrize(
    "words",
    [[], ["routing.placement=added"], ["model=autoencoder", "routing.sites=[latent]"],
     ["routing.placement=parallel"]],
)  # fmt: skip
def test_every_parameter_is_in_one_group(words):
    spec, knobs, _ = made(*words)
    params = init(spec, jax.random.key(0))
    groups = parameter_groups(spec, params, regions(spec, knobs))
    for leaves in zip(*(jax.tree.leaves(group) for group in groups), strict=True):
        total = sum(np.asarray(leaf) for leaf in leaves)
        np.testing.assert_array_equal(total, 1)
        assert all(set(np.unique(leaf)) <= {0.0, 1.0} for leaf in leaves)


def test_simpsons_rule_is_exact_for_a_cubic_gradient():
    a, b = {"x": jnp.array([1.0, -2.0])}, {"x": jnp.array([2.0, 0.5])}
    loss = lambda p: (p["x"] ** 4).sum()  # noqa: E731
    step = jax.tree.map(lambda u, v: v - u, a, b)
    change = (mean_gradient(loss, a, b)["x"] * step["x"]).sum()
    assert change == pytest.approx(float(loss(b) - loss(a)), rel=1e-6)


def test_a_region_that_says_nothing_suppresses_nothing():
    spec, knobs, data = made()
    params = init(spec, jax.random.key(0))
    w_UO = params["chain"]["out"]["kernel"].at[:3].set(0)
    params["chain"]["out"]["kernel"] = w_UO
    seen = seen_by(spec, knobs, data, params)
    assert seen.strength == 0 and abs(seen.suppress) < 1e-5 and abs(seen.control) > 1e-3
    own = rest_gradient(spec, knobs, params, WHOLE, data.validation)
    assert abs(suppressed(own, own)) < 1e-6


@pytest.mark.slow
def test_a_diary_changes_nothing_of_a_run():
    spec, knobs, data = made("routing.label_fraction=0.5")
    plain = jax.jit(lambda k: train_epochs(spec, k, data.train, start(spec, k), 0, 3))(knobs)
    watched = jax.jit(lambda k: trained(spec, k, data, begun(spec, k), 0, 3))(knobs)
    close(plain.params, watched.params)
    assert plain.diary is None


def test_a_nudge_scales_the_regions_parameters_once():
    spec, knobs, data = made("train.nudge=0.5", "train.nudge_at=0.67", "train.learning_rate=1e-8")
    begin = start(spec, knobs)
    after = {n: train_epochs(spec, knobs, data.train, begin, 0, n) for n in (1, 2, 3)}
    region = parameter_groups(spec, begin.params, regions(spec, knobs))[0]
    for n, scale in ((1, 1.0), (2, 1.0), (3, 1.5)):
        want = jax.tree.map(lambda p, r, s=scale: p * (1 + (s - 1) * r), begin.params, region)
        close(after[n].params, want)


@pytest.mark.slow
def test_sights_stand_at_the_epochs_they_were_seen():
    spec, knobs, data = made()
    state = jax.jit(lambda k: trained(spec, k, data, begun(spec, k), 0, 1))(knobs)
    assert np.isfinite(state.diary.sights.loss[0]) and np.isnan(state.diary.sights.loss[1:]).all()
    fresh = seen_by(spec, knobs, held_out(spec, knobs, data), start(spec, knobs).params)
    np.testing.assert_allclose(state.diary.sights.loss[0], fresh.loss, rtol=1e-5)
    later = jax.jit(partial(trained, spec), static_argnums=4)(knobs, data, state, 1, 2)
    assert np.isfinite(later.diary.sights.loss).all()


def test_a_diary_looks_at_the_concept_alone_and_at_all_of_it_that_it_can():
    spec, knobs, data = made("routing.concept=[3]")
    some = held_out(spec, knobs, data).validation
    count = int((data.validation.class_N == 3).sum())
    assert count < HELD_OUT == len(some.class_N)
    np.testing.assert_array_equal(some.class_N[:count], 3)
    assert (np.asarray(some.class_N[count:]) != 3).all()
    many = made("routing.concept=[0,1,2,3,4]")[1]
    np.testing.assert_array_less(held_out(spec, many, data).validation.class_N, 5)
