"""Kinds of attack on a network without its region: which parameters learn, on which examples."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.scores import forget_mask
from absorb.models import Params, head_mask, init
from absorb.worlds.data import Split

RANK = 4  # of the adapter attack


class Learner(NamedTuple):
    """What an attack trains, and the network's parameters as a function of it."""

    learn: Params
    rebuild: Callable[[Params], Params]


class Kind(NamedTuple):
    """What learns, as a function of (spec, key, parameters), and the forget share of a batch."""

    learner: Callable[[Spec, Array, Params], Learner]
    forget_share: float


def everything(spec: Spec, key: Array, params: Params) -> Learner:
    """All parameters, from where they are."""
    return Learner(params, lambda learn: learn)


def fresh_head(spec: Spec, key: Array, params: Params) -> Learner:
    """A head trained afresh; all else stays."""
    mask = head_mask(spec, params)
    fresh, _ = split_params(init(spec, key), mask)
    stay = split_params(params, mask)[1]
    return Learner(fresh, lambda learn: merge_params(learn, stay))


def adapters(spec: Spec, key: Array, params: Params) -> Learner:
    """W + A B of rank RANK for every parameter of two axes, B from zero; all else stays."""
    leaves, tree = jax.tree.flatten(params)
    places = [i for i, leaf in enumerate(leaves) if leaf.ndim == 2]

    def fresh(i: int) -> tuple[Array, Array]:
        inputs, outputs = leaves[i].shape
        rank = min(RANK, inputs, outputs)
        a_IR = jax.random.normal(jax.random.fold_in(key, i), (inputs, rank)) / inputs**0.5
        return a_IR, jnp.zeros((rank, outputs))

    def rebuild(learn: Params) -> Params:
        added = dict(zip(places, learn, strict=True))
        now = [w + added[i][0] @ added[i][1] if i in added else w for i, w in enumerate(leaves)]
        return jax.tree.unflatten(tree, now)

    return Learner([fresh(i) for i in places], rebuild)


KINDS = {
    "head": Kind(fresh_head, 0.5),
    "all": Kind(everything, 0.5),
    "forget": Kind(everything, 1.0),
    "adapter": Kind(adapters, 0.5),
}


def split_params(params: Params, mask: Params) -> tuple[Params, Params]:
    """(those that learn, those that stay); the other's leaves are None."""
    learn = jax.tree.map(lambda m, p: p if m else None, mask, params)
    stay = jax.tree.map(lambda m, p: None if m else p, mask, params)
    return learn, stay


def merge_params(learn: Params, stay: Params) -> Params:
    """The inverse of `split_params`."""
    none = lambda leaf: leaf is None  # noqa: E731
    return jax.tree.map(lambda a, b: b if a is None else a, learn, stay, is_leaf=none)


class Pool(NamedTuple):
    """Training examples in random order: those that carry the concept, other ones, those not shown.

    `forget` and `shown` say after how many the first and the second end.
    """

    order_N: Array
    forget: Array
    shown: Array


def pool_of(spec: Spec, knobs: Knobs, train: Split, key: Array) -> Pool:
    """What an attack may use of the training examples."""
    forget_N = forget_mask(spec, knobs, train)
    shown_N = jnp.ones_like(forget_N) if train.shown_N is None else jnp.asarray(train.shown_N)
    own_N = forget_N * shown_N
    u_N = jax.random.uniform(key, (len(train.class_N),))
    return Pool(jnp.argsort(u_N - 2 * own_N + 2 * (1 - shown_N)), own_N.sum(), shown_N.sum())


def mixed_batch(key: Array, pool: Pool, examples: Array, batch: int,
                forget_share: float = 0.5) -> Array:  # fmt: skip
    """Part of a batch from the first `examples` forget data, the rest from all retain data."""
    u_B = jax.random.uniform(key, (batch,))
    seen = jnp.minimum(examples, pool.forget)
    forget_B = u_B * seen
    retain_B = jnp.minimum(pool.forget + u_B * (pool.shown - pool.forget), pool.shown - 1)
    is_forget = jnp.arange(batch) < max(1, int(batch * forget_share))
    return pool.order_N[jnp.where(is_forget, forget_B, retain_B).astype(jnp.int32)]


def any_batch(key: Array, train: Split, pool: Pool, batch: int) -> Array:
    """A batch of all training examples that are shown, as they come."""
    any_B = jax.random.randint(key, (batch,), 0, pool.shown.astype(jnp.int32))
    return any_B if train.shown_N is None else pool.order_N[any_B]
