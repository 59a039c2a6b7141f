"""Why the rest does not learn a concept: what the region says already, seen at one moment.

All is asked on held-out data of the concept, which nobody labelled.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.keys import key_for
from absorb.knobs import Knobs
from absorb.measure.ablate import PASSED, WHOLE, View, look
from absorb.measure.credit import parameter_groups
from absorb.measure.scores import forget_mask, masked_mean
from absorb.models import Params, regions
from absorb.sites import answers
from absorb.train.losses import classifies, errors, targets
from absorb.worlds.data import Data, Split


class Sight(NamedTuple):
    """A network at one moment of its training; each is one number.

    loss: on the concept, in nats or squared error. strength: how far the region moves the output
    towards the target, of `whole`, how far the output is on its way. residual: how hard the loss
    still pulls the output there. suppress and control: the part of the gradient in the rest that
    the region, or as many random units of the rest, takes away.
    """

    loss: Array
    strength: Array
    whole: Array
    residual: Array
    suppress: Array
    control: Array


def sight(spec: Spec, knobs: Knobs, data: Data, params: Params) -> Sight:
    """Looks at a network with its region whole, mean-ablated, and with random units so instead."""
    own, split = regions(spec, knobs), data.validation
    without = mean_view(spec, knobs, params, data.train, own)
    strength, whole, residual = pull(spec, knobs, params, without, split)
    grads = [rest_gradient(spec, knobs, params, view, split) for view in (WHOLE, without)]
    control = jnp.array(jnp.nan)
    if spec.routing.placement != "parallel":  # there the rest is one trunk, with no unit to spare
        view = mean_view(spec, knobs, params, data.train, random_units(spec, knobs))
        control = suppressed(grads[0], rest_gradient(spec, knobs, params, view, split))
    loss = concept_loss(spec, knobs, params, WHOLE, split)
    return Sight(loss, strength, whole, residual, suppressed(*grads), control)


def mean_view(spec: Spec, knobs: Knobs, params: Params, train: Split,
              region: dict[str, Array]) -> View:  # fmt: skip
    """These units replaced by the means of what they pass on, whatever the arm ablates."""
    sites = look(spec, knobs, params, jnp.asarray(train.x_NF), PASSED).sites
    fill = {site: jax.lax.stop_gradient(sites[site].mean(0)) for site in region}
    return View(gate=0.0, fill=fill, by_hand=False, region=region)


def random_units(spec: Spec, knobs: Knobs) -> dict[str, Array]:
    """At each site as many units of the rest as the region has, or all where they are fewer."""
    found, key = {}, key_for(jax.random.key(knobs.init_seed), "control_units")
    for i, (site, r_U) in enumerate(regions(spec, knobs).items()):
        u_U = jax.random.uniform(jax.random.fold_in(key, i), r_U.shape)
        rank_U = jnp.argsort(jnp.argsort(u_U + r_U))  # the rest's units come first
        found[site] = (rank_U < r_U.sum()) * (1 - r_U)
    return found


def directions(spec: Spec, knobs: Knobs, split: Split) -> Array:
    """Where each output should go, (N, O): the class against all, or the target's own part.

    A target's own part is what it has beyond the mean target of the concept.
    """
    target_N = targets(spec, jnp.asarray(split.x_NF), jnp.asarray(split.class_N))
    if classifies(spec):
        outputs = answers(spec.world)
        return jax.nn.one_hot(target_N, outputs) - 1 / outputs
    weight_N1 = forget_mask(spec, knobs, split)[:, None]
    return target_N - (weight_N1 * target_N).sum(0) / weight_N1.sum()


def pull(spec: Spec, knobs: Knobs, params: Params, without: View, split: Split):
    """(strength of the region, of the whole network, what the loss still asks for).

    Means over the concept's data of products with `directions`, in units of a direction's square.
    """
    x_NF, d_NO = jnp.asarray(split.x_NF), directions(spec, knobs, split)
    weight_N = forget_mask(spec, knobs, split)
    target_N = targets(spec, x_NF, jnp.asarray(split.class_N))
    whole_NO, less_NO = (
        look(spec, knobs, params, x_NF, view).prediction_BO for view in (WHOLE, without)
    )
    ask_NO = -jax.grad(lambda y_NO: errors(spec, knobs, y_NO, target_N).sum())(whole_NO)
    square = masked_mean((d_NO**2).sum(-1), weight_N)

    def along(y_NO: Array) -> Array:
        return masked_mean((y_NO * d_NO).sum(-1), weight_N) / square

    return along(whole_NO - less_NO), along(whole_NO), along(ask_NO)


def concept_loss(spec: Spec, knobs: Knobs, params: Params, view: View, split: Split) -> Array:
    """Mean loss on the split's data of the concept."""
    x_NF = jnp.asarray(split.x_NF)
    target_N = targets(spec, x_NF, jnp.asarray(split.class_N))
    error_N = errors(spec, knobs, look(spec, knobs, params, x_NF, view).prediction_BO, target_N)
    return masked_mean(error_N, forget_mask(spec, knobs, split))


def rest_gradient(spec: Spec, knobs: Knobs, params: Params, view: View, split: Split) -> Params:
    """The gradient of the concept's loss under a view, in the parameters that are the rest's."""
    rest = parameter_groups(spec, params, regions(spec, knobs))[1]
    gradient = jax.grad(lambda p: concept_loss(spec, knobs, p, view, split))(params)
    return jax.tree.map(jnp.multiply, gradient, rest)


def suppressed(whole: Params, without: Params) -> Array:
    """1 - <g, g'>/|g'|^2 of the gradients with and without the units that may suppress."""

    def inner(a: Params, b: Params) -> Array:
        return sum(jax.tree.leaves(jax.tree.map(lambda x, y: (x * y).sum(), a, b)), jnp.zeros(()))

    return 1 - inner(whole, without) / inner(without, without)
