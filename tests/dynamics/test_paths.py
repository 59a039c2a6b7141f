"""The linear worlds: closed forms against the project's own network of two paths."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.dynamics.field import field, linearised
from absorb.dynamics.fixed_points import fixed_points
from absorb.dynamics.network import network_terms, whole_split
from absorb.dynamics.paths import kept_from_zero, line_stability, start_growth
from absorb.dynamics.stability import of_matrix, stability
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.models import init
from absorb.stats.nulls import credit_share_depth1
from absorb.worlds import load_world
from sweeps.app import compose

SLOPE, P = 1.5, 0.25
WORDS = ["world=linear", f"world.slope={SLOPE}", "world.examples=64", "model=paths", "train=sgd",
         f"routing.label_fraction={P}", "model.strength=0.1"]  # fmt: skip


@lru_cache
def world(depth: int):
    """(terms, parameters with (region, rest) paths of equal factors, (R, K)) of the network."""
    config = compose([*WORDS, f"model.depth={depth}"])
    spec, knobs = spec_of(config), knobs_of(config, 1)
    batch = whole_split(spec, knobs, load_world(config.world).train)
    terms = network_terms(spec, knobs, init(spec, jax.random.key(0)), batch)
    x_N, known_N = np.asarray(batch.x_BF, float)[:, 0], np.asarray(batch.observed_B) == 0
    assert known_N.sum() == P * len(x_N)
    pulls = float((x_N**2).mean()), float((x_N**2 * ~known_N).mean())

    def params(a: float, c: float):
        return {
            "module": {"path": jnp.full(depth, a ** (1 / depth))},
            "trunk": {"path": jnp.full(depth, c ** (1 / depth))},
        }

    return terms, params, pulls


@pytest.mark.parametrize("depth", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_stability_on_the_line_is_the_closed_form(depth):
    terms, params, pulls = world(depth)
    parts = jax.jit(lambda at: linearised(terms, at))
    for kept in (0.0, 0.4, 1.2):
        found = of_matrix(*map(np.asarray, parts(params(SLOPE - kept, kept))), rate=0.1)
        want = line_stability(kept, SLOPE, pulls, depth)
        assert found.eigenvalues_P[-1].real == pytest.approx(want.eigenvalue, rel=1e-5)
        np.testing.assert_allclose(found.eigenvalues_P[:-1], 0, atol=1e-5)
        assert found.curl == pytest.approx(want.curl, rel=1e-5, abs=1e-7)
        assert found.rate_bound == pytest.approx(want.rate_bound, rel=1e-5)


def test_a_quarter_of_the_data_trains_the_region_alone():
    terms, params, (region, rest) = world(1)
    share = [float(term.psi["trunk"]["path"][0]) for term in terms]
    assert share == [0, 1, 1] and terms[0].psi["module"]["path"] == 1
    losses = [float(term.loss(params(0.0, 0.0))) for term in terms]  # (0 − w)² m of each kind
    wanted = [SLOPE**2 * (region - rest), SLOPE**2 * rest, 0]
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)


def test_of_depth_one_routing_turns_by_the_label_fraction():
    """λ = 2m(2 − p) everywhere on the line; curl = p/(2√(1 + (1 − p)²)), 1/2 at most."""
    for p in (0.0, 0.3, 1.0):
        found = line_stability(0.5, 2.0, (3.0, 3.0 * (1 - p)), 1)
        assert found.eigenvalue == pytest.approx(2 * 3 * (2 - p))
        assert found.curl == pytest.approx(p / (2 * np.sqrt(1 + (1 - p) ** 2)), abs=1e-7)


def test_of_depth_two_the_line_is_flatter_where_the_rest_holds_more():
    m, p, w = 2.0, 0.3, 1.5
    for kept in (0.0, 0.5, 1.5):
        found = line_stability(kept, w, (m, m * (1 - p)), 2)
        assert found.eigenvalue == pytest.approx(4 * m * (w - p * kept))


def test_depth_two_leaves_its_saddle_at_the_rates_of_the_null():
    terms, params, pulls = world(2)
    found = stability(terms, params(0.0, 0.0), rate=0.1)
    growth = start_growth(SLOPE, pulls)
    wanted = [-growth.region, -growth.rest, growth.rest, growth.region]
    np.testing.assert_allclose(found.eigenvalues_P, wanted, rtol=1e-5)
    assert found.unstable == 2
    assert start_growth(1.0, (2.0, 2 * (1 - 0.3))).exponent == pytest.approx(0.7)


def test_from_zero_the_flow_rests_where_the_null_of_credit_says():
    p = np.array([0.0, 0.1, 0.5, 1.0])
    shares = [kept_from_zero(2.0, (1.0, 1 - x)) / 2 for x in p]
    np.testing.assert_allclose(shares, credit_share_depth1(p), rtol=1e-12)
    terms, params, pulls = world(1)
    theta, step = params(0.0, 0.0), jax.jit(lambda at: field(terms, at))
    for _ in range(100):
        theta = jax.tree.map(lambda t, f: t - 0.1 * f, theta, step(theta))
    found = theta["trunk"]["path"][0]
    assert float(found) == pytest.approx(kept_from_zero(SLOPE, pulls), rel=1e-5)


def test_every_start_finds_a_point_of_its_own_on_the_line():
    terms, params, _ = world(1)
    starts = [params(a, c) for a, c in [(0.0, 0.0), (1.0, 0.2), (-0.5, 1.0)]]
    found = fixed_points(terms, starts, rate=0.1)
    assert len(found.points) == 3 and found.failed == 0
    for point in found.points:
        total = point.theta["module"]["path"][0] + point.theta["trunk"]["path"][0]
        assert total == pytest.approx(SLOPE, abs=1e-7) and point.stability.neutral == 1


def test_what_lies_off_the_line_or_pulls_backwards_is_refused():
    with pytest.raises(AbsorbError, match="kept=3"):
        line_stability(3, SLOPE, (1.0, 1.0), 1)
    with pytest.raises(AbsorbError, match="pulls="):
        start_growth(SLOPE, (1.0, -1.0))
    with pytest.raises(AbsorbError, match="slope=0"):
        kept_from_zero(0, (1.0, 1.0))
    with pytest.raises(AbsorbError, match="depth=0"):
        line_stability(0.1, SLOPE, (1.0, 1.0), 0)
