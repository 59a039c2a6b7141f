"""A decoder-only transformer: pre-norm, learned positions, no biases."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec, Transformer
from absorb.models.attention import attend
from absorb.models.dense import block_init
from absorb.models.layers import stream
from absorb.models.networks import Output
from absorb.models.wiring import Kernel, Wiring, lecun
from absorb.routing.kernels import Routes


class Norm(nn.Module):
    """Layer normalisation with a scale and no shift."""

    @nn.compact
    def __call__(self, x_ND: Array, wiring: Wiring, dtype: jnp.dtype) -> Array:
        """Shapes: (N, D) to (N, D), of the type asked for."""
        scale_D = self.param("scale", nn.initializers.ones, x_ND.shape[1:])
        return wiring.norm(x_ND, scale_D).astype(dtype)


class Block(nn.Module):
    """Layer i: attention, then an MLP with the experts beside it, each added to the stream."""

    spec: Spec
    index: int
    stories: int

    @nn.compact
    def __call__(self, h_ND: Array, routes: Routes) -> tuple[Array, dict[str, Array]]:
        """Shapes: (B*T, D) to (B*T, D), and the layer's sites."""
        i, wiring, before_ND = self.index, Wiring(self.spec, routes, {}), h_ND
        x_ND = Norm(name=f"norm_attention{i}")(h_ND, wiring, h_ND.dtype)
        h_ND = h_ND + self._attention(x_ND, wiring)
        x_ND = Norm(name=f"norm_mlp{i}")(h_ND, wiring, h_ND.dtype)
        h_ND = h_ND + self._mlp(x_ND, wiring) + self._experts(x_ND, wiring)
        return wiring.at_site(f"residual{i}", before_ND, h_ND), wiring.sites

    @property
    def model(self) -> Transformer:
        """The spec's model."""
        assert isinstance(self.spec.model, Transformer)
        return self.spec.model

    def _writes_stream(self, inputs: int) -> nn.initializers.Initializer:
        """Smaller the deeper the network, so that the stream starts at the same size."""
        small = nn.initializers.variance_scaling(0.5 / self.model.layers, "fan_in", "normal")
        return block_init(inputs, self.model.width, small)

    def _attention(self, x_ND: Array, wiring: Wiring) -> Array:
        i, width, heads = self.index, self.model.width, f"heads{self.index}"
        ends, square = (stream(i), heads), (width, width)
        names = ("query", "key", "value")
        kernels = [Kernel(square, lecun(), name=f"{name}{i}")() for name in names]
        qkv_NE = wiring.product(x_ND, jnp.concatenate(kernels, 1), *ends, times=3)
        if set(names) & set(self.model.adapters):
            parts = zip(jnp.split(qkv_NE, 3, 1), names, strict=True)
            qkv_NE = jnp.concatenate(
                [wiring.adapted(y_ND, x_ND, name, i, *ends) for y_ND, name in parts], 1
            )
        z_ND = attend(qkv_NE, self.stories, self.model.heads)
        z_ND = wiring.at_site(heads, x_ND, z_ND)
        out_DD = Kernel(square, self._writes_stream(width), name=f"out{i}")()
        y_ND = wiring.product(z_ND, out_DD, heads, f"residual{i}")
        return wiring.adapted(y_ND, z_ND, "out", i, heads, f"residual{i}")

    def _mlp(self, x_ND: Array, wiring: Wiring) -> Array:
        i, width, site = self.index, self.model.width, f"mlp{self.index}"
        added = self.spec.routing.placement == "added" and site in self.spec.routing.sites
        units = self.model.mlp + (self.spec.routing.units if added else 0)
        up_DU = Kernel((width, units), block_init(width, self.model.mlp), name=f"up{i}")()
        h_NU = wiring.product(x_ND, up_DU, stream(i), site)
        h_NU = nn.relu(wiring.adapted(h_NU, x_ND, "up", i, stream(i), site))
        h_NU = wiring.at_site(site, x_ND, h_NU)
        down_UD = Kernel((units, width), self._writes_stream(self.model.mlp), name=f"down{i}")()
        y_ND = wiring.product(h_NU, down_UD, site, f"residual{i}")
        return wiring.adapted(y_ND, h_NU, "down", i, site, f"residual{i}")

    def _experts(self, x_ND: Array, wiring: Wiring) -> Array | float:
        i, width, site = self.index, self.model.width, f"experts{self.index}"
        units = self.model.experts * self.model.expert_width
        if not units:
            return 0.0
        up_DU = Kernel((width, units), lecun(), name=f"experts_up{i}")()
        h_NU = nn.relu(wiring.product(x_ND, up_DU, stream(i), site))
        h_NU = wiring.at_site(site, x_ND, h_NU)
        down_UD = Kernel((units, width), self._writes_stream(units), name=f"experts_down{i}")()
        return wiring.product(h_NU, down_UD, site, f"residual{i}")


class TransformerNetwork(nn.Module):
    """Logits of each next token; the last token of a story is only a target."""

    spec: Spec
    outputs: int

    @nn.compact
    def __call__(self, x_BS: Array, routes: Routes) -> Output:
        """Shapes: (B, S) whole numbers to logits (B*T, V) with T = S - 1, story by story."""
        model, spec = self.spec.model, self.spec
        assert isinstance(model, Transformer)
        token_N, wiring = x_BS[:, :-1].astype(jnp.int32).ravel(), Wiring(spec, routes, {})
        stories, length = x_BS.shape[0], x_BS.shape[1] - 1
        tokens = Kernel((self.outputs, model.width), nn.initializers.normal(1.0), name="tokens")
        places = Kernel((length, model.width), nn.initializers.normal(0.1), name="positions")
        h_ND = wiring.rows(tokens()[token_N]) + wiring.rows(jnp.tile(places(), (stories, 1)))
        h_ND, sites = h_ND.astype(dtype_of(model, h_ND)), {}
        for i in range(model.layers):
            block = Block(spec, i, stories, name=f"layer{i}")
            h_ND, seen = block_output(block, h_ND, routes, model.remat)
            sites |= seen
        x_ND = Norm(name="norm")(h_ND, wiring, h_ND.dtype)
        unembed_DV = Kernel((model.width, self.outputs), lecun(), name="unembed")()
        logits_NV = wiring.product(x_ND, unembed_DV, stream(model.layers), None)
        return Output(logits_NV.astype(unembed_DV.dtype), sites, {})


def block_output(block: Block, h_ND: Array, routes: Routes,
                 remat: bool) -> tuple[Array, dict[str, Array]]:  # fmt: skip
    """A block's output; with `remat` its activations are computed again in the backward pass."""
    if not remat:
        return block(h_ND, routes)
    return nn.remat(lambda block, h_ND: block(h_ND, routes))(block, h_ND)


def dtype_of(model: Transformer, h_ND: Array) -> jnp.dtype:
    """The type of the stream and the products: bfloat16, or that of the parameters."""
    return jnp.dtype(jnp.bfloat16) if model.precision == "bfloat16" else h_ND.dtype
