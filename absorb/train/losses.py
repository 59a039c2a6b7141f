"""What is minimised: the task's error, the certificates' and the penalties on units."""

import jax
import jax.numpy as jnp
import optax
from jax import Array

from absorb.config import Autoencoder, Linear, Sparse, Spec
from absorb.knobs import Knobs
from absorb.models import Output
from absorb.sites import answers, of_tokens
from absorb.worlds.labels import FORGET, by_observation


def targets(spec: Spec, x_BF: Array, class_B: Array) -> Array:
    """What the network should say: next tokens (B * T,), classes, the picture, or slope * x."""
    if of_tokens(spec.world):
        return x_BF[:, 1:].reshape(-1)
    if spec.model.kind == "mlp":
        return class_B % answers(spec.world)  # of a pair of tasks, both have the same answers
    return x_BF * spec.world.slope if isinstance(spec.world, Linear) else x_BF


def classifies(spec: Spec) -> bool:
    """Whether predictions are logits over classes or tokens."""
    return spec.model.kind == "mlp" or of_tokens(spec.world)


def component_errors(knobs: Knobs, prediction_BO: Array, target_BO: Array) -> Array:
    """Squared error of each output times its importance, (O, B).

    Outputs first, as the toy has them in memory: there its own transposes cancel with these.
    """
    return (prediction_BO.T - target_BO.T) ** 2 * jnp.asarray(knobs.importance_C)[:, None]


def errors(spec: Spec, knobs: Knobs, prediction_BO: Array, target_B: Array) -> Array:
    """Each example's error_B: cross-entropy in nats, or mean squared or absolute error."""
    if classifies(spec):
        return optax.softmax_cross_entropy_with_integer_labels(prediction_BO, target_B)
    if isinstance(spec.world, Sparse):
        return component_errors(knobs, prediction_BO, target_B).mean(0)
    gap_BO = prediction_BO - target_B
    if isinstance(spec.model, Autoencoder) and spec.model.error == "absolute":
        return jnp.abs(gap_BO).mean(-1)
    return (gap_BO**2).mean(-1)


def hits(logits_BA: Array, target_B: Array) -> Array:
    """1 where the target is the likeliest of A answers, of equals the first; 0 where one is NaN.

    As `argmax` has it, which takes a CPU longer than two plain reductions.
    """
    answers, best_B1 = logits_BA.shape[-1], logits_BA.max(-1, keepdims=True)
    first_B = jnp.where(logits_BA == best_B1, jnp.arange(answers), answers).min(-1)
    return (first_B == target_B).astype(jnp.float32)


def example_weights(spec: Spec, knobs: Knobs, observed_B: Array,
                    degree_B: Array | None = None) -> Array:  # fmt: skip
    """Weight of each datum in the batch loss: 1/B each, or 1/|group| within its group."""
    if outputs_are_routed(spec):
        return jnp.full(len(observed_B), 1 / len(observed_B))
    keep_B = by_observation(knobs.keep_O, observed_B, degree_B)
    if spec.train.loss == "task":
        return keep_B / len(observed_B)
    forget_B = (observed_B == FORGET).astype(jnp.float32)
    size_B = jnp.where(forget_B > 0, forget_B.sum(), (1 - forget_B).sum())
    return keep_B / jnp.maximum(size_B, 1)


def outputs_are_routed(spec: Spec) -> bool:
    """Whether the loss components that are routed are outputs, as in the toy, and not tokens."""
    return spec.routing.granularity == "component" and not of_tokens(spec.world)


def kept_components(knobs: Knobs, observed_B: Array) -> Array:
    """Weight (C, B) of each loss component: what an arm drops is a component of the concept."""
    keep_B = by_observation(knobs.keep_O, observed_B)
    return 1 - jnp.asarray(knobs.concept_C)[:, None] * (1 - keep_B)


def batch_loss(spec: Spec, knobs: Knobs, output: Output, target_B: Array, weight_B: Array,
               observed_B: Array) -> Array:  # fmt: skip
    """The weighted sum of the examples' errors; certificates always see every example alike."""
    if outputs_are_routed(spec):
        error_OB = component_errors(knobs, output.prediction_BO, target_B)
        return (weight_B * (kept_components(knobs, observed_B) * error_OB).mean(0)).sum()
    loss = (weight_B * errors(spec, knobs, output.prediction_BO, target_B)).sum()
    for prediction_BO in output.certificates.values():
        loss += errors(spec, knobs, prediction_BO, target_B).mean()
    return loss


def penalties(spec: Spec, knobs: Knobs, sites: dict[str, Array], regions: dict[str, Array],
              seen_B: Array) -> Array:  # fmt: skip
    """L1 on the units of region and rest, and correlation between the two, over the cut sites.

    Means over the data in `seen_B`. They act on the units before routing: under activation routing
    they train both sides, whatever the datum's route weights.
    """
    total, share_B = jnp.zeros(()), seen_B / jnp.maximum(seen_B.sum(), 1)
    for site, r_U in regions.items():
        h_BU = sites[site]
        if spec.train.l1_region:
            total += knobs.l1_region * (share_B @ jnp.abs(h_BU) * r_U).sum()
        if spec.train.l1_rest:
            total += knobs.l1_rest * (share_B @ jnp.abs(h_BU) * (1 - r_U)).sum()
        if spec.train.correlation:
            total += knobs.correlation * cross_correlation(h_BU, r_U, seen_B)
    return total


def cross_correlation(h_BU: Array, r_U: Array, seen_B: Array) -> Array:
    """Mean |correlation| over the region x rest block; std by n - 1, correlation by n."""
    count = jnp.maximum(seen_B.sum(), 2)
    centred_BU = (h_BU - seen_B @ h_BU / count) * seen_B[:, None]
    variance_U = (centred_BU**2).sum(0) / (count - 1)
    z_BU = centred_BU * jax.lax.rsqrt(jnp.maximum(variance_U, 1e-12))
    correlation_UU = jnp.abs(z_BU.T @ z_BU) / count
    block_UU = r_U[:, None] * (1 - r_U[None, :])
    return (correlation_UU * block_UU).sum() / jnp.maximum(block_UU.sum(), 1)
