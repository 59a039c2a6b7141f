"""The networks themselves: classifier, autoencoder with certificates, and the two linear paths."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.models.dense import Chain, SiteGate
from absorb.models.layers import autoencoder_layers, mlp_layers
from absorb.routing.kernels import Routes, route_activation
from absorb.sites import added_units

MODULE = "module"  # the site of a parallel module: its output


class Output(NamedTuple):
    """What a network says of a batch: its prediction, and every site's units before their gate.

    certificates: for the region and the rest, what a decoder that sees only these latents makes of
    them; nothing flows back from it into the encoder.
    """

    prediction_BO: Array
    sites: dict[str, Array]
    certificates: dict[str, Array]


def make_chain(spec: Spec, layers, name: str | None = None) -> Chain:
    """A chain of layers with the spec's mechanism, gate and edges."""
    routing = spec.routing
    added = tuple(added_units(spec).items())
    return Chain(tuple(layers), routing.mechanism, spec.gate.kind, routing.cross, added, name=name)


class MlpNetwork(nn.Module):
    """The classifier: logits over `outputs` classes."""

    spec: Spec
    outputs: int

    @nn.compact
    def __call__(self, x_BF: Array, routes: Routes) -> Output:
        """Shapes: (B, F) to logits (B, C)."""
        layers = mlp_layers(self.spec.model, self.outputs)  # type: ignore[arg-type]
        return Output(*make_chain(self.spec, layers, "chain")(x_BF, routes), {})


class AutoencoderNetwork(nn.Module):
    """The autoencoder; with `certificates`, also a decoder for each half of the latent."""

    spec: Spec
    outputs: int

    @nn.compact
    def __call__(self, x_BF: Array, routes: Routes) -> Output:
        """Shapes: (B, F) to pictures (B, F)."""
        model = self.spec.model
        encoder, decoder = autoencoder_layers(model, self.outputs)  # type: ignore[arg-type]
        z_BU, sites = make_chain(self.spec, encoder, "encoder")(x_BF, routes)
        y_BF, more = make_chain(self.spec, decoder, "decoder")(z_BU, routes)
        if model.separate_decoders:  # type: ignore[union-attr]
            other_BF, _ = make_chain(self.spec, decoder, "decoder_second")(z_BU, routes)
            second_B = jnp.zeros(len(x_BF)) if routes.second_B is None else routes.second_B
            y_BF = jnp.where(second_B[:, None] > 0, other_BF, y_BF)
        certificates = {}
        if model.certificates:  # type: ignore[union-attr]
            certificates = self._certificates(sites["latent"], decoder, routes)
        return Output(y_BF, sites | more, certificates)

    def _certificates(self, z_BU: Array, decoder, routes: Routes) -> dict[str, Array]:
        free = Routes(None, jnp.ones(len(z_BU)), {})
        z_BU, r_U = jax.lax.stop_gradient(z_BU), routes.regions["latent"]
        halves = {"region": z_BU * r_U, "rest": z_BU * (1 - r_U)}
        return {
            half: make_chain(self.spec, decoder, f"certificate_{half}")(h_BU, free)[0]
            for half, h_BU in halves.items()
        }


class PathsNetwork(nn.Module):
    """y = c x: one path of the null world, a product of `depth` scalars."""

    spec: Spec

    @nn.compact
    def __call__(self, x_B1: Array, routes: Routes) -> Output:
        """Shapes: (B, 1) to (B, 1)."""
        depth, strength = self.spec.model.depth, self.spec.model.strength  # type: ignore[union-attr]
        start = nn.initializers.constant(strength ** (1 / depth))
        return Output(x_B1 * jnp.prod(self.param("path", start, (depth,))), {}, {})


class ParallelNetwork(nn.Module):
    """A trunk (the rest) and a whole module beside it (the region), their outputs summed.

    Each is routed at its output, where activation and parameter routing are the same.
    """

    spec: Spec
    trunk: nn.Module
    module: nn.Module

    @nn.compact
    def __call__(self, x_BF: Array, routes: Routes) -> Output:
        """Shapes: (B, F) to (B, O)."""
        free = Routes(None, jnp.ones(len(x_BF)), {}, second_B=routes.second_B)
        rest, module_BO = self.trunk(x_BF, free), self.module(x_BF, free).prediction_BO
        rest_BO, gate_B1 = rest.prediction_BO, routes.gate_B[:, None]
        if self.spec.gate.kind == "learned" and not routes.gate_by_hand:
            gate_B1 = gate_B1 * SiteGate(name="gate_module")(x_BF, routes)
        region_BO = gate_B1 * module_BO
        sites = rest.sites | {MODULE: routes.told(module_BO, region_BO)}
        if routes.weight_B2 is not None and self.spec.routing.mechanism != "update":
            region_BO = route_activation(region_BO, routes.weight_B2[:, :1])
            rest_BO = route_activation(rest_BO, routes.weight_B2[:, 1:])
        fill = 0.0 if routes.fill is None else routes.fill[MODULE]
        return Output(rest_BO + region_BO + (1 - gate_B1) * fill, sites, {})
