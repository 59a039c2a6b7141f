"""Attacks that bring a removed capability back: a fresh head on what is kept, or fine-tuning."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from absorb.config import Spec
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.measure.ablate import View, look
from absorb.measure.scores import forget_mask, seen, single
from absorb.models import Params, head_mask, init
from absorb.train.losses import errors, targets
from absorb.worlds.data import Data, Split

CHECKPOINTS = 4


class Attack(NamedTuple):
    """One attack on the network without its region; `kind` is head or all."""

    kind: str
    steps: int


class Trace(NamedTuple):
    """Losses at each checkpoint K: forget on validation, and every test score."""

    validation_K: Array
    test: dict[str, Array]


def split_params(params: Params, mask: Params) -> tuple[Params, Params]:
    """(those that learn, those that stay); the other's leaves are None."""
    learn = jax.tree.map(lambda m, p: p if m else None, mask, params)
    stay = jax.tree.map(lambda m, p: None if m else p, mask, params)
    return learn, stay


def merge_params(learn: Params, stay: Params) -> Params:
    """The inverse of `split_params`."""
    none = lambda leaf: leaf is None  # noqa: E731
    return jax.tree.map(lambda a, b: b if a is None else a, learn, stay, is_leaf=none)


def attack_start(spec: Spec, key: Array, params: Params, kind: str) -> tuple[Params, Params]:
    """(learning, fixed) parameters: a fresh head alone, or everything as it is."""
    if kind == "all":
        return params, jax.tree.map(lambda _: None, params)
    mask = head_mask(spec, params)
    fresh, _ = split_params(init(spec, key), mask)
    return fresh, split_params(params, mask)[1]


def forget_first(spec: Spec, knobs: Knobs, train: Split, key: Array) -> Array:
    """The training examples in random order, those that carry the concept first."""
    u_N = jax.random.uniform(key, (len(train.class_N),))
    return jnp.argsort(u_N - 2 * forget_mask(spec, knobs, train))


def mixed_batch(key: Array, order_N: Array, forget_count: Array, examples: Array,
                batch: int) -> Array:  # fmt: skip
    """Half a batch from the first `examples` forget data, half from all retain data."""
    u_B = jax.random.uniform(key, (batch,))
    seen, half = jnp.minimum(examples, forget_count), jnp.arange(batch) < batch // 2
    forget_B = u_B * seen
    retain_B = forget_count + u_B * (len(order_N) - forget_count)
    return order_N[jnp.where(half, forget_B, retain_B).astype(jnp.int32)]


def run_attack(spec: Spec, knobs: Knobs, data: Data, params: Params, view: View, attack: Attack,
               rate: Array, examples: Array) -> Trace:  # fmt: skip
    """Fine-tune the network under `view` with Adam and look at it CHECKPOINTS times.

    Where `examples` is negative, all training data are used as they come.
    """
    key = jax.random.key(knobs.seed)
    learn, stay = attack_start(spec, key_for(key, "attack_init"), params, attack.kind)
    optimizer = optax.adam(rate)
    order_N = forget_first(spec, knobs, data.train, key_for(key, "attack_examples"))
    forget_count = forget_mask(spec, knobs, data.train).sum()
    x_NF, class_N = jnp.asarray(data.train.x_NF), jnp.asarray(data.train.class_N)
    batch = min(spec.train.batch, len(class_N))

    def step(carry, index):
        learn, state = carry
        step_key = key_for(key, "attack_order", index)
        index_B = mixed_batch(step_key, order_N, forget_count, examples, batch)
        any_B = jax.random.randint(step_key, (batch,), 0, len(class_N))
        index_B = jnp.where(examples < 0, any_B, index_B)
        target_B = targets(spec, x_NF[index_B], class_N[index_B])

        def loss(learn: Params) -> Array:
            output = look(spec, knobs, merge_params(learn, stay), x_NF[index_B], view)
            return errors(spec, knobs, output.prediction_BO, target_B).mean()

        updates, state = optimizer.update(jax.grad(loss)(learn), state)
        return (optax.apply_updates(learn, updates), state), None

    def checkpoint(carry, index_S):
        carry, _ = jax.lax.scan(step, carry, index_S)
        now = merge_params(carry[0], stay)
        return carry, Trace(
            seen(spec, knobs, now, view, data.validation)["forget"],
            single(seen(spec, knobs, now, view, data.test)),
        )

    index_KS = jnp.arange(attack.steps // CHECKPOINTS * CHECKPOINTS).reshape(CHECKPOINTS, -1)
    return jax.lax.scan(checkpoint, (learn, optimizer.init(learn)), index_KS)[1]


def attack_set(
    spec: Spec, knobs: Knobs, data: Data, params: Params, view: View
) -> dict[str, Trace]:
    """Every attack of the budget, by kind: traces with axes (rates x examples, K)."""
    measure = spec.measure
    rate_E, examples_E = jnp.meshgrid(
        jnp.array(measure.attack_rates), jnp.array(measure.attack_examples), indexing="ij"
    )

    def traces(kind: str) -> Trace:
        attack = Attack(kind, measure.attack_steps)
        run = lambda cell: run_attack(spec, knobs, data, params, view, attack, *cell)  # noqa: E731
        return jax.lax.map(run, (rate_E.ravel(), examples_E.ravel()))

    return {kind: traces(kind) for kind in measure.attack_kinds}


def chosen(traces: list[Trace]) -> dict[str, Array]:
    """Test scores at the checkpoint, over all traces, of lowest validation loss on forget data.

    Chosen on validation and reported on test, so that no minimum is taken over a test curve;
    checkpoints that are not finite are never chosen.
    """
    validation = jnp.concatenate([trace.validation_K.ravel() for trace in traces])
    best = jnp.argmin(jnp.where(jnp.isfinite(validation), validation, jnp.inf))
    named = {
        name: jnp.concatenate([trace.test[name].ravel() for trace in traces])[best]
        for name in traces[0].test
    }
    return named | {"choice": best}
