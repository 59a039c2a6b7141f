"""A network with its region removed: by zeros, by means, or with any gate set by hand."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from absorb.config import Spec
from absorb.knobs import Knobs
from absorb.measure.stories import site_means
from absorb.models import Output, Params, apply, regions
from absorb.routing.kernels import Routes
from absorb.sites import of_tokens, positions
from absorb.worlds.data import Split


class View(NamedTuple):
    """How a network is looked at: the region's gate, what fills it, whether gates are by hand.

    `region` is another one than routing's, as masks by site. `passed`: sites after their gate.
    """

    gate: Array | float = 1.0
    fill: dict[str, Array] | None = None
    by_hand: bool = True
    region: dict[str, Array] | None = None
    passed: bool = False


WHOLE = View(by_hand=False)
PASSED = WHOLE._replace(passed=True)


def ablated(knobs: Knobs) -> View:
    """The region replaced by zeros; arms that have no region stay whole, learned gates and all."""
    return View(gate=knobs.ablated_gate, by_hand=False)


def look(spec: Spec, knobs: Knobs, params: Params, x_NF: Array, view: View,
         second_N: Array | None = None) -> Output:  # fmt: skip
    """The network's output on x under a view; no gradient is routed."""
    gate_N = jnp.full(len(x_NF) * positions(spec.world), view.gate)
    region = regions(spec, knobs) if view.region is None else view.region
    routes = Routes(None, gate_N, region, view.fill, view.by_hand, second_N, passed=view.passed)
    return apply(spec, params, x_NF, routes)


def mean_ablated(spec: Spec, knobs: Knobs, params: Params, train: Split) -> View:
    """The region replaced by the means of what its units pass on, over the training split."""
    x_NF = jnp.asarray(train.x_NF)
    if of_tokens(spec.world):
        of = lambda x: look(spec, knobs, params, x, PASSED)  # noqa: E731
        means = site_means(of, regions(spec, knobs), x_NF)
    else:
        sites = look(spec, knobs, params, x_NF, PASSED).sites
        means = {site: sites[site].mean(0) for site in regions(spec, knobs)}
    removed = 1 - knobs.ablated_gate
    fill = {site: removed * means[site] for site in regions(spec, knobs)}
    return ablated(knobs)._replace(fill=fill)
