"""flax modules: a routed dense layer, the gate of a site, and a chain of layers."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from absorb.models.layers import Layer
from absorb.routing.kernels import Routes, route_activation, routed_dense, through_gate


def block_init(base_in: int, base_out: int, normal=None):
    """Initialiser, LeCun-normal unless told, whose base block does not depend on added units."""
    normal = nn.initializers.lecun_normal() if normal is None else normal

    def init(key: Array, shape: tuple[int, int], dtype=jnp.float32) -> Array:
        base = normal(key, (base_in, base_out), dtype)
        if shape == (base_in, base_out):
            return base
        full = normal(jax.random.fold_in(key, 1), shape, dtype)
        return full.at[:base_in, :base_out].set(base)

    return init


class RoutedDense(nn.Module):
    """x W + b with `added` = (inputs, outputs) units beyond the base width."""

    layer: Layer
    added: tuple[int, int]
    routed: bool

    @nn.compact
    def __call__(self, x_BI: Array, routes: Routes, edges_IO: Array | None) -> Array:
        """Shapes: x (B, I) to (B, O); edges masks the weights that routing does not allow."""
        inputs, outputs = x_BI.shape[-1], self.layer.width + self.added[1]
        init = block_init(inputs - self.added[0], self.layer.width)
        w_IO = self.param("kernel", init, (inputs, outputs))
        b_O = jnp.zeros(outputs)
        if self.layer.bias:
            b_O = self.param("bias", nn.initializers.zeros, (outputs,))
        w_IO = w_IO if edges_IO is None else w_IO * edges_IO
        if not self.routed or routes.weight_B2 is None:
            return x_BI @ w_IO + b_O
        read, write = (routes.unit_weights(site) for site in (self.layer.reads, self.layer.writes))
        return routed_dense(x_BI, w_IO, b_O, read, write)


class SiteGate(nn.Module):
    """A learned gate: sigmoid of an affine function of the site's input, open at the start.

    It belongs to the region: parameter routing gives it the region's weight.
    """

    routed: bool = False

    @nn.compact
    def __call__(self, x_BI: Array, routes: Routes) -> Array:
        """Shapes: (B, I) to (B, 1)."""
        v_I1 = self.param("kernel", nn.initializers.zeros, (x_BI.shape[-1],))[:, None]
        c_1 = self.param("bias", nn.initializers.constant(2.0), ())[None]
        if not self.routed or routes.weight_B2 is None:
            return jax.nn.sigmoid(x_BI @ v_I1 + c_1)
        read_B1, write_B1 = jnp.ones((len(x_BI), 1)), routes.weight_B2[:, :1]
        return jax.nn.sigmoid(routed_dense(x_BI, v_I1, c_1, read_B1, write_B1))


class Chain(nn.Module):
    """Dense layers one after another, with the route and the gate of each site they write."""

    layers: Sequence[Layer]
    mechanism: str
    gate_kind: str
    cross: bool = True
    added: tuple[tuple[str, int], ...] = ()

    @nn.compact
    def __call__(self, h_BI: Array, routes: Routes) -> tuple[Array, dict[str, Array]]:
        """Shapes: (B, I) to (B, O), and every site's units, before their gate unless `passed`."""
        sites, extra = {}, dict(self.added)
        for layer in self.layers:
            added = (extra.get(layer.reads or "", 0), extra.get(layer.writes or "", 0))
            dense = RoutedDense(layer, added, self.mechanism == "parameter", name=layer.name)
            x_BI, h_BI = h_BI, dense(h_BI, routes, self._edges(layer, routes))
            h_BI = nn.relu(h_BI) if layer.relu else h_BI
            before_BI = h_BI
            if layer.writes in routes.regions:
                h_BI = self._at_site(layer.writes, x_BI, h_BI, routes)
            if layer.writes is not None:
                sites[layer.writes] = routes.told(before_BI, h_BI)
        return h_BI, sites

    def _edges(self, layer: Layer, routes: Routes) -> Array | None:
        """1 where a weight is allowed; without `cross`, region units do not feed the rest."""
        if self.cross or layer.reads not in routes.regions or layer.writes not in routes.regions:
            return None
        reads_I, writes_O = routes.regions[layer.reads], routes.regions[layer.writes]
        return 1 - reads_I[:, None] * (1 - writes_O[None, :])

    def _at_site(self, site: str, x_BI: Array, h_BU: Array, routes: Routes) -> Array:
        gate_B1 = routes.gate_B[:, None]
        if self.gate_kind == "learned":
            gate = SiteGate(self.mechanism == "parameter", name=f"gate_{site}")
            learned_B1 = gate(x_BI, routes)
            gate_B1 = gate_B1 if routes.gate_by_hand else gate_B1 * learned_B1
        fill = 0.0 if routes.fill is None else routes.fill[site]
        h_BU = through_gate(h_BU, routes.regions[site], gate_B1, fill)
        if self.mechanism == "activation" and routes.weight_B2 is not None:
            h_BU = route_activation(h_BU, routes.unit_weights(site))
        return h_BU
