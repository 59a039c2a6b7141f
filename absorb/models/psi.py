"""What each parameter is to the routing: its weight psi, and whether it belongs to the head."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Autoencoder, Mlp, Spec, Toy, Transformer
from absorb.models.layers import Layer, autoencoder_layers, mlp_layers, transformer_layers

Params = Any


def layer_table(spec: Spec) -> dict[str, Layer]:
    """Every dense layer or matrix of the trunk by name."""
    if isinstance(spec.model, Transformer):
        return transformer_layers(spec.model)
    if isinstance(spec.model, Mlp):
        return {layer.name: layer for layer in mlp_layers(spec.model, 1)}
    if isinstance(spec.model, Autoencoder):
        encoder, decoder = autoencoder_layers(spec.model, 1)
        return {layer.name: layer for layer in [*encoder, *decoder]}
    return {}


def psi_tree(spec: Spec, params: Params, weight_2: Array, regions: dict[str, Array],
             writes_only: bool = False) -> Params:  # fmt: skip
    """psi for every parameter, from one decision's (region, rest) weights.

    A kernel entry that reads unit j and writes unit k has psi = w_j w_k; a bias has w_k; a gate
    belongs to the region; of the toy, W[d, i] has w_d on both of its ways. In a parallel placement
    the module has the region's weight throughout; with `whole_rest`, what touches no site has the
    rest's. With `writes_only` what reads a unit has 1: activation routing, at a first layer.
    """
    table = layer_table(spec)

    def unit_weight(site: str | None) -> Array:
        if site not in regions:
            return jnp.ones(1)
        return weight_2[0] * regions[site] + weight_2[1] * (1 - regions[site])

    def psi(path, leaf: Array) -> Array:
        names = [entry.key for entry in path]
        if names[0] in ("trunk", "module"):
            return jnp.broadcast_to(weight_2[int(names[0] == "trunk")], leaf.shape)
        if names[0].startswith("certificate"):
            return jnp.ones_like(leaf)
        if isinstance(spec.model, Toy):
            free = ["b", "v"] if writes_only else ["b"]
            hidden_M1 = unit_weight("hidden")[:, None]
            return jnp.broadcast_to(1.0 if names[0] in free else hidden_M1, leaf.shape)
        if names[-2].startswith("gate_"):
            return jnp.broadcast_to(weight_2[0], leaf.shape)
        layer = table.get(names[-2])
        if layer is None or not {layer.reads, layer.writes} & set(regions):
            return jnp.broadcast_to(weight_2[1] if spec.routing.whole_rest else 1.0, leaf.shape)
        write_O = unit_weight(layer.writes)
        if names[-1] == "bias":
            return jnp.broadcast_to(write_O, leaf.shape)
        read_I = unit_weight(None if writes_only else layer.reads)
        return jnp.broadcast_to(read_I[:, None] * write_O, leaf.shape)

    return jax.tree_util.tree_map_with_path(psi, params)


def head_mask(spec: Spec, params: Params) -> Params:
    """1 for the parameters of the trunk's head, which an attack on the head trains afresh."""
    table = layer_table(spec)

    def is_head(path, leaf: Array) -> float:
        names = [entry.key for entry in path]
        outside = names[0] == "module" or names[0].startswith("certificate")
        return float(
            not outside and len(names) > 1 and names[-2] in table and table[names[-2]].head
        )

    return jax.tree_util.tree_map_with_path(is_head, params)
