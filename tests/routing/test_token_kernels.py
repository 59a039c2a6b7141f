"""Routing position by position against the textbook: a copy of all parameters for each group.

The reference below is a transformer of its own, whose positions choose their copy by one-hot sums.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import Transformer, spec_of
from absorb.knobs import knobs_of
from absorb.models import apply, init, psi_tree, regions
from absorb.routing.kernels import Routes, routed_norm, routed_rows
from absorb.sites import classes
from sweeps.app import compose

pytestmark = pytest.mark.contract

STORIES, LENGTH, GROUPS, WIDTH, HEADS = 3, 8, 4, 8, 2
MATRICES = ["query", "key", "value", "out", "up", "down"]
SMALL = ["world=stories", f"world.length={LENGTH}", "model=transformer", f"model.width={WIDTH}",
         f"model.heads={HEADS}", "model.mlp=6", "model.expert_width=3", "model.rank=2",
         "routing=parameter", "routing.granularity=token", "routing.placement=slice",
         "routing.units=1"]  # fmt: skip
ADAPTERS = f"model.adapters=[{','.join(MATRICES)}]"
ALL_ADAPTERS = ",".join(f"{matrix}_adapter1" for matrix in MATRICES)
CASES = {
    "mlp": ["routing.sites=[mlp0,mlp1]"],
    "added": ["routing.sites=[mlp1]", "routing.placement=added", "routing.units=2"],
    "heads": ["routing.sites=[heads0,heads1]"],
    "residual": ["routing.sites=[residual0,residual1]", "routing.units=3"],
    "adapters": [ADAPTERS, f"routing.sites=[query_adapter0,{ALL_ADAPTERS}]"],
    "experts": ["model.experts=2", "routing.sites=[experts0,experts1]"],
    "whole_rest": ["routing.sites=[mlp0]", "routing.whole_rest=true"],
    "together": [ADAPTERS, "model.experts=2", "routing.whole_rest=true", "gate=learned",
                 "routing.sites=[heads0,up_adapter0,mlp0,experts0,residual0,value_adapter1,mlp1]"],
}  # fmt: skip
SLOW = pytest.mark.slow


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


class Problem:
    """A small network with noise on every parameter, stories, and weights for each position."""

    def __init__(self, name: str, *more: str) -> None:
        config = compose([*SMALL, *CASES[name], *more])
        self.spec, rng = spec_of(config), np.random.default_rng(0)
        noise = lambda p: jnp.asarray(p + 0.1 * rng.standard_normal(p.shape))  # noqa: E731
        self.params = jax.tree.map(noise, init(self.spec, jax.random.key(1)))
        masks = regions(self.spec, knobs_of(config, classes(config.world)))
        self.masks = {site: r_U.astype(jnp.float64) for site, r_U in masks.items()}
        self.x_BS = jnp.asarray(rng.integers(0, 160, (STORIES, LENGTH + 1)))
        self.group_N = jnp.asarray(rng.integers(0, GROUPS, STORIES * LENGTH))
        self.weight_G2 = jnp.asarray(rng.uniform(-0.5, 1, (GROUPS, 2)))
        self.gate_N = jnp.asarray(rng.uniform(0, 1, STORIES * LENGTH))
        self.loss_N = jnp.asarray(rng.uniform(0, 1, STORIES * LENGTH))

    def loss(self, logits_NV):
        """Cross-entropy of the next tokens under weights, summed."""
        target_N = self.x_BS[:, 1:].ravel()
        log_NV = jax.nn.log_softmax(logits_NV)
        return -(self.loss_N * log_NV[jnp.arange(len(target_N)), target_N]).sum()

    def gradient(self, weight_N2):
        """The network's own gradient, routed unless the weights are None."""

        def loss(params, weight_N2):
            routes = Routes(weight_N2, self.gate_N, self.masks)
            return self.loss(apply(self.spec, params, self.x_BS, routes).prediction_BO)

        return jax.jit(jax.grad(loss))(self.params, weight_N2)

    def by_group(self):
        """G_g: the whole loss's gradient in copy g alone, one backward pass for each group."""
        share_NG = jax.nn.one_hot(self.group_N, GROUPS, dtype=jnp.float64)
        same_G = jax.tree.map(lambda p: jnp.stack([p] * GROUPS), self.params)

        def loss(copy, g):
            copies = jax.tree.map(lambda p_G, p: p_G.at[g].set(p), same_G, copy)
            return self.loss(Reference(self, copies, share_NG).logits())

        one = jax.jit(jax.grad(loss))
        return [one(self.params, g) for g in range(GROUPS)]


class Reference:
    """The transformer as its formulas, every parameter taken from the position's own copy."""

    def __init__(self, problem: Problem, copies, share_NG) -> None:
        self.problem, self.copies, self.share_NG = problem, copies, share_NG
        assert isinstance(problem.spec.model, Transformer)
        self.model: Transformer = problem.spec.model

    def param(self, *path):
        """What each position uses, (N, ...)."""
        leaf = self.copies
        for name in path:
            leaf = leaf[name]
        return jnp.tensordot(self.share_NG, leaf, 1)

    def times(self, x_NI, *path):
        return jnp.einsum("ni,nio->no", x_NI, self.param(*path, "kernel"))

    def norm(self, x_ND, *path):
        centred = x_ND - x_ND.mean(1, keepdims=True)
        return self.param(*path, "scale") * centred / jnp.sqrt(x_ND.var(1, keepdims=True) + 1e-5)

    def site(self, name, i, x_NI, h_NU):
        if name not in self.problem.masks:
            return h_NU
        r_U, gate_N = self.problem.masks[name], self.problem.gate_N
        path = (f"layer{i}", f"gate_{name}")
        if path[1] in self.copies[path[0]]:
            z_N = (x_NI * self.param(*path, "kernel")).sum(1) + self.param(*path, "bias")
            gate_N = gate_N / (1 + jnp.exp(-z_N))
        return h_NU * (1 - r_U) + gate_N[:, None] * h_NU * r_U

    def matrix(self, name, i, x_NI):
        y_NO = self.times(x_NI, f"layer{i}", f"{name}{i}")
        if name not in self.model.adapters:
            return y_NO
        z_NR = self.times(x_NI, f"layer{i}", f"{name}_a{i}")
        z_NR = self.site(f"{name}_adapter{i}", i, x_NI, z_NR)
        return y_NO + self.times(z_NR, f"layer{i}", f"{name}_b{i}")

    def attention(self, i, x_ND):
        shape = (STORIES, LENGTH, HEADS, WIDTH // HEADS)
        q, k, v = (self.matrix(m, i, x_ND).reshape(shape) for m in ("query", "key", "value"))
        past_TS = jnp.asarray(np.tri(LENGTH))
        weight = jnp.exp(jnp.einsum("bthk,bshk->bths", q, k) / np.sqrt(WIDTH // HEADS))
        weight = weight * past_TS[None, :, None]
        z = jnp.einsum("bths,bshk->bthk", weight / weight.sum(-1, keepdims=True), v)
        z_ND = self.site(f"heads{i}", i, x_ND, z.reshape(-1, WIDTH))
        return self.matrix("out", i, z_ND)

    def logits(self):
        problem = self.problem
        token_N = problem.x_BS[:, :-1].ravel()
        n, place_N = jnp.arange(len(token_N)), jnp.tile(jnp.arange(LENGTH), STORIES)
        h_ND = self.param("tokens", "kernel")[n, token_N]
        h_ND = h_ND + self.param("positions", "kernel")[n, place_N]
        for i in range(self.model.layers):
            before, layer = h_ND, f"layer{i}"
            h_ND = h_ND + self.attention(i, self.norm(h_ND, layer, f"norm_attention{i}"))
            x_ND = self.norm(h_ND, layer, f"norm_mlp{i}")
            u_NU = self.site(f"mlp{i}", i, x_ND, jnp.maximum(0, self.matrix("up", i, x_ND)))
            h_ND = h_ND + self.matrix("down", i, u_NU)
            if self.model.experts:
                e_NU = jnp.maximum(0, self.times(x_ND, layer, f"experts_up{i}"))
                e_NU = self.site(f"experts{i}", i, x_ND, e_NU)
                h_ND = h_ND + self.times(e_NU, layer, f"experts_down{i}")
            h_ND = self.site(f"residual{i}", i, before, h_ND)
        return self.times(self.norm(h_ND, "norm"), "unembed")


def ends(name: str) -> tuple[str, str]:
    """The sites that a matrix reads and writes, written out once more."""
    if name == "unembed":
        return "residual1", ""
    kind, i = name[:-1], int(name[-1])
    plain = {name: ("stream", "heads") for name in ("query", "key", "value")}
    plain |= {"out": ("heads", "residual"), "up": ("stream", "mlp"), "down": ("mlp", "residual")}
    plain |= {"experts_up": ("stream", "experts"), "experts_down": ("experts", "residual")}
    matrix, _, half = kind.rpartition("_")
    if half in ("a", "b"):
        reads, writes = plain[matrix]
        inside = f"{matrix}_adapter"
        reads, writes = (reads, inside) if half == "a" else (inside, writes)
    else:
        reads, writes = plain[kind]
    place = {"stream": f"residual{i - 1}"}
    return place.get(reads, f"{reads}{i}"), f"{writes}{i}"


def psi_by_hand(problem: Problem, path, leaf, weight_2):
    """w_read w_write at cut sites; a gate is the region's; the others have 1, or the rest's."""
    name, masks = path[-2].key, problem.masks
    untouched = weight_2[1] if problem.spec.routing.whole_rest else 1.0
    if name.startswith("gate_"):
        return jnp.full(leaf.shape, weight_2[0])
    if name.startswith("norm") or name in ("tokens", "positions"):
        return jnp.full(leaf.shape, untouched)
    sides = []
    for site, width in zip(ends(name), leaf.shape, strict=True):
        r_U = masks.get(site)
        sides.append(jnp.ones(width) if r_U is None else jnp.where(r_U > 0, *weight_2))
    psi = jnp.outer(*sides)
    return psi if set(ends(name)) & set(masks) else untouched * psi


def largest_gap(a, b) -> float:
    return max(jax.tree.leaves(jax.tree.map(lambda x, y: float(jnp.abs(x - y).max()), a, b)))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_routing_by_position_is_the_sum_over_groups(name):
    problem = Problem(name)
    total = jax.tree.map(jnp.zeros_like, problem.params)
    for weight_2, gradient in zip(problem.weight_G2, problem.by_group(), strict=True):
        by_hand = partial(psi_by_hand, problem, weight_2=weight_2)
        psi = jax.tree_util.tree_map_with_path(by_hand, problem.params)
        total = jax.tree.map(lambda t, p, g: t + p * g, total, psi, gradient)
        own = psi_tree(problem.spec, problem.params, weight_2, problem.masks)
        assert largest_gap(psi, own) == 0
    routed = problem.gradient(problem.weight_G2[problem.group_N])
    assert largest_gap(routed, total) < 1e-10
    assert largest_gap(routed, problem.gradient(None)) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", pytest.param("together", marks=SLOW)])
@pytest.mark.parametrize("mechanism", ["activation", "parameter"])
def test_weights_of_one_are_ordinary_training_to_the_bit(mechanism, name):
    kind = f"routing.mechanism={mechanism}"
    problem = Problem(name, kind, "gate=none", "routing.whole_rest=false")
    ones = jnp.ones((STORIES * LENGTH, 2))
    assert largest_gap(problem.gradient(ones), problem.gradient(None)) == 0


@pytest.mark.slow
def test_weights_of_one_on_all_parameters_differ_by_rounding_at_most():
    problem = Problem("whole_rest")
    ones = jnp.ones((STORIES * LENGTH, 2))
    assert largest_gap(problem.gradient(ones), problem.gradient(None)) < 1e-15


def test_rows_keep_their_values_and_weigh_their_gradient():
    rng = np.random.default_rng(0)
    y, w = (jnp.asarray(rng.standard_normal(shape)) for shape in ((4, 3), (4, 1)))
    np.testing.assert_array_equal(routed_rows(y, w), y)
    np.testing.assert_array_equal(jax.grad(lambda y: (y * routed_rows(y, w)).sum())(y), y + w * y)


@pytest.mark.slow
def test_a_routed_norm_weighs_its_scale_alone():
    rng = np.random.default_rng(0)
    x, s, w = (jnp.asarray(rng.standard_normal(shape)) for shape in ((4, 3), (3,), (4, 1)))

    def plain(x, s):
        return s * (x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 1e-5)

    np.testing.assert_allclose(routed_norm(x, s, w), plain(x, s))
    dx, ds = jax.grad(lambda x, s: (routed_norm(x, s, w) ** 3).sum(), argnums=(0, 1))(x, s)
    np.testing.assert_allclose(dx, jax.grad(lambda x: (plain(x, s) ** 3).sum())(x), rtol=1e-8)
    each = jax.jacobian(lambda s: (plain(x, s) ** 3).sum(1))(s)
    np.testing.assert_allclose(ds, (w * each).sum(0))
