"""Models behind one pair: init(spec, key) -> params, apply(spec, params, x, routes) -> Output."""

from dataclasses import replace

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.models.layers import side_model
from absorb.models.networks import (
    MODULE,
    AutoencoderNetwork,
    MlpNetwork,
    Output,
    ParallelNetwork,
    PathsNetwork,
)
from absorb.models.psi import Params, head_mask, psi_tree
from absorb.models.toy import ToyNetwork
from absorb.models.transformer import TransformerNetwork
from absorb.routing.kernels import Routes
from absorb.sites import answers, inputs, of_tokens, site_widths, unit_size, vocabulary

MODELS = {
    "mlp": MlpNetwork,
    "autoencoder": AutoencoderNetwork,
    "paths": lambda spec, outputs: PathsNetwork(spec),
    "toy": lambda spec, outputs: ToyNetwork(spec),
    "transformer": TransformerNetwork,
}


def shapes(spec: Spec) -> tuple[int, int]:
    """(features, outputs) of the spec's world and model: classes, tokens, or features again."""
    features = inputs(spec.world)
    if of_tokens(spec.world):
        return features, vocabulary(spec.world)
    return features, answers(spec.world) if spec.model.kind == "mlp" else features


def network(spec: Spec) -> nn.Module:
    """The flax module of a spec; a parallel region is a second one beside it."""
    outputs = shapes(spec)[1]
    trunk = MODELS[spec.model.kind](spec, outputs)
    if spec.routing.placement != "parallel":
        return trunk
    paths = spec.model.kind == "paths"
    side = spec if paths else replace(spec, model=side_model(spec))
    return ParallelNetwork(spec, trunk, MODELS[spec.model.kind](side, outputs))


def init(spec: Spec, key: Array) -> Params:
    """Fresh parameters; those of the rest do not depend on units or modules that are added."""
    features = shapes(spec)[0]
    data = features - 1 if of_tokens(spec.world) else 1
    masks = {site: jnp.zeros(width) for site, width in widths(spec).items()}
    x_BF = jnp.zeros((1, features))
    return network(spec).init(key, x_BF, Routes(None, jnp.ones(data), masks))["params"]


def apply(spec: Spec, params: Params, x_BF: Array, routes: Routes) -> Output:
    """The network's output on a batch; shapes: (B, F) to (B, O), of stories (B, S) to (B*T, V)."""
    return network(spec).apply({"params": params}, x_BF, routes)  # type: ignore[return-value]


def widths(spec: Spec) -> dict[str, int]:
    """Entries of each site at which a region is cut, with the units that routing adds."""
    if spec.routing.placement == "parallel":
        return {MODULE: shapes(spec)[1]}
    added = spec.routing.units if spec.routing.placement == "added" else 0
    base = site_widths(spec.model)
    sizes = {site: unit_size(spec.model, site) for site in spec.routing.sites}
    return {site: base[site] * size + added for site, size in sizes.items()}


def regions(spec: Spec, knobs: Knobs) -> dict[str, Array]:
    """Mask r_U of the region over each site's entries: the first units, the added ones, or all."""
    base = site_widths(spec.model)
    masks = {}
    for site, width in widths(spec).items():
        u_U = jnp.arange(width)
        if spec.routing.placement == "slice":
            unit_U = u_U // unit_size(spec.model, site)
            masks[site] = (unit_U < knobs.units).astype(jnp.float32)
        elif spec.routing.placement == "added":
            masks[site] = (u_U >= base[site]).astype(jnp.float32)
        else:
            masks[site] = jnp.ones(width)
    return masks


__all__ = ["MODELS", "MODULE", "Output", "Params", "apply", "head_mask", "init", "network",
           "psi_tree", "regions", "shapes", "widths"]  # fmt: skip
