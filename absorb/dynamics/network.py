"""The masked update of one of the project's networks: its losses by what is observed, their ψ."""

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.dynamics.field import Term
from absorb.dynamics_rules import check_maskable
from absorb.knobs import OBSERVED, Knobs
from absorb.models import Params, apply, psi_tree, regions
from absorb.routing.kernels import Routes
from absorb.train.losses import batch_loss, example_weights, outputs_are_routed, targets
from absorb.train.step import Batch, batch_routes
from absorb.worlds import carries, observe, observe_drawn
from absorb.worlds.data import Split
from absorb.worlds.labels import RETAIN, UNLABELLED


def network_terms(spec: Spec, knobs: Knobs, params: Params, batch: Batch) -> tuple[Term, ...]:
    """The batch's losses by what is observed of the data, each with its ψ shaped like `params`.

    Their sum is the batch's loss and their field its routed gradient, without penalties or decay.
    Where loss components are routed, the concept's come by what is observed, all others as one.
    What certificates say is left out: nothing of it flows back into the network.
    Errors: AbsorbError where no mask on parameters says what is trained (see `check_maskable`).
    """
    check_maskable(spec)
    plain = batch_routes(spec, knobs, batch, jnp.int32(0), regions(spec, knobs))
    plain = plain._replace(weight_B2=None, components=None)
    weight_B = batch.present_B * example_weights(spec, knobs, batch.observed_B)
    concept, others = parts(spec, knobs)
    found = []
    for kind, name in enumerate(OBSERVED):
        same_B = batch.look_up(jnp.eye(len(OBSERVED))[kind])
        loss = loss_of(spec, concept, plain, batch, weight_B * same_B)
        found.append(Term(loss, psi_of(spec, knobs, params, kind), name))
    if others is not None:
        loss = loss_of(spec, others, plain, batch, weight_B)
        found.append(Term(loss, psi_of(spec, knobs, params, RETAIN), "others"))
    return tuple(found)


def parts(spec: Spec, knobs: Knobs) -> tuple[Knobs, Knobs | None]:
    """Knobs by which loss components count that go by what is observed, and all others, if any."""
    if not outputs_are_routed(spec):
        return knobs, None
    importance_C, concept_C = jnp.asarray(knobs.importance_C), jnp.asarray(knobs.concept_C)
    concept = knobs._replace(importance_C=importance_C * concept_C)
    return concept, knobs._replace(importance_C=importance_C * (1 - concept_C))


def loss_of(spec: Spec, knobs: Knobs, routes: Routes, batch: Batch, weight_B: Array):
    """The loss of parameters on the batch under these weights of its data."""
    target_B = targets(spec, batch.x_BF, batch.class_B)

    def loss(params: Params) -> Array:
        output = apply(spec, params, batch.x_BF, routes)._replace(certificates={})
        return batch_loss(spec, knobs, output, target_B, weight_B, batch.observed_B)

    return loss


def psi_of(spec: Spec, knobs: Knobs, params: Params, kind: int) -> Params:
    """ψ of data observed as `kind`, in the parameters' own type; 1 where nothing is routed.

    Under activation routing what reads a unit learns in full, and what writes it has its weight.
    """
    if spec.routing.mechanism == "none":
        return jax.tree.map(jnp.ones_like, params)
    dtype = jax.tree.leaves(params)[0].dtype
    masks = {site: r_U.astype(dtype) for site, r_U in regions(spec, knobs).items()}
    weight_2 = jnp.asarray(knobs.weights_O2, dtype)[kind]
    return psi_tree(spec, params, weight_2, masks, spec.routing.mechanism == "activation")


def decay_term(params: Params, decay: Array | float) -> Term:
    """Weight decay as optimizer sgd has it: the loss decay/2 ‖θ‖², which trains all parameters."""

    def loss(params: Params) -> Array:
        return decay / 2 * sum(((p**2).sum() for p in jax.tree.leaves(params)), jnp.zeros(()))

    return Term(loss, jax.tree.map(jnp.ones_like, params), "decay")


def whole_split(spec: Spec, knobs: Knobs, split: Split) -> Batch:
    """All examples of a split as one batch, observed as the run observes them.

    Of the world sparse, features as `given` has them, observed as those of a first step.
    """
    x_NF, class_N = jnp.asarray(split.x_NF), jnp.asarray(split.class_N)
    if spec.world.kind != "sparse":
        observed_N = observe(spec, knobs, split)
    elif spec.routing.mechanism == "none":
        observed_N = jnp.full(len(x_NF), UNLABELLED)
    else:
        observed_N = observe_drawn(spec, knobs, carries(spec, knobs, split), jnp.int32(0))
    return Batch(x_NF, class_N, observed_N, jnp.ones(len(x_NF)))
