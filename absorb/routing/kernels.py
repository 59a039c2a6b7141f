"""The custom gradients: which unit learns how much from which datum."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


def route_activation(h_BU: Array, w_BU: Array) -> Array:
    """h, with the gradient scaled by w: everything upstream of a unit feels its weight.

    Formula: with c = stop_gradient(h), c + w (h - c), which is h to the bit in any precision and
    for any weight, as w h + (1 - w) c is not.
    """
    constant_BU = jax.lax.stop_gradient(h_BU)
    return constant_BU + w_BU * (h_BU - constant_BU)


@jax.custom_vjp
def routed_dense(x_BI: Array, w_IO: Array, b_O: Array, read_BI: Array, write_BO: Array) -> Array:
    """x W + b, where datum i trains W[j, k] with weight read[i, j] * write[i, k].

    Formula: dW = (read o x)^T (write o dy), db = sum(write o dy), dx = dy W^T; so the error signal
    passes on untouched and one backward pass gives sum_i psi_i o grad L_i exactly.
    """
    return x_BI @ w_IO + b_O


def _forward(x_BI, w_IO, b_O, read_BI, write_BO):
    return x_BI @ w_IO + b_O, (x_BI, w_IO, read_BI, write_BO)


def _backward(saved, dy_BO):
    x_BI, w_IO, read_BI, write_BO = saved
    routed_BO = write_BO * dy_BO
    # the products that automatic differentiation would form, so that weights of 1 change no bit
    (dw_IO,) = jax.linear_transpose(lambda w: (read_BI * x_BI) @ w, w_IO)(routed_BO)
    (dx_BI,) = jax.linear_transpose(lambda x: x @ w_IO, x_BI)(dy_BO)
    return dx_BI, dw_IO, routed_BO.sum(0), jnp.zeros_like(read_BI), jnp.zeros_like(write_BO)


routed_dense.defvjp(_forward, _backward)


@jax.custom_vjp
def routed_rows(y_BU: Array, w_B1: Array) -> Array:
    """y, rows of a table that each datum looks up, whose gradient datum i scales by w[i]."""
    return y_BU


def _backward_rows(w_B1, dy_BU):
    return w_B1 * dy_BU, jnp.zeros_like(w_B1)


routed_rows.defvjp(lambda y_BU, w_B1: (y_BU, w_B1), _backward_rows)


@jax.custom_vjp
def routed_norm(x_BU: Array, s_U: Array, w_B1: Array) -> Array:
    """Layer normalisation with scale s, where datum i trains s with weight w[i].

    Formula: with z the normalised x, ds = sum(w z dy); dx, untouched by w, is that of z s. Sums are
    taken as products, which is faster on a CPU and leaves every bit alone where all weights are 1.
    """
    return _forward_norm(x_BU, s_U, w_B1)[0]


def _forward_norm(x_BU, s_U, w_B1):
    share_U1 = jnp.full((len(s_U), 1), 1 / len(s_U), x_BU.dtype)
    centred_BU = x_BU - x_BU @ share_U1
    inverse_B1 = jax.lax.rsqrt((centred_BU * centred_BU) @ share_U1 + 1e-5)
    z_BU = centred_BU * inverse_B1
    return z_BU * s_U, (z_BU, inverse_B1, s_U, w_B1)


def _backward_norm(saved, dy_BU):
    z_BU, inverse_B1, s_U, w_B1 = saved
    product_BU, share_U1 = z_BU * dy_BU, s_U[:, None] / len(s_U)
    dx_BU = inverse_B1 * (dy_BU * s_U - dy_BU @ share_U1 - z_BU * (product_BU @ share_U1))
    return dx_BU, w_B1[:, 0] @ product_BU, jnp.zeros_like(w_B1)


routed_norm.defvjp(_forward_norm, _backward_norm)


@jax.custom_vjp
def routed_components(v_UO: Array, h_UB: Array, b_O: Array, loss: "LossRoutes") -> Array:
    """V^T h + b, where component o of datum i's loss trains unit u with weight psi[u, i, o].

    psi is the datum's own weight for the concept's components and one weight for all others.
    Formula: dh = sum_o psi o (V dy); and where `kernel`, dV = sum_i psi o (h dy^T).
    """
    return v_UO.T @ h_UB + b_O[:, None]


def _forward_components(v_UO, h_UB, b_O, loss):
    return routed_components(v_UO, h_UB, b_O, loss), (v_UO, h_UB, loss)


def _backward_components(saved, dy_OB):
    v_UO, h_UB, loss = saved
    dv_UO, dh_UB = jnp.zeros_like(v_UO), jnp.zeros_like(h_UB)
    parts = [(loss.concept_O, loss.own_UB), (1 - loss.concept_O, loss.others_UB)]
    for part_O, weight_UB in parts:
        part_OB = dy_OB * part_O[:, None]
        dh_UB += weight_UB * (v_UO @ part_OB)
        dv_UO += jnp.where(loss.kernel, weight_UB * h_UB, h_UB) @ part_OB.T
    return dv_UO, dh_UB, dy_OB.sum(1), jax.tree.map(jnp.zeros_like, loss)


routed_components.defvjp(_forward_components, _backward_components)


class LossRoutes(NamedTuple):
    """Unit weights of the concept's loss components and of the others; `kernel`: 1 routes W too."""

    concept_O: Array
    own_UB: Array
    others_UB: Array
    kernel: Array


class Components(NamedTuple):
    """The concept's loss components, and the weight of (region, rest) for all others."""

    concept_O: Array
    others_2: Array


class Routes(NamedTuple):
    """How one batch is routed: what each datum does at every region site.

    weight_B2: route weight of (region, rest), or None for ordinary training.
    gate_B: the region's part in the forward pass; learned gates are multiplied onto it.
    regions: for each site its unit mask r_U, 1 in the region.
    fill: for each site what an absent region is replaced by, or None for zeros.
    gate_by_hand: whether learned gates are overruled, so that gate_B alone counts.
    second_B: which of two decoders serves the datum, or None.
    components: where loss components are routed, those of the concept, which have weight_B2.
    passed: whether a network tells its sites as they pass on, after their gate, not before it.
    """

    weight_B2: Array | None
    gate_B: Array
    regions: dict[str, Array]
    fill: dict[str, Array] | None = None
    gate_by_hand: bool = False
    second_B: Array | None = None
    components: Components | None = None
    passed: bool = False

    def unit_weights(self, site: str | None) -> Array:
        """w_BU at a site, or w_B1 = 1 where no region is cut."""
        assert self.weight_B2 is not None
        if site not in self.regions:
            return jnp.ones((len(self.gate_B), 1))
        return weights_of(self.weight_B2, self.regions[site])

    def told(self, before_BU: Array, after_BU: Array) -> Array:
        """What a network tells of a site: its entries before the gate, or what passes it."""
        return after_BU if self.passed else before_BU

    def loss_routes(self, site: str, kernel: bool) -> LossRoutes:
        """The units' weights at a site for the concept's loss components and for all others."""
        assert self.components is not None
        own_UB = self.unit_weights(site).T
        others_U1 = weights_of(self.components.others_2[None], self.regions[site]).T
        others_UB = jnp.broadcast_to(others_U1, own_UB.shape)
        return LossRoutes(self.components.concept_O, own_UB, others_UB, jnp.float32(kernel))


def weights_of(weight_B2: Array, r_U: Array) -> Array:
    """The units' weights w_BU from those of (region, rest)."""
    return weight_B2[:, :1] * r_U + weight_B2[:, 1:] * (1 - r_U)


def through_gate(h_BU: Array, r_U: Array, gate_B1: Array, fill_U: Array | float) -> Array:
    """h with its region scaled by the gate; what the gate withholds is replaced by `fill`.

    Nothing here depends on the region alone: the compiler may take that out of the training loop
    once for each part of a loss, and the parts then do not share their forward pass (LOG.md).
    """
    withheld_BU = r_U * (1 - gate_B1)
    return (1 - withheld_BU) * h_BU + withheld_BU * fill_U
