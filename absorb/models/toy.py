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
        if routes.weight_B2 is None:
            h_MB = w_MF @ x_BF.T
            g_MB = self._gated(h_MB.T, routes).T if SITE in routes.regions else h_MB
            y_BF = (v_MF.T @ g_MB + b_F[:, None]).T
        else:
            h_MB, y_BF = self._routed(x_BF, w_MF, v_MF, b_F, routes)
        return Output(nn.relu(y_BF) if model.relu else y_BF, {SITE: h_MB.T}, {})

    def _gated(self, h_BM: Array, routes: Routes) -> Array:
        fill = 0.0 if routes.fill is None else routes.fill[SITE]
        return through_gate(h_BM, routes.regions[SITE], routes.gate_B[:, None], fill)

    def _routed(self, x_BF: Array, w_MF: Array, v_MF: Array, b_F: Array,
                routes: Routes) -> tuple[Array, Array]:  # fmt: skip
        """(hidden (M, B), outputs before ReLU (B, F)) with gradients routed."""
        by_parameter = self.spec.routing.mechanism == "parameter"
        weight_BM, one = routes.unit_weights(SITE), jnp.ones((len(x_BF), 1))
        if routes.components is not None:
            h_BM, loss = x_BF @ w_MF.T, routes.loss_routes(SITE, by_parameter)
            return h_BM.T, routed_components(self._gated(h_BM, routes), v_MF, b_F, loss)
        if by_parameter:
            h_BM = routed_dense(x_BF, w_MF.T, jnp.zeros(len(w_MF)), one, weight_BM)
            y_BF = routed_dense(self._gated(h_BM, routes), v_MF, b_F, weight_BM, one)
            return h_BM.T, y_BF
        h_BM = (w_MF @ x_BF.T).T
        y_BF = route_activation(self._gated(h_BM, routes), weight_BM) @ v_MF + b_F
        return h_BM.T, y_BF
