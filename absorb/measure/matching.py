"""Are two networks one network with its units in another order? Permutation matching of chains.

The hidden units of an MLP or an autoencoder may stand in any order, so weights of two runs can only
be compared after one of them is put into the other's order. Runs on the host, on stored parameters.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from absorb.config import Autoencoder, Mlp, Spec
from absorb.errors import AbsorbError
from absorb.models import Params
from absorb.models.psi import layer_table

SWEEPS = 100  # far more than coordinate descent takes
GAIN = 1e-12  # of the product of both norms: an improvement that is no rounding

Path = tuple[str, ...]
Masks = Mapping[str, ArrayLike]


class Leaf(NamedTuple):
    """One parameter array: where it stands, and which group of units each of its axes runs over.

    A group is the path of the chain that writes it and the site's name; None is inputs or outputs.
    """

    path: Path
    groups: tuple[Path | None, ...]
    fills: bool  # whether it makes the units of its last axis, as a layer does and a gate does not


class Matching(NamedTuple):
    """`params` is the second network in the first one's order: unit u was unit orders[group][u].

    `cosine` of all weights of both networks after matching, and `cosine_before`.
    """

    params: Params
    orders: dict[str, np.ndarray]
    cosine: float
    cosine_before: float


def group_of(chain: Path, site: str | None) -> Path | None:
    """The group of a site's units; the latent's belongs to encoder and decoders alike."""
    if site is None:
        return None
    return (*(chain[:-1] if site == "latent" else chain), site)


def leaves(spec: Spec, params: Params) -> list[Leaf]:
    """Every parameter array that touches hidden units, in forward order."""
    if not isinstance(spec.model, Mlp | Autoencoder):
        raise AbsorbError(f"model.kind={spec.model.kind}: units can be matched of mlp, autoencoder")
    table, found = layer_table(spec), []
    place = {name: i for i, name in enumerate(table)}
    for path in arrays(params):
        *chain, name, kind = path
        layer = table.get(name.removeprefix("gate_"))
        if layer is None:  # a gate on a whole module
            continue
        reads, writes = (group_of(tuple(chain), site) for site in (layer.reads, layer.writes))
        if name.startswith("gate_"):
            groups = (reads,) if kind == "kernel" else ()
        else:
            groups = (reads, writes) if kind == "kernel" else (writes,)
        found.append((place[layer.name], Leaf(path, groups, not name.startswith("gate_"))))
    return [leaf for _, leaf in sorted(found, key=lambda pair: pair[0])]


def arrays(params: Params) -> dict[Path, np.ndarray]:
    """Every array of a tree by its path."""
    flat, _ = jax.tree_util.tree_flatten_with_path(params)
    return {tuple(entry.key for entry in path): np.asarray(leaf) for path, leaf in flat}


def group_sizes(found: list[Leaf], at: Mapping[Path, np.ndarray]) -> dict[Path, int]:
    """How many units each group has, in forward order."""
    axes = [(leaf, leaf.groups[-1]) for leaf in found if leaf.fills]
    return {group: at[leaf.path].shape[-1] for leaf, group in axes if group is not None}


def reordered(spec: Spec, params: Params, orders: Mapping[str, np.ndarray]) -> Params:
    """The same network with the units of each named group in another order.

    orders: by group, as in `Matching`; unit u becomes what unit orders[group][u] was.
    """
    by_path = {leaf.path: leaf for leaf in leaves(spec, params)}

    def put(path, array) -> np.ndarray:
        leaf, array = by_path.get(tuple(entry.key for entry in path)), np.asarray(array)
        for axis, group in enumerate(leaf.groups if leaf else ()):
            order_U = orders.get("/".join(group)) if group else None
            array = array if order_U is None else array.take(order_U, axis)
        return array

    return jax.tree_util.tree_map_with_path(put, params)


def random_orders(spec: Spec, params: Params, regions: Masks,
                  rng: np.random.Generator) -> dict[str, np.ndarray]:  # fmt: skip
    """A random order of every group, for `reordered`, that leaves the regions' units in theirs."""
    orders = {}
    for group, size in group_sizes(leaves(spec, params), arrays(params)).items():
        mask_U = np.asarray(regions.get(group[-1], np.zeros(size))) > 0
        order_U = np.arange(size)
        for part_U in (np.flatnonzero(mask_U), np.flatnonzero(~mask_U)):
            order_U[part_U] = rng.permutation(part_U)
        orders["/".join(group)] = order_U
    return orders


class Pair(NamedTuple):
    """Two networks on their way to one order: their arrays, and the groups' regions."""

    leaves: list[Leaf]
    a: dict[Path, np.ndarray]
    b: dict[Path, np.ndarray]
    regions: dict[Path, np.ndarray]  # True in R

    def ordered(self, leaf: Leaf, orders: Mapping[Path, np.ndarray], but: Path | None = None):
        """The second network's array with every axis in order, except those over group `but`."""
        array = self.b[leaf.path]
        for axis, group in enumerate(leaf.groups):
            if group is not None and group != but and group in orders:
                array = array.take(orders[group], axis)
        return array

    def likeness(self, group: Path, orders: Mapping[Path, np.ndarray]) -> np.ndarray:
        """Inner products of the weights of units of both, (U, U), over what is in order so far."""
        size = len(self.regions[group])
        score_UU = np.zeros((size, size))
        for leaf in self.leaves:
            others = set(leaf.groups) - {group, None}
            if group in leaf.groups and others <= set(orders):
                axis, ordered = leaf.groups.index(group), self.ordered(leaf, orders, group)
                a_UW, b_UW = (
                    np.moveaxis(x, axis, 0).reshape(size, -1) for x in (self.a[leaf.path], ordered)
                )
                score_UU += a_UW @ b_UW.T
        return score_UU

    def overlap(self, orders: Mapping[Path, np.ndarray]) -> float:
        """Inner product of all weights."""
        return sum(float(np.vdot(self.a[x.path], self.ordered(x, orders))) for x in self.leaves)


def assigned(score_UU: np.ndarray, region_U: np.ndarray) -> np.ndarray:
    """The order of greatest total score that keeps the region's units in the region."""
    from scipy.optimize import linear_sum_assignment

    order_U = np.empty(len(score_UU), int)
    for part_U in (np.flatnonzero(region_U), np.flatnonzero(~region_U)):
        _, best_P = linear_sum_assignment(score_UU[np.ix_(part_U, part_U)], maximize=True)
        order_U[part_U] = part_U[best_P]
    return order_U


def forward_start(pair: Pair) -> dict[Path, np.ndarray]:
    """Orders found layer by layer from the inputs, each from what it reads alone.

    Of a reordered copy this is the whole answer; coordinate descent alone may miss it.
    """
    orders: dict[Path, np.ndarray] = {}
    for group, region_U in pair.regions.items():
        orders[group] = assigned(pair.likeness(group, orders), region_U)
    return orders


def descend(pair: Pair, orders: dict[Path, np.ndarray]) -> dict[Path, np.ndarray]:
    """Coordinate descent from a start: one group after another put in its best order."""
    norms = [np.sqrt(sum(np.vdot(x, x) for x in net.values())) for net in (pair.a, pair.b)]
    reached = pair.overlap(orders)
    for _ in range(SWEEPS):
        for group, region_U in pair.regions.items():
            orders = orders | {group: assigned(pair.likeness(group, orders), region_U)}
        before, reached = reached, pair.overlap(orders)
        if reached <= before + GAIN * norms[0] * norms[1]:
            break
    return orders


def match(spec: Spec, a: Params, b: Params, regions: Masks | None = None) -> Matching:
    """The second network with its units in the order that brings its weights closest to the first.

    regions: masks by site, 1 in R; units of R are then matched with units of R alone. They must be
    given where the forward pass itself tells R from the rest, else AbsorbError; and where what is
    asked of the networks does, such as a loss after ablation.

    Weight matching of Git Re-Basin (Ainsworth et al., 2023): coordinate descent on Σ⟨A, P B⟩, each
    step an exact assignment. Theirs starts at random; this takes the better end of two starts, the
    order as it is and `forward_start`. A local optimum in general. The latent may be matched up to
    order only, not up to sign or rotation, and ReLU units not up to scale.
    """
    pair = paired(spec, a, b, regions)
    as_is = {group: np.arange(len(region_U)) for group, region_U in pair.regions.items()}
    ends = [descend(pair, start) for start in (as_is, forward_start(pair))]
    best = max(ends, key=pair.overlap)
    squares = [sum(float(np.vdot(x, x)) for x in net.values()) for net in (pair.a, pair.b)]
    scale = float(np.sqrt(squares[0] * squares[1])) or float("nan")
    orders = {"/".join(group): order_U for group, order_U in best.items()}
    cosines = pair.overlap(best) / scale, pair.overlap(as_is) / scale
    return Matching(reordered(spec, b, orders), orders, *cosines)


def paired(spec: Spec, a: Params, b: Params, regions: Masks | None) -> Pair:
    """Both networks' arrays in float64, without weights that no forward pass uses."""
    if regions is None and (why := told_apart(spec)):
        raise AbsorbError(f"{why}: the forward pass tells the region from the rest; give regions")
    shapes = [{path: x.shape for path, x in arrays(net).items()} for net in (a, b)]
    if shapes[0] != shapes[1]:
        raise AbsorbError("params: two networks of one shape are needed to match their units")
    found = leaves(spec, a)
    masks = {}
    for group, size in group_sizes(found, arrays(a)).items():
        mask_U = np.asarray((regions or {}).get(group[-1], np.zeros(size))) > 0
        if mask_U.shape != (size,):
            raise AbsorbError(f"regions.{group[-1]}: shape {mask_U.shape}; must be ({size},)")
        masks[group] = mask_U
    kept_a, kept_b = (used(spec, found, arrays(net), masks, set(regions or ())) for net in (a, b))
    return Pair(found, kept_a, kept_b, masks)


def told_apart(spec: Spec) -> str:
    """The setting by which the forward pass of the whole network depends on the region, or ""."""
    if spec.routing.placement == "parallel":
        return ""
    if not spec.routing.cross and len(spec.routing.sites) > 1:
        return "routing.cross=False"
    if spec.gate.kind != "none":
        return f"gate.kind={spec.gate.kind}"
    certified = isinstance(spec.model, Autoencoder) and spec.model.certificates
    return "model.certificates=True" if certified else ""


def used(spec: Spec, found: list[Leaf], at: Mapping[Path, np.ndarray],
         masks: Mapping[Path, np.ndarray], cut: set[str]) -> dict[Path, np.ndarray]:  # fmt: skip
    """The arrays that touch hidden units; without `cross`, 0 from the region to the rest.

    cut: the sites that have a region; weights count as unused between two of these alone.
    """
    kept = {leaf.path: at[leaf.path].astype(float) for leaf in found}
    for leaf in found:
        ends = [masks[group] for group in leaf.groups if group is not None and group[-1] in cut]
        if not spec.routing.cross and len(ends) == 2:
            kept[leaf.path] *= 1 - ends[0][:, None] * (1.0 - ends[1])
    return kept
