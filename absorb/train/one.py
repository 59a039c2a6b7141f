"""One training run as plain functions: start it, take it through epochs."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.models import Params, init, psi_tree, regions
from absorb.sites import of_tokens
from absorb.train.probe import probed
from absorb.train.starts import Named, started
from absorb.train.step import Batch, State, optimizer_of, train_step
from absorb.worlds import carries, draw, observe, observe_drawn, steps_per_epoch
from absorb.worlds.data import Split
from absorb.worlds.labels import UNLABELLED
from absorb.worlds.token_labels import token_degrees

MOST_PACKED = 2**14  # entries that leave 18 random bits beside their index


def start(spec: Spec, knobs: Knobs, stored: Named | None = None) -> State:
    """The state before the first step: from the run's init seed, or from `stored` parameters."""
    params = init(spec, key_for(jax.random.key(knobs.init_seed), "init"))
    if stored is not None:
        params = started(params, stored)
    opt_state = optimizer_of(spec, knobs).init(params)
    return State(params, opt_state, jnp.int32(0), jnp.int32(-1), jnp.float32(0))


def shuffled(key: Array, count: int) -> Array:
    """A random order of 0 .. count - 1, from one sort of one array: three times faster on a CPU.

    The low bits of a random word are replaced by the index. Entries whose remaining bits tie (at
    1,000 entries one pair in four million) keep their order, and are neighbours anyway.
    """
    if count > MOST_PACKED:
        return jax.random.permutation(key, count)
    index_bits = max(1, (count - 1).bit_length())
    low = jnp.uint32((1 << index_bits) - 1)
    words_N = (jax.random.bits(key, (count,)) & ~low) | jnp.arange(count, dtype=jnp.uint32)
    return (jnp.sort(words_N, stable=False) & low).astype(jnp.int32)


def epoch_order(spec: Spec, knobs: Knobs, observed_N: Array, epoch: Array) -> Array:
    """The epoch's examples in batches, as indices (S, B).

    With granularity batch, data of which the same is observed are gathered in batches of their own,
    and the batches are shuffled: there the order depends on the labels, so arms with other labels
    do not share it.
    """
    key = key_for(jax.random.key(knobs.order_seed), "order", epoch)
    order_N = shuffled(key, len(observed_N))
    steps, batch = steps_per_epoch(spec, len(observed_N)), spec.train.batch
    if spec.routing.granularity == "batch":
        order_N = order_N[jnp.argsort(observed_N[order_N], stable=True)]
    order_SB = order_N[: steps * batch].reshape(steps, batch)
    if spec.routing.granularity == "batch":
        order_SB = order_SB[shuffled(key_for(key, "batches"), steps)]
    return order_SB


def lifted(spec: Spec, knobs: Knobs, epoch: Array) -> Knobs:
    """The knobs in an epoch: after the last routed one nothing is routed or gated."""
    routed = epoch < knobs.routed_epochs
    weights_O2, gate_O = jnp.asarray(knobs.weights_O2), jnp.asarray(knobs.gate_O)
    return knobs._replace(
        weights_O2=jnp.where(routed, weights_O2, 1.0), gate_O=jnp.where(routed, gate_O, 1.0)
    )


Batches = tuple[Callable[[Array], Array], Callable[[Knobs, Array], Batch]]


def stored_batches(spec: Spec, knobs: Knobs, train: Split,
                   params: Params | None = None) -> Batches:  # fmt: skip
    """(what an epoch scans over, the batch of one entry) for examples that are there once.

    A batch of stories has an entry for each position in all but its tokens. params: the network
    that a probe reads, where one says how much of the concept a token has.
    """
    observed_N = observe(spec, knobs, train)
    x_NF, class_N = jnp.asarray(train.x_NF), jnp.asarray(train.class_N)

    def batch(_: Knobs, index_B: Array) -> Batch:
        present_B = jnp.ones(spec.train.batch)
        return Batch(x_NF[index_B], class_N[index_B], observed_N[index_B], present_B)

    def story_batch(knobs: Knobs, index_B: Array) -> Batch:
        stories, positions = batch(knobs, index_B), x_NF.shape[1] - 1
        return stories._replace(
            observed_B=jnp.repeat(stories.observed_B, positions),
            present_B=jnp.repeat(stories.present_B, positions),
            degree_B=None if degrees is None else degrees(index_B),
        )

    of_stories = of_tokens(spec.world)
    probe = (
        probed(spec, knobs, params, train, observed_N) if spec.routing.degree == "probe" else None
    )
    degrees = token_degrees(spec, knobs, train, observed_N, probe) if of_stories else None
    return partial(epoch_order, spec, knobs, observed_N), story_batch if of_stories else batch


def drawn_batches(spec: Spec, steps: int) -> Batches:
    """(what an epoch scans over, the batch of one entry) for examples drawn at every step."""

    def batch(knobs: Knobs, step: Array) -> Batch:
        x_BF = draw(spec, knobs, step)
        some = Split(x_BF, jnp.zeros(len(x_BF), jnp.int32), {})  # type: ignore[arg-type]
        observed_B = jnp.full(len(x_BF), UNLABELLED)
        if spec.routing.mechanism != "none":
            observed_B = observe_drawn(spec, knobs, carries(spec, knobs, some), step)
        return Batch(x_BF, some.class_N, observed_B, jnp.ones(len(x_BF)))  # type: ignore[arg-type]

    return lambda epoch: epoch * steps + jnp.arange(steps), batch


class Watch(NamedTuple):
    """Who keeps a diary of a run, in its state, and changes nothing else.

    epoch(state, number) -> state, before each epoch; step(knobs, before, after, batch) -> `after`
    with its diary, after each step, under the knobs of that epoch.
    """

    epoch: Callable[[State, Array], State]
    step: Callable[[Knobs, State, State, Batch], State]


def nudged(spec: Spec, masks: dict[str, Array], state: State, epoch: Array) -> State:
    """The region's own parameters times 1 + `nudge`, once, as the share `nudge_at` is done."""
    if spec.train.nudge is None:
        return state
    scale = 1 + spec.train.nudge * (epoch == spec.train.nudge_epoch)
    rest = psi_tree(spec, state.params, jnp.array([0.0, 1.0]), masks)
    params = jax.tree.map(lambda p, k: jnp.where(k == 0, p * scale, p), state.params, rest)
    return state._replace(params=params)


def train_epochs(spec: Spec, knobs: Knobs, train: Split, state: State, first: Array | int,
                 epochs: int, watch: Watch | None = None) -> State:  # fmt: skip
    """The state after `epochs` more passes over the training split, of which `first` comes next.

    The epoch's number is the same for all lanes, so what depends on it alone is drawn once.
    """
    masks = regions(spec, knobs)
    per_epoch = steps_per_epoch(spec, len(train.class_N))
    drawn = spec.world.kind == "sparse"
    stored = partial(stored_batches, spec, knobs, train, state.params)
    entries, batch = drawn_batches(spec, per_epoch) if drawn else stored()

    def epoch(state: State, number: Array) -> tuple[State, None]:
        now, state = lifted(spec, knobs, number), nudged(spec, masks, state, number)
        state = state if watch is None else watch.epoch(state, number)

        def step(state: State, entry: Array) -> tuple[State, None]:
            some = batch(now, entry)
            after = train_step(spec, now, masks, state, some)
            return after if watch is None else watch.step(now, state, after, some), None

        return jax.lax.scan(step, state, entries(number))

    return jax.lax.scan(epoch, state, first + jnp.arange(epochs))[0]
