"""One training run as plain functions: start it, take it through epochs."""

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.models import init, regions
from absorb.train.step import Batch, State, optimizer_of, train_step
from absorb.worlds.data import Split
from absorb.worlds.labels import observe

MOST_PACKED = 2**14  # entries that leave 18 random bits beside their index


def start(spec: Spec, knobs: Knobs) -> State:
    """The state before the first step, a function of the run's init seed alone."""
    params = init(spec, key_for(jax.random.key(knobs.init_seed), "init"))
    opt_state = optimizer_of(spec, knobs).init(params)
    return State(params, opt_state, jnp.int32(0), jnp.int32(-1), jnp.float32(0))


def steps_per_epoch(spec: Spec, examples: int) -> int:
    """Whole batches in the training split; the remainder of an epoch's shuffle is left out."""
    return examples // spec.train.batch


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


def train_epochs(spec: Spec, knobs: Knobs, train: Split, state: State, epochs: int) -> State:
    """The state after `epochs` more passes over the training split."""
    masks = regions(spec, knobs)
    observed_N = observe(spec, knobs, train)
    x_NF, class_N = jnp.asarray(train.x_NF), jnp.asarray(train.class_N)
    per_epoch = steps_per_epoch(spec, len(class_N))

    def step(state: State, index_B: Array) -> tuple[State, None]:
        present_B = jnp.ones(spec.train.batch)
        batch = Batch(x_NF[index_B], class_N[index_B], observed_N[index_B], present_B)
        return train_step(spec, knobs, masks, state, batch), None

    def epoch(state: State, _) -> tuple[State, None]:
        order_SB = epoch_order(spec, knobs, observed_N, state.step // per_epoch)
        return jax.lax.scan(step, state, order_SB)

    return jax.lax.scan(epoch, state, None, length=epochs)[0]
