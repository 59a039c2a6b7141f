"""One optimizer step of one run: routes of a batch, loss, gradient, update."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.models import Params, apply, psi_tree
from absorb.routing.kernels import Components, Routes
from absorb.train.losses import batch_loss, example_weights, penalties, targets
from absorb.train.optimizer import make_optimizer
from absorb.worlds.labels import FORGET, RETAIN, by_observation


class State(NamedTuple):
    """One run between two steps; `diverged_step` is -1 while every loss was finite."""

    params: Params
    opt_state: Any
    step: Array
    diverged_step: Array
    loss: Array


class Batch(NamedTuple):
    """B examples, what is observed of each, and whether it takes part in the loss."""

    x_BF: Array
    class_B: Array
    observed_B: Array
    present_B: Array


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
    gate_B = by_observation(knobs.gate_O, batch.observed_B)
    if spec.train.ablate_every:
        gate_B *= (step + 1) % knobs.ablate_every != 0
    second_B = (batch.observed_B == FORGET).astype(jnp.float32)
    if spec.routing.mechanism == "none":
        return Routes(None, gate_B, regions if needs_region(spec) else {}, second_B=second_B)
    weight_B2, components = by_observation(weights_O2, batch.observed_B), None
    if spec.routing.granularity == "component":
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


def train_step(spec: Spec, knobs: Knobs, regions: dict[str, Array], state: State,
               batch: Batch) -> State:  # fmt: skip
    """The next state; a run whose loss is not finite stays as it is from then on."""
    if spec.routing.granularity == "batch":
        batch = one_decision(batch)
    routes = batch_routes(spec, knobs, batch, state.step, regions)
    weight_B = batch.present_B * example_weights(spec, knobs, batch.observed_B)
    seen_B = batch.present_B * by_observation(knobs.penalised_O, batch.observed_B)
    target_B = targets(spec, batch.x_BF, batch.class_B)

    def loss_of(params: Params) -> Array:
        output = apply(spec, params, batch.x_BF, routes)
        loss = batch_loss(spec, knobs, output, target_B, weight_B, batch.observed_B)
        return loss + penalties(spec, knobs, output.sites, regions, seen_B)

    loss, gradient = jax.value_and_grad(loss_of)(state.params)
    updates, opt_state = routed_update(spec, knobs, routes, state, gradient)
    failed = (state.diverged_step < 0) & ~jnp.isfinite(loss)
    diverged_step = jnp.where(failed, state.step, state.diverged_step)
    alive = diverged_step < 0
    updates = jax.tree.map(lambda u: jnp.where(alive, u, 0), updates)
    params = optax.apply_updates(state.params, updates)
    return State(params, opt_state, state.step + 1, diverged_step, loss)
