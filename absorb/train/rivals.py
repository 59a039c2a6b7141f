"""Rivals of routing: unlearning after ordinary training, by methods that route nothing.

A rival may use the examples that are labelled forget and, as other data, all the rest of the
training split, which below full labels holds forget data that nobody labelled.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from absorb.config import Autoencoder, Spec, Transformer
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.models import Output, Params, apply, init, regions, shapes
from absorb.routing.kernels import Routes
from absorb.sites import of_tokens, positions
from absorb.train.losses import classifies, errors, targets
from absorb.train.step import State
from absorb.worlds import observe
from absorb.worlds.data import Split
from absorb.worlds.labels import FORGET
from absorb.worlds.token_labels import Degrees, token_degrees


class Sides(NamedTuple):
    """The training split in two: `order_N` names the `labelled` forget examples first.

    degrees: how much of the concept each token of a labelled story has, or None for all of it.
    cap: the loss of a guess that knows nothing.
    """

    split: Split
    order_N: Array
    labelled: Array
    degrees: Degrees | None
    cap: Array


class Some(NamedTuple):
    """A few examples, with the weight of each datum in a mean; the weights add up to 1 or 0."""

    x_BF: Array
    class_B: Array
    weight_B: Array


Loss = Callable[[Params, Some, Some], Array]  # of parameters, forget examples and other examples


def unlearn(spec: Spec, knobs: Knobs, train: Split, state: State) -> State:
    """The state after `rival.steps` steps of the rival; a loss that is not finite stops the run."""
    sides = two_sides(spec, knobs, train)
    return METHODS[spec.rival.kind](spec, knobs, sides, state)


def two_sides(spec: Spec, knobs: Knobs, train: Split) -> Sides:
    """The training split with the labelled forget examples apart from all others."""
    observed_N = observe(spec, knobs, train)
    labelled_N = observed_N == FORGET
    degrees = token_degrees(spec, knobs, train, observed_N) if of_tokens(spec.world) else None
    order_N = jnp.argsort(~labelled_N, stable=True)
    return Sides(train, order_N, labelled_N.sum(), degrees, guess_loss(spec, knobs, train))


def guess_loss(spec: Spec, knobs: Knobs, train: Split) -> Array:
    """The loss of a uniform guess among O outputs, ln O; of pictures, of the mean picture."""
    x_NF = jnp.asarray(train.x_NF)
    if classifies(spec):
        return jnp.log(jnp.float32(shapes(spec)[1]))
    guess_NF = jnp.broadcast_to(x_NF.mean(0), x_NF.shape)
    return errors(spec, knobs, guess_NF, targets(spec, x_NF, jnp.asarray(train.class_N))).mean()


def half_batches(spec: Spec, sides: Sides, key: Array) -> tuple[Some, Some]:
    """Half a batch of labelled forget examples, half a batch of others, drawn with replacement.

    Where nothing is labelled, the forget half weighs nothing.
    """
    half = max(1, spec.train.batch // 2)
    u_2B = jax.random.uniform(key, (2, half))
    others = len(sides.order_N) - sides.labelled
    forget_B = sides.order_N[(u_2B[0] * sides.labelled).astype(jnp.int32)]
    other_B = sides.order_N[(sides.labelled + u_2B[1] * others).astype(jnp.int32)]
    degree_B = jnp.ones(half * positions(spec.world))
    if sides.degrees is not None:
        degree_B = sides.degrees(forget_B)
    present = (sides.labelled > 0).astype(jnp.float32)
    weight_B = present * degree_B / jnp.maximum(degree_B.sum(), 1)
    return some(sides, forget_B, weight_B), some(
        sides, other_B, jnp.full_like(degree_B, 1 / len(degree_B))
    )


def some(sides: Sides, index_B: Array, weight_B: Array) -> Some:
    """The examples of these indices."""
    x_NF, class_N = jnp.asarray(sides.split.x_NF), jnp.asarray(sides.split.class_N)
    return Some(x_NF[index_B], class_N[index_B], weight_B)


def whole(spec: Spec, knobs: Knobs, params: Params, batch: Some) -> Output:
    """The whole network's output; nothing is routed."""
    free = Routes(None, jnp.ones(len(batch.weight_B)), regions(spec, knobs))
    return apply(spec, params, batch.x_BF, free)


def mean_error(spec: Spec, knobs: Knobs, params: Params, batch: Some) -> Array:
    """The task's error, weighed."""
    target_B = targets(spec, batch.x_BF, batch.class_B)
    prediction_BO = whole(spec, knobs, params, batch).prediction_BO
    return (batch.weight_B * errors(spec, knobs, prediction_BO, target_B)).sum()


def ascent_loss(spec: Spec, knobs: Knobs, sides: Sides, strength: Array | float) -> Loss:
    """L(other) - strength * min(L(forget), cap): beyond the guess's loss nothing is gained.

    Gradient ascent on retain-regularised loss, as in Maini et al. 2024 (TOFU), there called
    gradient difference; the cap keeps it from diverging.
    """

    def loss(params: Params, forget: Some, other: Some) -> Array:
        risen = jnp.minimum(mean_error(spec, knobs, params, forget), sides.cap)
        return mean_error(spec, knobs, params, other) - strength * risen

    return loss


def middle_site(spec: Spec) -> str:
    """The site where representations are misdirected: the latent, or the middle layer's."""
    if isinstance(spec.model, Autoencoder):
        return "latent"
    if isinstance(spec.model, Transformer):
        return f"residual{(spec.model.layers - 1) // 2}"
    return f"hidden{len(spec.model.widths) // 2}"  # type: ignore[union-attr]


def misdirection_loss(spec: Spec, knobs: Knobs, frozen: Params) -> Loss:
    """E_forget ||h - strength u||^2 + hold * E_other ||h - h_frozen||^2 at the middle site.

    u: a fixed random unit vector, uniform in [0, 1] before it is normalised. Source: Li et al.
    2024, The WMDP Benchmark, section 4 (RMU), where `hold` is 100 to 1200 in wide transformers;
    on digits 1 holds retain data, and 10 forget data too. Every parameter that h hangs on learns.
    """
    site = middle_site(spec)
    key = key_for(jax.random.key(knobs.init_seed), "rival_direction")

    def loss(params: Params, forget: Some, other: Some) -> Array:
        h_BU = whole(spec, knobs, params, forget).sites[site]
        u_U = jax.random.uniform(key, h_BU.shape[1:])
        aim_U = knobs.rival_strength * u_U / jnp.linalg.norm(u_U)
        held_BU = jax.lax.stop_gradient(whole(spec, knobs, frozen, other).sites[site])
        gap_BU = whole(spec, knobs, params, other).sites[site] - held_BU
        away = (forget.weight_B * ((h_BU - aim_U) ** 2).sum(1)).sum()
        return away + knobs.rival_hold * (other.weight_B * (gap_BU**2).sum(1)).sum()

    return loss


def distillation_loss(spec: Spec, knobs: Knobs, teacher: Params) -> Loss:
    """KL(teacher || student) on other data; of pictures, the squared distance."""

    def loss(params: Params, forget: Some, other: Some) -> Array:
        said_BO = whole(spec, knobs, params, other).prediction_BO
        aim_BO = jax.lax.stop_gradient(whole(spec, knobs, teacher, other).prediction_BO)
        if not classifies(spec):
            return (other.weight_B * ((said_BO - aim_BO) ** 2).mean(1)).sum()
        log_BO, log_aim_BO = jax.nn.log_softmax(said_BO), jax.nn.log_softmax(aim_BO)
        return (other.weight_B * (jnp.exp(log_aim_BO) * (log_aim_BO - log_BO)).sum(1)).sum()

    return loss


def descend(spec: Spec, knobs: Knobs, sides: Sides, loss: Loss, state: State,
            steps: int) -> State:  # fmt: skip
    """The state after `steps` steps of a fresh Adam at the rival's rate."""
    optimizer, key = optax.adam(knobs.rival_rate), jax.random.key(knobs.order_seed)

    def step(carry, _):
        state, moments = carry
        batches = half_batches(spec, sides, key_for(key, "rival", state.step))
        value, gradient = jax.value_and_grad(loss)(state.params, *batches)
        failed = (state.diverged_step < 0) & ~jnp.isfinite(value)
        diverged_step = jnp.where(failed, state.step, state.diverged_step)
        updates, moments = optimizer.update(gradient, moments)
        updates = jax.tree.map(lambda u: jnp.where(diverged_step < 0, u, 0), updates)
        params = optax.apply_updates(state.params, updates)
        state = state._replace(params=params, step=state.step + 1, diverged_step=diverged_step)
        return (state, moments), None

    return jax.lax.scan(step, (state, optimizer.init(state.params)), length=steps)[0][0]


def ascent(spec: Spec, knobs: Knobs, sides: Sides, state: State) -> State:
    """All steps descend the retain-regularised loss."""
    loss = ascent_loss(spec, knobs, sides, knobs.rival_strength)
    return descend(spec, knobs, sides, loss, state, spec.rival.steps)


def misdirect(spec: Spec, knobs: Knobs, sides: Sides, state: State) -> State:
    """All steps misdirect, away from the network that training left."""
    loss = misdirection_loss(spec, knobs, state.params)
    return descend(spec, knobs, sides, loss, state, spec.rival.steps)


def distil(spec: Spec, knobs: Knobs, sides: Sides, state: State) -> State:
    """Half of the steps make a teacher by ascent of strength 1, the others its noised student.

    The student starts at (1 - strength) * teacher + strength * fresh parameters. Source: Lee et
    al. 2025, Distillation Robustifies Unlearning (UNDO), with noise of full size (beta = 1).
    """
    half = spec.rival.steps // 2
    taught = descend(spec, knobs, sides, ascent_loss(spec, knobs, sides, 1.0), state, half)
    student = taught._replace(params=noised(spec, knobs, taught.params))
    loss = distillation_loss(spec, knobs, taught.params)
    return descend(spec, knobs, sides, loss, student, spec.rival.steps - half)


def noised(spec: Spec, knobs: Knobs, teacher: Params) -> Params:
    """(1 - strength) * teacher + strength * fresh parameters."""
    fresh = init(spec, key_for(jax.random.key(knobs.init_seed), "rival_init"))
    s = knobs.rival_strength
    return jax.tree.map(lambda t, f: (1 - s) * t + s * f, teacher, fresh)


METHODS = {"ascent": ascent, "misdirect": misdirect, "distil": distil}
