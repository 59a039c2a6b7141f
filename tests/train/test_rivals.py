"""Rivals: what they look at, where they stop, and that nothing is paid for where there is none."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.identity import canonical, run_id
from absorb.keys import key_for
from absorb.knobs import knobs_of
from absorb.lanes.batch import train_batch
from absorb.lanes.programs import programs
from absorb.models import init
from absorb.train.one import start, train_epochs
from absorb.train.rivals import (
    ascent_loss,
    half_batches,
    mean_error,
    middle_site,
    misdirection_loss,
    noised,
    two_sides,
    unlearn,
    whole,
)
from absorb.worlds import load_world, observe
from sweeps.app import compose

SMALL = ["model.widths=[16,16]", "routing.units=5", "measure=quick", "routing.label_fraction=0.5"]


def small(kind: str, *overrides: str):
    return compose([f"rival={kind}", *SMALL, *overrides])


def made(kind: str, *overrides: str):
    config = small(kind, *overrides)
    spec, knobs, data = spec_of(config), knobs_of(config, 10), load_world(config.world)
    return spec, knobs, data.train, two_sides(spec, knobs, data.train)


def trained(kind: str, *overrides: str):
    spec, knobs, train, sides = made(kind, "train.epochs=20", *overrides)
    run = jax.jit(lambda k: train_epochs(spec, k, train, start(spec, k), 0, 20))
    return spec, knobs, train, sides, run(knobs)


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.slow
def test_the_forget_half_is_labelled_and_the_other_half_is_not():
    spec, knobs, train, sides = made("ascent")
    observed_N = np.asarray(observe(spec, knobs, train))
    of = {x.tobytes(): kind for x, kind in zip(train.x_NF, observed_N, strict=True)}
    for seed in range(5):
        forget, other = half_batches(spec, sides, jax.random.key(seed))
        kinds = [{of[np.asarray(x).tobytes()] for x in half.x_BF} for half in (forget, other)]
        assert kinds[0] == {0} and 0 not in kinds[1]
        assert forget.weight_B.sum() == pytest.approx(1) == other.weight_B.sum()


def test_where_nobody_is_labelled_the_forget_half_weighs_nothing():
    spec, _, _, sides = made("ascent", "routing.label_fraction=0")
    forget, other = half_batches(spec, sides, jax.random.key(0))
    assert not forget.weight_B.any() and other.weight_B.sum() == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("strength, bias", [(0.0, 3.0), (3.0, -9.0)])
def test_ascent_of_no_strength_or_beyond_the_guess_never_looks_at_forget_data(strength, bias):
    spec, knobs, _, sides = made("ascent")
    forget, other = half_batches(spec, sides, jax.random.key(1))
    params = init(spec, jax.random.key(0))
    params["chain"]["out"]["bias"] = bias * jnp.asarray(knobs.concept_C)
    assert sides.cap == pytest.approx(np.log(10))
    assert (mean_error(spec, knobs, params, forget) > sides.cap) == (bias < 0)
    alone = jax.grad(lambda p: mean_error(spec, knobs, p, other))(params)
    same(jax.grad(ascent_loss(spec, knobs, sides, strength))(params, forget, other), alone)
    looks = jax.grad(ascent_loss(spec, knobs, sides, 1.0))(params, forget, other)
    moved = jnp.abs(looks["chain"]["out"]["bias"] - alone["chain"]["out"]["bias"]).max()
    assert (moved > 1e-3) == (bias > 0)


@pytest.mark.slow
def test_ascent_stops_near_the_guess():
    spec, knobs, train, sides, state = trained("ascent", "rival.steps=100", "rival.strength=10",
                                               "rival.rate=1e-2")  # fmt: skip
    after = jax.jit(lambda k, s: unlearn(spec, k, train, s))(knobs, state)
    forget, _ = half_batches(spec, sides, jax.random.key(9))
    before, now = (mean_error(spec, knobs, s.params, forget) for s in (state, after))
    assert before < 1 < 0.8 * sides.cap < now < 3 * sides.cap
    assert after.step == state.step + 100 and after.diverged_step == -1


@pytest.mark.slow
def test_misdirection_moves_forget_data_to_the_direction_and_holds_the_rest():
    spec, knobs, train, sides, state = trained("misdirect", "rival.steps=200")
    forget, other = half_batches(spec, sides, jax.random.key(9))
    after = jax.jit(lambda k, s: unlearn(spec, k, train, s))(knobs, state)
    loss = misdirection_loss(spec, knobs, state.params)
    began, ended = (loss(s.params, forget, other) for s in (state, after))
    assert ended < 0.5 * began
    site = middle_site(spec)
    u_U = jax.random.uniform(key_for(jax.random.key(0), "rival_direction"), (16,))
    h_BU = whole(spec, knobs, after.params, forget).sites[site].mean(0)
    assert h_BU @ u_U / jnp.linalg.norm(u_U) > 0.5 * knobs.rival_strength
    rises = [mean_error(spec, knobs, after.params, b) - mean_error(spec, knobs, state.params, b)
             for b in (forget, other)]  # fmt: skip
    assert rises[0] > 1.0 > 0.4 > rises[1]


def test_misdirection_weighs_what_it_holds():
    """The loss of what is held, on other data alone, is in proportion to `hold`; null is 1."""
    spec, knobs, _, sides = made("misdirect")
    params = init(spec, jax.random.key(3))
    frozen = jax.tree.map(lambda p: p + 0.1, params)
    forget, other = half_batches(spec, sides, jax.random.key(9))
    nothing = forget._replace(weight_B=jnp.zeros_like(forget.weight_B))
    held = misdirection_loss(spec, knobs, frozen)(params, nothing, other)
    for hold in (0, 1, 100):
        own = knobs_of(small("misdirect", f"rival.hold={hold}"), 10)
        said = misdirection_loss(spec, own, frozen)(params, nothing, other)
        assert float(said) == pytest.approx(hold * float(held), rel=1e-5) and held > 0


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_the_student_starts_from_the_teacher_or_afresh(strength):
    spec, knobs, _, _ = made("distil", f"rival.strength={strength}")
    teacher = jax.tree.map(lambda p: p + 1, init(spec, jax.random.key(3)))
    fresh = init(spec, key_for(jax.random.key(knobs.init_seed), "rival_init"))
    same(noised(spec, knobs, teacher), fresh if strength else teacher)


@pytest.mark.slow
def test_half_of_distillation_is_ascent_and_the_rest_keeps_it():
    """A student that starts as its teacher has nothing to learn: its gradient is nearly zero."""
    spec, knobs, train, _, state = trained("distil", "rival.strength=0", "rival.steps=40")
    ascent = replace(spec, rival=replace(spec.rival, kind="ascent", steps=20))
    one = knobs._replace(rival_strength=np.float32(1))
    taught = jax.jit(lambda s: unlearn(ascent, one, train, s))(state)
    both = jax.jit(lambda s: unlearn(spec, knobs, train, s))(state)
    assert both.step == taught.step + 20
    x = jnp.asarray(train.x_NF[:64])
    some = half_batches(spec, two_sides(spec, knobs, train), jax.random.key(0))[1]
    some = some._replace(x_BF=x, weight_B=jnp.ones(64))
    said = [whole(spec, knobs, s.params, some).prediction_BO for s in (state, taught, both)]
    assert jnp.abs(said[2] - said[1]).mean() < 0.1 * jnp.abs(said[1] - said[0]).mean()


def test_without_a_rival_there_is_no_further_program():
    assert programs(spec_of(small("none")), 2).unlearn is None
    assert programs(spec_of(small("ascent")), 2).unlearn is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    ["misdirect", *[pytest.param(kind, marks=pytest.mark.slow) for kind in ("ascent", "distil")]],
)
def test_a_rival_is_the_same_alone_and_among_others(kind):
    base = small(kind, "train.epochs=4", "rival.steps=8")
    changes = [(0, 1e-3, 0.5), (1, 1e-2, 1.0), (2, 1e-3, 0.0), (3, 1e-4, 0.25), (0, 1e-3, 0.25)]
    configs = [
        replace(base, seed=seed, rival=replace(base.rival, rate=rate, strength=strength))
        for seed, rate, strength in changes
    ]
    rows = train_batch(configs, lanes=2).rows
    assert [train_batch([config], lanes=2).rows[0] for config in configs] == rows
    assert len({row["whole.forget"] for row in rows}) == 5
    assert all(row["raw.forget"] == pytest.approx(row["whole.forget"], rel=1e-6) for row in rows)


def test_labels_and_settings_count_for_a_rival_and_not_where_there_is_none():
    rival, none = small("ascent"), small("none")
    for name, value in {"steps": 7, "rate": 0.5, "strength": 0.25}.items():
        changed = [replace(c, rival=replace(c.rival, **{name: value})) for c in (rival, none)]
        assert run_id(changed[0]) != run_id(rival) and run_id(changed[1]) == run_id(none)
    assert canonical(none).rival == compose().rival
    routing = replace(rival.routing, label_fraction=0.25)
    assert run_id(replace(rival, routing=routing)) != run_id(rival)


def test_what_is_held_counts_for_misdirection_alone_and_null_is_one():
    plain = small("misdirect")
    assert run_id(small("misdirect", "rival.hold=1")) == run_id(plain)
    assert run_id(small("misdirect", "rival.hold=10")) != run_id(plain)
    assert run_id(small("ascent", "rival.hold=10")) == run_id(small("ascent"))


@pytest.mark.parametrize(
    "overrides, words",
    [
        (["rival.kind=ascent"], ["routing.arm='route'", "rival.kind='ascent'"]),
        (["routing.arm=rival"], ["routing.arm='rival'", "rival.kind='none'"]),
        (["rival=distil", "rival.strength=1.5"], ["rival.strength=1.5", "[0, 1]"]),
        (["rival=distil", "rival.steps=1"], ["rival.steps=1", "at least 2"]),
        (["rival=ascent", "routing.placement=parallel"], ["rival.kind='ascent'", "slice"]),
        (["rival=ascent", "world=sparse", "model=toy", "routing.mechanism=activation"],
         ["rival.kind='ascent'", "not world sparse"]),
        (["rival=misdirect", "rival.hold=-1"], ["rival.hold=-1", "0", "null"]),
        (["rival=lora"], ["ascent, distil, misdirect, none"]),
    ],
)  # fmt: skip
def test_refused(overrides, words):
    with pytest.raises(AbsorbError) as error:
        compose(overrides)
    assert all(word in str(error.value) for word in words)
