"""Who brought the concept's loss down: loss-change allocation by kind of data and of parameter.

An optimizer step moves each parameter by a sum over kinds of data: Adam's and SGD's steps are
linear in their first moment, once the second is given.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.models import Params, psi_tree
from absorb.train.optimizer import MOMENTUM
from absorb.train.step import Batch, State, batch_routes, loss_and_gradient, one_decision, parts_of
from absorb.worlds import carries
from absorb.worlds.data import Split
from absorb.worlds.labels import FORGET

KINDS = ("labelled", "unlabelled", "others")  # data of the concept by what is observed; all others
GROUPS = ("region", "rest", "shared", "cross")  # parameters by whose units they touch


def parameter_groups(spec: Spec, params: Params, regions: dict[str, Array]) -> tuple[Params, ...]:
    """Masks in the order of GROUPS: touches the region's units, the rest's, neither's, or both."""
    blocked = [psi_tree(spec, params, jnp.array(w_2), regions) for w_2 in ((0.0, 1.0), (1.0, 0.0))]
    region, rest = (jax.tree.map(lambda p: 1 - p, psi) for psi in blocked)
    return (
        jax.tree.map(lambda r, k: r * (1 - k), region, rest),
        jax.tree.map(lambda r, k: k * (1 - r), region, rest),
        jax.tree.map(lambda r, k: (1 - r) * (1 - k), region, rest),
        jax.tree.map(lambda r, k: r * k, region, rest),
    )


def kind_gradients(spec: Spec, knobs: Knobs, regions: dict[str, Array], state: State,
                   batch: Batch) -> list[Params]:  # fmt: skip
    """The batch's routed gradient in parts that add up to it, one for each of KINDS."""
    if spec.routing.granularity == "batch":
        batch = one_decision(batch)
    routes = batch_routes(spec, knobs, batch, state.step, regions)
    (part,) = parts_of(spec, knobs, batch, routes)
    split = Split(batch.x_BF, batch.class_B, {})  # type: ignore[arg-type]
    carries_B, labelled_B = carries(spec, knobs, split), batch.observed_B == FORGET
    kinds = (carries_B & labelled_B, carries_B & ~labelled_B, ~carries_B)
    own = [part._replace(weight_B=part.weight_B * kind_B) for kind_B in kinds]
    return [loss_and_gradient(spec, knobs, regions, state.params, batch, [p])[1] for p in own]


def next_moments(spec: Spec, moments: Sequence[Params], gradients: Sequence[Params]):
    """First moments by kind; their sum is proportional to the optimizer's."""
    decay = MOMENTUM[spec.train.optimizer]
    pairs = zip(moments, gradients, strict=True)
    return tuple(jax.tree.map(lambda m, g: decay * m + g, *pair) for pair in pairs)


def moves(before: Params, after: Params, moments: Sequence[Params]) -> list[Params]:
    """What a step moved each parameter by, in parts by kind that add up to the step."""

    def part(own: Array, old: Array, new: Array, *every: Array) -> Array:
        total = sum(every[1:], every[0])
        return jnp.where(total == 0, 0, (new - old) * own / jnp.where(total == 0, 1, total))

    return [jax.tree.map(part, own, before, after, *moments) for own in moments]


def mean_gradient(loss: Callable[[Params], Array], before: Params, after: Params) -> Params:
    """The loss's mean gradient on the straight way between two networks, by Simpson's rule."""

    def at(way: float) -> Params:
        return jax.grad(loss)(jax.tree.map(lambda a, b: a + way * (b - a), before, after))

    return jax.tree.map(lambda a, m, b: (a + 4 * m + b) / 6, at(0.0), at(0.5), at(1.0))


def credit(gradient: Params, moved: Sequence[Params], groups: Sequence[Params]) -> Array:
    """The change of the loss that each kind brought about in each group, (kinds, groups).

    LCA = sum over steps of <mean gradient, move> (Lan et al. 2019, "LCA"); negative is learning.
    """

    def inner(part: Params, mask: Params) -> Array:
        leaves = jax.tree.map(lambda g, d, m: (g * d * m).sum(), gradient, part, mask)
        return jnp.stack(jax.tree.leaves(leaves)).sum()

    return jnp.stack([jnp.stack([inner(part, mask) for mask in groups]) for part in moved])
