"""How a transformer's parts meet the routing: products, sites and adapters."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec, Transformer
from absorb.models.dense import SiteGate
from absorb.routing.kernels import (
    Routes,
    route_activation,
    routed_dense,
    routed_norm,
    routed_rows,
    through_gate,
)


class Kernel(nn.Module):
    """A matrix in a module of its own, so that its start depends on its name alone."""

    shape: tuple[int, int]
    init: nn.initializers.Initializer

    @nn.compact
    def __call__(self) -> Array:
        """Shapes: (I, O)."""
        return self.param("kernel", self.init, self.shape)


class Wiring(NamedTuple):
    """One batch on its way through a transformer: how it is routed, and the sites so far.

    Every parameter that learns goes through here; `sites` gathers each site's
    entries in float32 or more, before their gate unless `routes.passed`.
    """

    spec: Spec
    routes: Routes
    sites: dict[str, Array]

    @property
    def by_parameter(self) -> bool:
        """Whether weights are routed where they are used."""
        return self.spec.routing.mechanism == "parameter" and self.routes.weight_B2 is not None

    @property
    def rest_routed(self) -> bool:
        """Whether what touches no cut site learns with the rest's weight."""
        return self.by_parameter and self.spec.routing.whole_rest

    def rest_B1(self) -> Array:
        """The rest's route weight at each position."""
        assert self.routes.weight_B2 is not None
        return self.routes.weight_B2[:, 1:]

    def product(self, x_NI: Array, w_IO: Array, reads: str | None, writes: str | None,
                times: int = 1) -> Array:  # fmt: skip
        """x W, W learning by the sites that it reads and writes; W in x's precision.

        times: how many kernels that write the same site lie side by side in W.
        """
        w_IO = w_IO.astype(x_NI.dtype)
        if not self.by_parameter:
            return x_NI @ w_IO
        read, write = self.routes.unit_weights(reads), self.routes.unit_weights(writes)
        if self.rest_routed and not {reads, writes} & set(self.routes.regions):
            write = self.rest_B1()
        if write.shape[1] > 1:
            write = jnp.tile(write, (1, times))
        zero_O = jnp.zeros(w_IO.shape[1], x_NI.dtype)
        weights = (read.astype(x_NI.dtype), write.astype(x_NI.dtype))
        return routed_dense(x_NI, w_IO, zero_O, *weights)

    def rows(self, y_ND: Array) -> Array:
        """Rows of a table, which under `whole_rest` learns with the rest's weight."""
        return routed_rows(y_ND, self.rest_or_one(y_ND))

    def norm(self, x_ND: Array, scale_D: Array) -> Array:
        """x normalised, in float32 or more, with a scale that `whole_rest` gives to the rest."""
        x_ND = x_ND.astype(jnp.promote_types(x_ND.dtype, jnp.float32))
        return routed_norm(x_ND, scale_D, self.rest_or_one(x_ND))

    def rest_or_one(self, like_ND: Array) -> Array:
        """What a parameter at no site learns from each position, (N, 1)."""
        if self.rest_routed:
            return self.rest_B1().astype(like_ND.dtype)
        return jnp.ones((len(like_ND), 1), like_ND.dtype)

    def at_site(self, site: str, x_NI: Array, h_NU: Array) -> Array:
        """What a site passes on: through its gate, and under activation routing by its weights.

        x: the site's input, from which a learned gate is computed.
        """
        after_NU = self._through(site, x_NI, h_NU) if site in self.routes.regions else h_NU
        told_NU = self.routes.told(h_NU, after_NU)
        self.sites[site] = told_NU.astype(jnp.promote_types(h_NU.dtype, jnp.float32))
        return after_NU

    def _through(self, site: str, x_NI: Array, h_NU: Array) -> Array:
        routes, dtype = self.routes, h_NU.dtype
        r_U, gate_N1 = routes.regions[site].astype(dtype), routes.gate_B[:, None]
        if self.spec.gate.kind == "learned":
            gate = SiteGate(self.spec.routing.mechanism == "parameter", name=f"gate_{site}")
            learned_N1 = gate(x_NI, routes)
            gate_N1 = gate_N1 if routes.gate_by_hand else gate_N1 * learned_N1
        fill = 0.0 if routes.fill is None else routes.fill[site].astype(dtype)
        h_NU = through_gate(h_NU, r_U, gate_N1.astype(dtype), fill)
        if self.spec.routing.mechanism == "activation" and routes.weight_B2 is not None:
            h_NU = route_activation(h_NU, routes.unit_weights(site).astype(dtype))
        return h_NU

    def adapted(self, y_NO: Array, x_NI: Array, matrix: str, i: int, reads: str | None,
                writes: str) -> Array:  # fmt: skip
        """y = x W and its low-rank adapter x A B, where layer i has one; B starts at 0."""
        model, site = self.spec.model, f"{matrix}_adapter{i}"
        assert isinstance(model, Transformer)
        if matrix not in model.adapters:
            return y_NO
        down_IR = Kernel((x_NI.shape[1], model.rank), lecun(), name=f"{matrix}_a{i}")()
        up_RO = Kernel((model.rank, y_NO.shape[1]), nn.initializers.zeros, name=f"{matrix}_b{i}")()
        z_NR = self.at_site(site, x_NI, self.product(x_NI, down_IR, reads, site))
        return y_NO + self.product(z_NR, up_RO, site, writes)


def lecun() -> nn.initializers.Initializer:
    """Normal with variance 1 / inputs."""
    return nn.initializers.lecun_normal()
