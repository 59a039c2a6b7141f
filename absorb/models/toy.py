"""The toy model of superposition: ReLU(W'W x + b)."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from absorb.config import Spec, Toy
from absorb.models.networks import Output
from absorb.routing.kernels import (
    Routes,
    route_activation,
    routed_components,
    routed_dense,
    through_gate,
)

SITE = "hidden"


class ToyNetwork(nn.Module):
    """M hidden dimensions for F features; without `tied`, the decoder has weights V of its own.

    Columns are examples, as in the formula, which also is the layout that runs fastest.
    """

    spec: Spec

    @nn.compact
    def __call__(self, x_BF: Array, routes: Routes) -> Output:
        """Shapes: (B, F) to (B, F)."""
        model = self.spec.model
        assert isinstance(model, Toy)
        shape, xavier = (model.hidden, x_BF.shape[-1]), nn.initializers.xavier_normal()
        w_MF = self.param("w", xavier, shape)
        v_MF = w_MF if model.tied else self.param("v", xavier, shape)
        b_F = self.param("b", nn.initializers.zeros, shape[1:])
        x_FB = x_BF.T
        if routes.weight_B2 is None:
            h_MB = w_MF @ x_FB
            y_FB = v_MF.T @ self._gated(h_MB, routes) + b_F[:, None]
        else:
            h_MB, y_FB = self._routed(x_FB, w_MF, v_MF, b_F, routes)
        told_MB = routes.told(h_MB, self._gated(h_MB, routes))
        return Output((nn.relu(y_FB) if model.relu else y_FB).T, {SITE: told_MB.T}, {})

    def _gated(self, h_MB: Array, routes: Routes) -> Array:
        if SITE not in routes.regions:
            return h_MB
        fill = 0.0 if routes.fill is None else routes.fill[SITE][:, None]
        return through_gate(h_MB, routes.regions[SITE][:, None], routes.gate_B, fill)

    def _routed(self, x_FB: Array, w_MF: Array, v_MF: Array, b_F: Array,
                routes: Routes) -> tuple[Array, Array]:  # fmt: skip
        """(hidden (M, B), outputs before ReLU (F, B)) with gradients routed."""
        by_parameter = self.spec.routing.mechanism == "parameter"
        weight_BM, one = routes.unit_weights(SITE), jnp.ones((x_FB.shape[1], 1))
        if routes.components is not None:
            h_MB, loss = w_MF @ x_FB, routes.loss_routes(SITE, by_parameter)
            return h_MB, routed_components(v_MF, self._gated(h_MB, routes), b_F, loss)
        if by_parameter:
            h_MB = routed_dense(x_FB.T, w_MF.T, jnp.zeros(len(w_MF)), one, weight_BM).T
            y_BF = routed_dense(self._gated(h_MB, routes).T, v_MF, b_F, weight_BM, one)
            return h_MB, y_BF.T
        h_MB = w_MF @ x_FB
        routed_MB = route_activation(self._gated(h_MB, routes), weight_BM.T)
        return h_MB, v_MF.T @ routed_MB + b_F[:, None]
