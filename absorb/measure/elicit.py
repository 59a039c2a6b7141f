"""Attacks that bring a removed capability back, looked at as they go on, and the best of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from absorb.config import Spec
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.measure.ablate import View, look
from absorb.measure.attacks import KINDS, any_batch, mixed_batch, pool_of
from absorb.measure.scores import forget_loss, seen, single
from absorb.models import Params
from absorb.train.losses import errors, targets
from absorb.worlds.data import Data

CHECKPOINTS = 4


class Attack(NamedTuple):
    """One attack on the network without its region; `kind` is a key of KINDS.

    whole: whether every checkpoint has all test scores, or only that which validation chooses.
    """

    kind: str
    steps: int
    whole: bool = True


class Trace(NamedTuple):
    """Losses at each checkpoint K: forget on validation, and every test score.

    Test scores but `forget` are NaN at checkpoints that were not looked at whole. `moved_K`: the
    Euclidean distance of all parameters from where the attack found them.
    """

    validation_K: Array
    test: dict[str, Array]
    moved_K: Array


class Course(NamedTuple):
    """What can be done with an attack: steps from a state, a look at forget losses, or at all.

    The first entry of a state is what learns; looks take that alone.
    """

    descend: Callable[[Any, Array], Any]
    glance: Callable[[Params], Trace]
    look: Callable[[Params], Trace]


def run_attack(spec: Spec, knobs: Knobs, data: Data, params: Params, view: View, attack: Attack,
               rate: Array, examples: Array) -> Trace:  # fmt: skip
    """Fine-tune the network under `view` with Adam, and look at it CHECKPOINTS times.

    Where `examples` is negative, all training data that attacks are shown are used as they come.
    """
    key, kind = jax.random.key(knobs.seed), KINDS[attack.kind]
    learn, rebuild = kind.learner(spec, key_for(key, "attack_init"), params)
    optimizer = optax.adam(rate)
    pool = pool_of(spec, knobs, data.train, key_for(key, "attack_examples"))
    x_NF, class_N = jnp.asarray(data.train.x_NF), jnp.asarray(data.train.class_N)
    batch = min(spec.train.batch, len(class_N))

    def step(carry, index):
        learn, state = carry
        step_key = key_for(key, "attack_order", index)
        index_B = mixed_batch(step_key, pool, examples, batch, kind.forget_share)
        index_B = jnp.where(examples < 0, any_batch(step_key, data.train, pool, batch), index_B)
        target_B = targets(spec, x_NF[index_B], class_N[index_B])

        def loss(learn: Params) -> Array:
            output = look(spec, knobs, rebuild(learn), x_NF[index_B], view)
            return errors(spec, knobs, output.prediction_BO, target_B).mean()

        updates, state = optimizer.update(jax.grad(loss)(learn), state)
        return (optax.apply_updates(learn, updates), state), None

    course = Course(
        lambda carry, index_S: jax.lax.scan(step, carry, index_S)[0],
        lambda learn: glanced_at(spec, knobs, data, params, rebuild(learn), view),
        lambda learn: looked_at(spec, knobs, data, params, rebuild(learn), view),
    )
    index_KS = jnp.arange(attack.steps // CHECKPOINTS * CHECKPOINTS).reshape(CHECKPOINTS, -1)
    follow = whole_course if attack.whole else best_look
    return follow(course, (learn, optimizer.init(learn)), index_KS)


def whole_course(course: Course, carry: Any, index_KS: Array) -> Trace:
    """The look at every checkpoint."""

    def checkpoint(carry, index_S):
        carry = course.descend(carry, index_S)
        return carry, course.look(carry[0])

    return jax.lax.scan(checkpoint, carry, index_KS)[1]


def best_look(course: Course, carry: Any, index_KS: Array) -> Trace:
    """Forget losses at every checkpoint, all else at that of lowest validation loss alone."""

    def checkpoint(state, index_S):
        carry, best, lowest = state
        carry = course.descend(carry, index_S)
        found = course.glance(carry[0])
        better = found.validation_K < lowest  # never where it is not finite
        best = jax.tree.map(lambda now, then: jnp.where(better, now, then), carry[0], best)
        return (carry, best, jnp.where(better, found.validation_K, lowest)), found

    none_yet = jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.nan), carry[0])
    begun = (carry, none_yet, jnp.float32(jnp.inf))
    (_, best, _), found = jax.lax.scan(checkpoint, begun, index_KS)
    at, unseen_K = lowest_finite(found.validation_K), jnp.full(len(index_KS), jnp.nan)
    told = course.look(best).test
    known = dict.fromkeys(told, unseen_K) | found.test
    return found._replace(test={name: known[name].at[at].set(told[name]) for name in told})


def lowest_finite(loss_K: Array) -> Array:
    """The first place of the lowest loss among those that are finite; 0 where none is."""
    return jnp.argmin(jnp.where(jnp.isfinite(loss_K), loss_K, jnp.inf))


def glanced_at(spec: Spec, knobs: Knobs, data: Data, before: Params, params: Params,
               view: View) -> Trace:  # fmt: skip
    """An attacked network's forget losses on validation and test, and how far it moved."""
    loss_on = lambda split: forget_loss(spec, knobs, params, view, split)  # noqa: E731
    moved = optax.tree.norm(optax.tree.sub(params, before))
    return Trace(loss_on(data.validation), {"forget": loss_on(data.test)}, moved)


def looked_at(spec: Spec, knobs: Knobs, data: Data, before: Params, params: Params,
              view: View) -> Trace:  # fmt: skip
    """An attacked network's forget loss on validation, its test scores, and how far it moved."""
    test = single(seen(spec, knobs, params, view, data.test))
    return glanced_at(spec, knobs, data, before, params, view)._replace(test=test)


class Attacked(NamedTuple):
    """All attacks of one kind: what they start from, and traces with axes (rates x examples, K)."""

    begun: Trace
    traces: Trace


def attack_set(
    spec: Spec, knobs: Knobs, data: Data, params: Params, view: View
) -> dict[str, Attacked]:
    """Every attack of the budget, by kind."""
    measure = spec.measure
    rate_E, examples_E = jnp.meshgrid(
        jnp.array(measure.attack_rates), jnp.array(measure.attack_examples), indexing="ij"
    )
    key = key_for(jax.random.key(knobs.seed), "attack_init")

    def attacked(kind: str) -> Attacked:
        attack = Attack(kind, measure.attack_steps, measure.attack_looks is None)
        run = lambda cell: run_attack(spec, knobs, data, params, view, attack, *cell)  # noqa: E731
        learn, rebuild = KINDS[kind].learner(spec, key, params)
        begun = looked_at(spec, knobs, data, params, rebuild(learn), view)
        return Attacked(begun, jax.lax.map(run, (rate_E.ravel(), examples_E.ravel())))

    return {kind: attacked(kind) for kind in measure.attack_kinds}


def curves(attacked: Attacked) -> dict[str, Array]:
    """Forget, retain and validation loss and distance, flat over (rates x examples, 1 + K looks).

    The first look is before any step, and the same for all attacks of a kind.
    """
    begun, traces = attacked
    pairs = {
        "forget": (begun.test["forget"], traces.test["forget"]),
        "retain": (begun.test["retain"], traces.test["retain"]),
        "validation": (begun.validation_K, traces.validation_K),
        "moved": (begun.moved_K, traces.moved_K),
    }
    return {
        name: jnp.concatenate([jnp.full((len(now_EK), 1), first), now_EK], 1).ravel()
        for name, (first, now_EK) in pairs.items()
    }


def chosen(traces: list[Trace]) -> dict[str, Array]:
    """Test scores at the checkpoint, over all traces, of lowest validation loss on forget data.

    Chosen on validation and reported on test, so that no minimum is taken over a test curve;
    checkpoints that are not finite are never chosen.
    """
    validation = jnp.concatenate([trace.validation_K.ravel() for trace in traces])
    best = lowest_finite(validation)
    named = {
        name: jnp.concatenate([trace.test[name].ravel() for trace in traces])[best]
        for name in traces[0].test
    }
    return named | {"choice": best}
