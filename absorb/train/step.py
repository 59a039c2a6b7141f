"""One optimizer step of one run: routes of a batch, loss, gradient, update."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from absorb.config import Spec
from absorb.knobs import OBSERVED, Knobs
from absorb.models import Params, apply, psi_tree
from absorb.routing.kernels import Components, Routes
from absorb.train.losses import (
    batch_loss,
    example_weights,
    outputs_are_routed,
    penalties,
    targets,
)
from absorb.train.optimizer import make_optimizer
from absorb.worlds.labels import FORGET, RETAIN, UNLABELLED, by_observation


class State(NamedTuple):
    """One run between two steps; `diverged_step` is -1 while every loss was finite.

    `diary` is what somebody writes down of the run while it trains, and nobody reads in training.
    """

    params: Params
    opt_state: Any
    step: Array
    diverged_step: Array
    loss: Array
    diary: Any = None


class Batch(NamedTuple):
    """B data, what is observed of each, and whether it takes part in the loss.

    In worlds of tokens a datum is a position of a story: x holds stories, all else has one entry
    per position, B = stories * T. `degree_B` is how much of the concept an observed datum has, or
    None for all of it.
    """

    x_BF: Array
    class_B: Array
    observed_B: Array
    present_B: Array
    degree_B: Array | None = None

    def look_up(self, table_O) -> Array:
        """The table's entry for what is observed of each datum."""
        return by_observation(table_O, self.observed_B, self.degree_B)


def optimizer_of(spec: Spec, knobs: Knobs):
    """The run's optimizer, with its rate and decay traced."""
    return make_optimizer(spec.train.optimizer, knobs.learning_rate, knobs.weight_decay)


def needs_region(spec: Spec) -> bool:
    """Whether anything but route weights needs the region in training; a gate of 1 costs time."""
    certified = getattr(spec.model, "certificates", False)
    gated = spec.gate.kind != "none" or spec.train.ablate_every
    return bool(gated or certified or not spec.routing.cross)


def batch_routes(spec: Spec, knobs: Knobs, batch: Batch, step: Array,
                 regions: dict[str, Array]) -> Routes:  # fmt: skip
    """Each datum's route weights and gate, looked up from what is observed of it.

    Every `ablate_every` steps the region takes no part.
    """
    weights_O2 = jnp.asarray(knobs.weights_O2)
    gate_B = batch.look_up(knobs.gate_O)
    if spec.train.ablate_every:
        gate_B *= (step + 1) % knobs.ablate_every != 0
    second_B = (batch.observed_B == FORGET).astype(jnp.float32)
    if spec.routing.mechanism == "none":
        return Routes(None, gate_B, regions if needs_region(spec) else {}, second_B=second_B)
    weight_B2, components = batch.look_up(weights_O2), None
    if outputs_are_routed(spec):
        components = Components(jnp.asarray(knobs.concept_C), weights_O2[RETAIN])
    return Routes(weight_B2, gate_B, regions, second_B=second_B, components=components)


def one_decision(batch: Batch) -> Batch:
    """The batch under granularity batch: one decision for all of it, that of its rarest label.

    Data of another kind, which only the batch on the border of two kinds holds, drop out of the
    loss: a mixed weight would let through what the decision has to block.
    """
    kind = batch.observed_B.min()  # forget before unlabelled before retain
    same_B = (batch.observed_B == kind) * batch.present_B
    return batch._replace(observed_B=jnp.full_like(batch.observed_B, kind), present_B=same_B)


def routed_update(spec: Spec, knobs: Knobs, routes: Routes, state: State, gradient: Params):
    """The optimizer's (updates, next state); with mechanism update, blocked weights do not move.

    Their moments do not see the gradient either: momentum would only hand it on to later steps.
    """
    update = optimizer_of(spec, knobs).update
    if spec.routing.mechanism != "update":
        return update(gradient, state.opt_state, state.params)
    assert routes.weight_B2 is not None
    psi = psi_tree(spec, state.params, routes.weight_B2[0], routes.regions)
    allowed = jax.tree.map(lambda g, p: jnp.where(p == 0, 0, g), gradient, psi)
    updates, opt_state = update(allowed, state.opt_state, state.params)
    return jax.tree.map(jnp.multiply, updates, psi), opt_state


class Part(NamedTuple):
    """One part of the batch's loss: how its gradient is routed, and what each datum weighs in it.

    The penalties on units belong to one of the parts.
    """

    routes: Routes
    weight_B: Array
    penalised: bool


def parts_of(spec: Spec, knobs: Knobs, batch: Batch, routes: Routes) -> list[Part]:
    """The parts of the loss, each with a backward pass of its own; one, unless they are routed.

    Where loss components are tokens, a part is what is observed to be of one kind, and all that is
    computed for it, at its own and at earlier positions, is routed as that kind.
    """
    weights = example_weights(spec, knobs, batch.observed_B, batch.degree_B)
    weight_B = batch.present_B * weights
    if routes.weight_B2 is None or spec.routing.granularity != "component":
        return [Part(routes, weight_B, True)]
    if outputs_are_routed(spec):
        return [Part(routes, weight_B, True)]
    found = []
    for kind in range(len(OBSERVED)):
        own_2 = jnp.asarray(knobs.weights_O2)[kind]
        same = routes._replace(weight_B2=jnp.broadcast_to(own_2, routes.weight_B2.shape))
        share_B = batch.look_up(jnp.eye(len(OBSERVED))[kind])
        found.append(Part(same, weight_B * share_B, kind == UNLABELLED))
    return found


def loss_and_gradient(spec: Spec, knobs: Knobs, regions: dict[str, Array], params: Params,
                      batch: Batch, parts: list[Part]) -> tuple[Array, Params]:  # fmt: skip
    """The batch's loss, and its routed gradient: the sum over its parts."""
    target_B = targets(spec, batch.x_BF, batch.class_B)
    seen_B = batch.present_B * batch.look_up(knobs.penalised_O)

    def loss_of(params: Params, part: Part) -> Array:
        output = apply(spec, params, batch.x_BF, part.routes)
        loss = batch_loss(spec, knobs, output, target_B, part.weight_B, batch.observed_B)
        if not part.penalised:
            return loss
        return loss + penalties(spec, knobs, output.sites, regions, seen_B)

    found = [jax.value_and_grad(loss_of)(params, part) for part in parts]
    return jax.tree.map(lambda *each: sum(each[1:], each[0]), *found)


def train_step(spec: Spec, knobs: Knobs, regions: dict[str, Array], state: State,
               batch: Batch) -> State:  # fmt: skip
    """The next state; a run whose loss is not finite stays as it is from then on."""
    if spec.routing.granularity == "batch":
        batch = one_decision(batch)
    routes = batch_routes(spec, knobs, batch, state.step, regions)
    parts = parts_of(spec, knobs, batch, routes)
    loss, gradient = loss_and_gradient(spec, knobs, regions, state.params, batch, parts)
    updates, opt_state = routed_update(spec, knobs, routes, state, gradient)
    failed = (state.diverged_step < 0) & ~jnp.isfinite(loss)
    diverged_step = jnp.where(failed, state.step, state.diverged_step)
    alive = diverged_step < 0
    updates = jax.tree.map(lambda u: jnp.where(alive, u, 0), updates)
    params = optax.apply_updates(state.params, updates)
    return State(params, opt_state, state.step + 1, diverged_step, loss, state.diary)
