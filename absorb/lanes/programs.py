"""The compiled programs of one Spec: start, train a segment, measure; lanes over all devices."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure import mechanics
from absorb.measure.network import measure_network
from absorb.measure.scores import prefixed
from absorb.models import Params
from absorb.train.one import start, train_epochs
from absorb.train.rivals import unlearn
from absorb.train.starts import named
from absorb.train.step import State
from absorb.worlds import Data

LANES = "lanes"
PARAMETERS = "parameters/"  # before the names of parameters that are kept among the scores


class Programs(NamedTuple):
    """One Spec at one width; every argument and result has a leading axis of R lanes.

    start(knobs, stored=None) -> state, where `stored` are parameters that all lanes start from;
    train(knobs, data, state, first, epochs) -> state, where `first` is the
    number of the epoch that comes next; unlearn(knobs, data, state) -> state, what a rival does
    after training, or None; measure(knobs, data, state) -> scores by name. `width` lanes run at
    once, `width / devices` on each device.
    """

    start: Callable
    train: Callable
    unlearn: Callable | None
    measure: Callable
    width: int
    mesh: Mesh


def over_lanes(one: Callable, mesh: Mesh, shared: tuple[bool, ...]) -> Callable:
    """`one` for many lanes: mapped over the lanes of a device, sharded over devices.

    shared: for each argument, whether all lanes see the same one. Runs are independent, so the
    program needs no collectives.
    """
    lane, every = PartitionSpec(LANES), PartitionSpec()
    mapped = jax.vmap(one, in_axes=tuple(None if s else 0 for s in shared))
    return jax.shard_map(
        mapped,
        mesh=mesh,
        in_specs=tuple(every if s else lane for s in shared),
        out_specs=lane,
        check_vma=False,
    )


def all_finite(params: Params) -> jax.Array:
    """Whether every parameter is a finite number."""
    return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(params)]))


def measured(spec: Spec, knobs: Knobs, data: Data, state: State) -> dict[str, jax.Array]:
    """A run's scores, and its parameters under `parameters/` where they are asked for."""
    found = measure_network(spec, knobs, data, state.params)
    if spec.measure.parameters:
        found |= {f"{PARAMETERS}{name}": leaf for name, leaf in named(state.params).items()}
    if keeps_diary(spec):
        found |= prefixed(mechanics.TREATMENT, mechanics.mechanics(spec, knobs, data, state))
    return found | {"finite_parameters": all_finite(state.params)}


def keeps_diary(spec: Spec) -> bool:
    """Whether something is asked of a run that only its training can tell."""
    return mechanics.TREATMENT in spec.measure.treatments


def begun(spec: Spec, knobs: Knobs, stored=None) -> State:
    """The state before the first step, with an empty diary where one is kept."""
    state = start(spec, knobs, stored)
    if not keeps_diary(spec):
        return state
    return state._replace(diary=mechanics.blank_diary(spec, state.params))


def trained(spec: Spec, knobs: Knobs, data: Data, state: State, first, epochs: int) -> State:
    """The state some epochs later."""
    watch = mechanics.watch(spec, knobs, data) if keeps_diary(spec) else None
    return train_epochs(spec, knobs, data.train, state, first, epochs, watch)


@lru_cache(maxsize=16)
def programs(spec: Spec, lanes: int, devices: int | None = None) -> Programs:
    """The programs of a Spec with `lanes` lanes on each of the first `devices` local devices."""
    local = jax.local_devices()[:devices]
    mesh = Mesh(np.array(local), (LANES,))
    begin = jax.jit(over_lanes(partial(begun, spec), mesh, (False, True)))
    measure = over_lanes(partial(measured, spec), mesh, (False, True, False))

    @partial(jax.jit, static_argnums=4, donate_argnums=2)
    def train(knobs, data, state, first, epochs):
        def one(knobs, data, state, first):
            return trained(spec, knobs, data, state, first, epochs)

        return over_lanes(one, mesh, (False, True, False, True))(knobs, data, state, first)

    rival = None
    if spec.rival.kind != "none":
        one = lambda knobs, data, state: unlearn(spec, knobs, data.train, state)  # noqa: E731
        rival = jax.jit(over_lanes(one, mesh, (False, True, False)), donate_argnums=2)
    fresh_or_stored = lambda knobs, stored=None: begin(knobs, stored)  # noqa: E731
    return Programs(fresh_or_stored, train, rival, jax.jit(measure), lanes * len(local), mesh)


def on_lanes(mesh: Mesh, tree):
    """Arrays with a leading lane axis, spread over the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec(LANES)))


def on_all(mesh: Mesh, tree):
    """Arrays that every device holds whole."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))
