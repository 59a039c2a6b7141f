"""Attacks: what each kind may change and look at, and the curves that are kept of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import ATTACKS, spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.measure.ablate import ablated
from absorb.measure.attacks import KINDS, RANK, any_batch, mixed_batch, pool_of
from absorb.measure.elicit import (
    Attack,
    Attacked,
    Course,
    Trace,
    best_look,
    chosen,
    curves,
    run_attack,
    whole_course,
)
from absorb.measure.network import elicitation
from absorb.models import head_mask, init
from absorb.worlds import load_world
from sweeps.app import compose

SMALL = ["model.widths=[16,16]", "routing.units=5", "measure.treatments=[elicited]",
         "measure.attack_kinds=[all,forget,adapter]", "measure.attack_rates=[1e-3,1e-2]",
         "measure.attack_examples=[4,64]", "measure.attack_steps=8"]  # fmt: skip


def made(*overrides: str):
    config = compose([*SMALL, *overrides])
    spec, knobs = spec_of(config), knobs_of(config, 10)
    return spec, knobs, init(spec, jax.random.key(0)), load_world(config.world)


def test_every_kind_that_a_config_may_name_is_there():
    assert tuple(KINDS) == ATTACKS
    with pytest.raises(AbsorbError, match="did you mean adapter"):
        compose(["measure.attack_kinds=[adaptor]"])


@pytest.mark.parametrize("kind", ATTACKS)
def test_only_a_fresh_head_changes_the_network_before_the_first_step(kind):
    spec, _, params, _ = made()
    learn, rebuild = KINDS[kind].learner(spec, jax.random.key(1), params)
    now, heads = rebuild(learn), head_mask(spec, params)
    jax.tree.map(
        lambda p, n, head: np.testing.assert_array_equal(p, n) if kind != "head" or not head
        else None, params, now, heads,
    )  # fmt: skip
    assert (now["chain"]["out"]["kernel"] != params["chain"]["out"]["kernel"]).any() == (
        kind == "head"
    )


def test_an_adapter_changes_every_matrix_by_its_rank_and_nothing_else():
    spec, _, params, _ = made()
    learn, rebuild = KINDS["adapter"].learner(spec, jax.random.key(1), params)
    trained = [(a, b + jax.random.normal(jax.random.key(2), b.shape)) for a, b in learn]
    change = jax.tree.map(jnp.subtract, rebuild(trained), params)
    for layer in change["chain"].values():
        assert np.linalg.matrix_rank(layer["kernel"], tol=1e-4) == RANK
        assert not layer["bias"].any()


def test_attacks_on_forget_examples_alone_see_no_others():
    spec, knobs, _, data = made()
    pool = pool_of(spec, knobs, data.train, jax.random.key(5))
    index = mixed_batch(jax.random.key(0), pool, jnp.int32(4), 64,
                        KINDS["forget"].forget_share)  # fmt: skip
    assert np.isin(data.train.class_N[np.asarray(index)], [8, 9]).all()
    assert len(set(np.asarray(index).tolist())) == 4


def test_no_attack_sees_what_it_is_not_shown():
    spec, knobs, _, data = made()
    shown_N = np.arange(len(data.train.class_N)) % 3 > 0
    train = data.train._replace(shown_N=shown_N)
    pool = pool_of(spec, knobs, train, jax.random.key(5))
    every = pool_of(spec, knobs, data.train, jax.random.key(5))
    assert int(every.shown) == len(shown_N) and int(pool.shown) == shown_N.sum()
    for seed in range(20):
        key = jax.random.key(seed)
        mixed = np.asarray(mixed_batch(key, pool, jnp.int32(10**6), 64))
        assert shown_N[mixed].all() and shown_N[any_batch(key, train, pool, 64)].all()
        assert np.array_equal(np.isin(train.class_N[mixed], [8, 9]), np.arange(64) < 32)
        assert not shown_N[mixed_batch(key, every, jnp.int32(10**6), 64)].all()


@pytest.mark.slow
@pytest.mark.parametrize("examples", [64, -1])  # -1: a refit
def test_what_is_not_shown_changes_nothing_of_an_attack(examples):
    spec, knobs, params, data = made()
    shown_N = np.arange(len(data.train.class_N)) % 3 > 0

    def traced(unseen: float):
        x_NF = np.where(shown_N[:, None], data.train.x_NF, unseen).astype(np.float32)
        train = data.train._replace(x_NF=x_NF, shown_N=shown_N)
        return run_attack(spec, knobs, data._replace(train=train), params, ablated(knobs),
                          Attack("all", 8), jnp.float32(1e-2), jnp.int32(examples))  # fmt: skip

    jax.tree.map(np.testing.assert_array_equal, traced(0.0), traced(1e3))


@pytest.mark.parametrize("kind", ["all", "forget"])
def test_a_batch_of_one_is_of_the_concept(kind):
    spec, knobs, _, data = made()
    pool = pool_of(spec, knobs, data.train, jax.random.key(5))
    index = mixed_batch(jax.random.key(0), pool, jnp.int32(4), 1,
                        KINDS[kind].forget_share)  # fmt: skip
    assert data.train.class_N[int(index[0])] in (8, 9)


@pytest.mark.slow
def test_forget_loss_falls_fastest_where_nothing_else_is_trained_on():
    spec, knobs, params, data = made()
    run = jax.jit(lambda kind: run_attack(spec, knobs, data, params, ablated(knobs),
                                          Attack(kind, 8), jnp.float32(1e-2), jnp.int32(64)),
                  static_argnums=0)  # fmt: skip
    traces = {kind: run(kind) for kind in ("all", "forget")}
    assert traces["forget"].test["forget"][-1] < 0.9 * traces["all"].test["forget"][-1]
    assert traces["forget"].test["retain"][-1] > traces["all"].test["retain"][-1]


def test_curves_are_flat_lists_that_begin_before_the_first_step():
    trace_EK = jnp.arange(6.0).reshape(3, 2)
    scores = {"forget": jnp.float32(8), "retain": jnp.float32(9)}
    begun = Trace(jnp.float32(7), scores, jnp.float32(0))
    traces = Trace(trace_EK, {"forget": 10 + trace_EK, "retain": 20 + trace_EK}, 30 + trace_EK)
    found = curves(Attacked(begun, traces))
    assert found["validation"].tolist() == [7, 0, 1, 7, 2, 3, 7, 4, 5]
    assert found["forget"].tolist() == [8, 10, 11, 8, 12, 13, 8, 14, 15]
    assert found["retain"].tolist() == [9, 20, 21, 9, 22, 23, 9, 24, 25]
    assert found["moved"].tolist() == [0, 30, 31, 0, 32, 33, 0, 34, 35]


def walked(validation_of) -> Course:
    """A walk over whole numbers, of which each look tells where it is."""
    glance = lambda at: Trace(validation_of(at), {"forget": 10 * at}, at)  # noqa: E731
    look = lambda at: glance(at)._replace(test={"forget": 10 * at, "retain": 20 * at})  # noqa: E731
    return Course(lambda carry, index_S: (carry[0] + len(index_S), None), glance, look)


@pytest.mark.parametrize("losses, best", [([4, 2, 3, 9], 1), ([4, np.nan, 3, 3], 2)])
def test_all_scores_are_those_of_the_look_that_validation_chooses(losses, best):
    loss_at = jnp.array([0, *losses])  # least before any step, which is never chosen
    begin, index_KS = (jnp.float32(0), None), jnp.zeros((4, 1), jnp.int32)
    course = walked(lambda at: loss_at[at.astype(jnp.int32)])
    one, every = (follow(course, begin, index_KS) for follow in (best_look, whole_course))
    others = [k for k in range(4) if k != best]
    assert every.test["retain"].tolist() == [20, 40, 60, 80]
    assert one.test["retain"][best] == every.test["retain"][best]
    assert np.isnan(one.test["retain"][jnp.array(others)]).all()
    for name in ("validation_K", "moved_K"):
        np.testing.assert_array_equal(getattr(one, name), getattr(every, name))
    np.testing.assert_array_equal(one.test["forget"], every.test["forget"])
    assert chosen([one])["retain"] == chosen([every])["retain"] == 20 * (best + 1)


def test_of_an_attack_whose_looks_are_all_infinite_nothing_is_known():
    course = walked(lambda at: at / 0)
    found = best_look(course, (jnp.float32(0), None), jnp.zeros((4, 1), jnp.int32))
    assert np.isnan(chosen([found])["forget"]) and np.isnan(chosen([found])["retain"])


@pytest.mark.slow
@pytest.mark.parametrize("refit_epochs", [0, 1])
def test_one_whole_look_at_each_attack_elicits_what_four_do(refit_epochs):
    found = {}
    for looks in ("null", "1"):
        words = [f"measure.attack_looks={looks}", f"measure.refit_epochs={refit_epochs}"]
        spec, knobs, params, data = made(*words)
        found[looks] = jax.jit(lambda k, s=spec, d=data, p=params: elicitation(s, k, d, p))(knobs)
    assert set(found["null"]) == set(found["1"])
    for name in found["1"]:
        retain_course = (
            name.startswith("attack") and name.endswith("retain") and found["1"][name].ndim
        )
        if not retain_course:
            np.testing.assert_allclose(found["1"][name], found["null"][name], rtol=1e-5)
            continue
        seen_RKK = np.isfinite(found["1"][name]).reshape(4, 5)
        assert (seen_RKK.sum(axis=1) == 2).all()  # before any step, and where validation chose


@pytest.mark.slow
def test_each_attacks_best_lies_on_its_curve():
    spec, knobs, params, data = made()
    found = jax.jit(lambda k: elicitation(spec, k, data, params))(knobs)
    for kind in spec.measure.attack_kinds:
        forget_REK, validation_REK = (
            np.asarray(found[f"attack.{kind}.{part}"]).reshape(2, 2, 5)
            for part in ("forget", "validation")
        )
        best = validation_REK[..., 1:].argmin(-1) + 1
        for r, rate in enumerate(("0.001", "0.01")):
            for e, examples in enumerate((4, 64)):
                own = found[f"attack.{kind}.{rate}.{examples}.forget"]
                assert own == forget_REK[r, e, best[r, e]]
    assert len({float(found[f"attack.{kind}.forget"][0]) for kind in ("all", "adapter")}) == 1
    moved_REK = np.asarray(found["attack.all.moved"]).reshape(2, 2, 5)
    assert (moved_REK[..., 0] == 0).all() and (moved_REK[..., 1:] > 0).all()
    assert (moved_REK[1] >= moved_REK[0]).all()  # ten times the rate
