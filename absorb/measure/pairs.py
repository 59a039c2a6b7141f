"""What lies between two trained networks: how high losses rise, in several orders of units."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.ablate import WHOLE, look
from absorb.measure.barrier import rise
from absorb.measure.matching import Masks, Matching, match, random_orders, reordered, told_apart
from absorb.measure.scores import forget_mask, masked_mean
from absorb.models import Params, regions
from absorb.train.losses import classifies, errors, hits, targets
from absorb.worlds.data import Split

POINTS = 25  # of the way, with both ends
LOSSES = ("all", "forget", "retain")
# The second network as it is; in a random order; matched to the first, region with region and rest
# with rest; matched freely. The random order keeps the regions too.
ORDERS = ("as_is", "shuffled", "matched", "free")


def compared(spec: Spec, knobs: Knobs, test: Split, a: Params, b: Params,
             seed: int) -> dict[str, float]:  # fmt: skip
    """Barriers between two networks of one Spec by name, as `barrier.matched.forget`.

    On the test split, of the whole networks, in nats or squared error. Beside them both ends'
    losses, the cosine of all weights, and of each group of units the share of the first region's
    that free matching gives units of the second region, with what chance would give. Where the
    forward pass itself tells region from rest nothing is matched freely, and those are absent.
    """
    masks = {site: np.asarray(mask_U) for site, mask_U in regions(spec, knobs).items()}
    apart = match(spec, a, b, masks)
    free = None if told_apart(spec) else match(spec, a, b)
    others = in_orders(spec, b, masks, apart, free, seed)
    paths = {name: path_losses(spec, knobs, test, a, other) for name, other in others.items()}
    found = {"cosine.as_is": apart.cosine_before, "cosine.matched": apart.cosine}
    found |= ends(spec, paths["as_is"])
    for name, loss_PL in paths.items():
        found |= heights(spec, name, loss_PL)
    return found if free is None else found | {"cosine.free": free.cosine} | in_region(free, masks)


def in_orders(spec: Spec, b: Params, masks: Masks, apart: Matching, free: Matching | None,
              seed: int) -> dict[str, Params]:  # fmt: skip
    """The second network in every order of ORDERS that there is."""
    shuffled = reordered(spec, b, random_orders(spec, b, masks, np.random.default_rng(seed)))
    found = {"as_is": b, "shuffled": shuffled, "matched": apart.params}
    return found | ({} if free is None else {"free": free.params})


def path_losses(spec: Spec, knobs: Knobs, test: Split, a: Params, b: Params) -> np.ndarray:
    """Test losses at POINTS equal steps from a to b, (P, L); exactly equal where a and b are."""
    share_P = jnp.linspace(0, 1, POINTS)
    return np.asarray(along(spec, knobs, test, a, b, share_P), float)


@partial(jax.jit, static_argnums=0)
def along(spec: Spec, knobs: Knobs, test: Split, a: Params, b: Params, share_P: Array) -> Array:
    """The losses at each share of the way, (P, L), all by one and the same compiled step."""

    def at(share: Array) -> Array:
        here = lambda x, y: jnp.where(share == 1, y, x + share * (y - x))  # noqa: E731
        return network_losses(spec, knobs, test, jax.tree.map(here, a, b))

    return jax.lax.map(at, share_P)


def network_losses(spec: Spec, knobs: Knobs, test: Split, params: Params) -> Array:
    """The whole network's mean test loss on all, forget and retain examples, and what is wrong."""
    x_NF, forget_N = jnp.asarray(test.x_NF), forget_mask(spec, knobs, test)
    output = look(spec, knobs, params, x_NF, WHOLE, forget_N)
    target_N = targets(spec, x_NF, jnp.asarray(test.class_N))
    error_N = errors(spec, knobs, output.prediction_BO, target_N)
    groups = (jnp.ones_like(forget_N), forget_N, 1 - forget_N)
    found = [masked_mean(error_N, mask_N) for mask_N in groups]
    if classifies(spec):
        found.append((hits(output.prediction_BO, target_N) == 0).mean())
    return jnp.stack(found)


def loss_names(spec: Spec) -> tuple[str, ...]:
    """The names of `network_losses`; a classifier's share of wrong answers knows no confidence."""
    return (*LOSSES, "wrong") if classifies(spec) else LOSSES


def ends(spec: Spec, loss_PL: np.ndarray) -> dict[str, float]:
    """Both networks' own losses."""
    own = {"first": loss_PL[0], "second": loss_PL[-1]}
    names = loss_names(spec)
    return {f"loss.{n}.{name}": float(own[n][i]) for n in own for i, name in enumerate(names)}


def heights(spec: Spec, order: str, loss_PL: np.ndarray) -> dict[str, float]:
    """The barrier of each loss with the second network in this order."""
    names = loss_names(spec)
    return {f"barrier.{order}.{name}": rise(loss_PL[:, i]).height for i, name in enumerate(names)}


def in_region(free: Matching, masks: Masks) -> dict[str, float]:
    """Of each group's region, the share matched with the other's region; and the region's share."""
    found = {}
    for group, order_U in free.orders.items():
        mask_U = np.asarray(masks.get(group.split("/")[-1], ())) > 0
        if mask_U.any():
            found[f"in_region.{group}"] = float(mask_U[order_U][mask_U].mean())
            found[f"by_chance.{group}"] = float(mask_U.mean())
    return found
