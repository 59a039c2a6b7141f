"""The treatment `fixed_points` as a run has it, against closed forms."""

from functools import lru_cache

import jax
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.dynamics.paths import line_stability
from absorb.dynamics.roots import Root
from absorb.dynamics_rules import MOST_SEARCHED
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.lanes.batch import train_batch
from absorb.measure.fixed_points import Rest, counted, programs, searched, with_fixed_points
from absorb.models import init
from absorb.sites import classes
from absorb.worlds import load_world
from absorb.worlds.labels import FORGET, observe
from sweeps.app import compose

SLOPE, STARTS = 2.0, 3  # a power of two: targets are exact in float32, so that the line is
ASKED = ["measure.treatments=[whole,fixed_points]", f"measure.fixed_starts={STARTS}"]
LINEAR = ["world=linear", f"world.slope={SLOPE}", "model=paths", "world.examples=256", "train=sgd",
          "train.learning_rate=0.05", "train.epochs=60", *ASKED]  # fmt: skip
DEEP = [*LINEAR, "model.depth=2", "model.strength=0.05"]
FRACTIONS = (0, 0.25, 1)


def read(*words: str):
    config = compose([*words])
    return spec_of(config), knobs_of(config, classes(config.world)), load_world(config.world)


@lru_cache
def rows(*words: str):
    configs = [compose([*words, f"routing.label_fraction={p}"]) for p in FRACTIONS]
    return train_batch(configs, lanes=2).rows


def of(row, name: str) -> np.ndarray:
    return np.asarray(row[f"fixed_points.{name}"])


def pulls(*words: str) -> tuple[float, float]:
    """E[x²] of all data, and of what the masks leave to the rest."""
    spec, knobs, data = read(*words)
    x_N, free_N = data.train.x_NF[:, 0], np.asarray(observe(spec, knobs, data.train)) != FORGET
    return float((x_N**2).mean()), float((x_N**2 * free_N).mean())


def test_every_start_of_two_paths_finds_the_line_where_one_direction_is_neutral():
    for p, row in zip(FRACTIONS, rows(*LINEAR), strict=True):
        both = pulls(*LINEAR, f"routing.label_fraction={p}")
        want = line_stability(0.5, SLOPE, both, 1).eigenvalue
        for way in ("solver", "flow"):
            assert of(row, f"{way}.failed") == 0 and (of(row, f"{way}.residual") <= 1e-9).all()
            assert (of(row, f"{way}.points"), of(row, f"{way}.found")) == (STARTS, 1)
            assert of(row, f"{way}.commonest") == of(row, f"{way}.as_trained") == STARTS
            np.testing.assert_allclose(of(row, f"{way}.loss"), 0, atol=1e-12)
            np.testing.assert_allclose(of(row, f"{way}.size"), want, rtol=1e-5)
            np.testing.assert_array_equal(of(row, f"{way}.neutral"), 1)
            np.testing.assert_array_equal(of(row, f"{way}.stable"), 1)
        assert row["fixed_points.trained.distance"] < 1e-3 and row["kept_share"] == pytest.approx(
            row["fixed_points.trained.kept"], abs=1e-3
        )


@pytest.mark.parametrize("free", [False, True])
def test_where_on_the_line_a_flow_ends_the_masks_decide(free):
    """R·c − K·a never changes, so that c = c₀ + K(w − a₀ − c₀)/(R + K)."""
    words = [*LINEAR, *["routing.weights.forget=[1,1]"] * free]
    for p, row in zip(FRACTIONS, rows(*words), strict=True):
        spec, knobs, data = read(*words, f"routing.label_fraction={p}")
        ready = programs(spec).prepare(knobs, data, init(spec, jax.random.key(0)))
        a_S, c_S = np.asarray(ready.start_SP)[1:].T
        assert len(set(a_S.tolist())) == STARTS and abs(a_S).max() > 0.5
        region, rest = pulls(*words, f"routing.label_fraction={p}")
        rest = region if free else rest
        want_S = c_S + rest * (SLOPE - a_S - c_S) / (region + rest)
        np.testing.assert_allclose(of(row, "flow.kept"), want_S / SLOPE, atol=5e-3)


def test_a_product_of_two_factors_has_a_saddle_that_the_flow_avoids():
    spec, knobs, data = read(*DEEP, "routing.label_fraction=0.25")
    near_zero = jax.tree.map(lambda leaf: leaf * 0 + 1e-4, init(spec, jax.random.key(0)))
    found = searched(spec, knobs, data, near_zero)
    squares = float((data.train.x_NF**2).mean())
    found_S = np.asarray(found["solver.loss"])
    saddle_S = np.isclose(found_S, SLOPE**2 * squares, rtol=1e-6)
    assert (saddle_S | (found_S < 1e-12)).all() and saddle_S.any() and not saddle_S.all()
    unstable_S = np.asarray(found["solver.unstable"])
    np.testing.assert_array_equal(unstable_S, np.where(saddle_S, 2, 0))
    np.testing.assert_array_equal(found["solver.stable"], 1 - saddle_S)
    np.testing.assert_array_equal(np.isnan(found["solver.kept"]), saddle_S)  # of nothing no share
    assert found["solver.found"] == 2 and found["solver.as_trained"] == (~saddle_S).sum()
    np.testing.assert_allclose(found["flow.loss"], 0, atol=1e-12)
    np.testing.assert_array_equal(found["flow.neutral"], 3)
    assert found["trained.loss"] < 1e-12 and found["trained.distance"] > 0.5


def test_of_what_is_nothing_but_rounding_no_share_is_told():
    spec, knobs, data = read(*DEEP)
    made = programs(spec)
    ready = made.prepare(knobs, data, init(spec, jax.random.key(0)))
    with jax.enable_x64(True):
        for factor, told in ((1e-5, False), (0.1, True)):
            kept = made.losses(*ready[:2], np.full(4, factor))[1]
            assert np.isfinite(kept) == told and (not told or kept == pytest.approx(0.5))


def at(theta, losses, residual=0.0) -> Rest:
    return Rest(Root(np.array(theta, float), residual), np.array(losses, float), {})


def test_copies_and_lines_count_as_points_and_not_as_losses():
    copies = [at([1, 2], [0.3, 0.1]), at([2, 1], [0.3, 0.1]), at([1, 2], [0.3, 0.1])]
    other, none = at([3, 3], [0.1, 0.3]), at([5, 5], [np.nan], residual=1e-3)
    found = counted([*copies, other, none], trained=at([2, 1], [0.3, 0.1]))
    assert found == {"failed": 1, "points": 3, "found": 2, "commonest": 3, "as_trained": 3}
    assert np.isnan(counted([other], none)["as_trained"])
    assert counted([none], other)["commonest"] == 0


def test_a_run_is_an_argument_and_no_reason_to_compile():
    words = [*LINEAR, "world.examples=64", "train.epochs=1"]
    train_batch([compose([*words, f"seed={s}"]) for s in range(3)], lanes=2)
    made = programs(spec_of(compose(words)))
    assert [program._cache_size() for program in made] == [1] * len(made)  # type: ignore


def test_seeds_start_elsewhere_and_a_lane_is_as_a_solo_run():
    configs = [compose([*DEEP, f"seed={s}", "routing.label_fraction=0.5"]) for s in range(3)]
    several, (solo,) = train_batch(configs, lanes=2).rows, train_batch(configs[1:2], lanes=2).rows
    kept = [tuple(row["fixed_points.flow.kept"]) for row in several]
    assert len(set(kept)) == 3
    np.testing.assert_allclose(kept[1], solo["fixed_points.flow.kept"], rtol=1e-6)


def test_what_is_not_finite_has_no_root_and_who_does_not_ask_gets_none():
    spec, knobs, data = read(*LINEAR)
    broken = jax.tree.map(lambda leaf: leaf * np.nan, init(spec, jax.random.key(0)))
    found = searched(spec, knobs, data, broken)
    assert np.isnan(found["trained.loss"]) and np.isnan(found["flow.as_trained"])
    assert found["flow.failed"] == 0
    scores = {"whole.forget": np.zeros(1)}
    plain = spec_of(compose(["world=linear", "model=paths"]))
    assert with_fixed_points(plain, knobs, data, broken, scores) is scores


@pytest.mark.slow
def test_a_toy_without_routing_may_turn_and_every_flow_ends_stable():
    words = ["world=sparse", "model=toy", "world.measured=256", "train.epochs=1", *ASKED]
    spec, knobs, data = read(*words, "routing=none", "routing.arm=capacity")
    found = searched(spec, knobs, data, init(spec, jax.random.key(1)))
    root_S = np.asarray(found["flow.residual"]) <= 1e-9
    assert root_S.sum() >= STARTS - 1
    assert (np.asarray(found["flow.unstable"])[root_S] == 0).all()
    assert (np.asarray(found["flow.neutral"])[root_S] >= 1).all()  # W'W does not see rotations


@pytest.mark.parametrize(
    "words, named",
    [
        ([*LINEAR, "measure.fixed_starts=0"], ["measure.fixed_starts=0", "[1, 1000]"]),
        ([*LINEAR, "measure.fixed_starts=null"], ["measure.fixed_starts=null", "at least 1"]),
        ([*LINEAR, "measure.treatments=[whole]"], [f"measure.fixed_starts={STARTS}", "null"]),
        (["model.widths=[6]", "routing.sites=[hidden0]", "routing=parameter", "routing.units=1",
          *ASKED],
         ["fixed_points", "460", f"at most {MOST_SEARCHED}"]),
        (["model.widths=[2]", "routing.sites=[hidden0]", "routing=none", "routing.arm=rival",
          "rival=ascent", "routing.units=1", *ASKED], ["rival.kind='ascent'", "fixed_points"]),
    ],
)  # fmt: skip
def test_what_means_nothing_or_costs_too_much_is_refused(words, named):
    with pytest.raises(AbsorbError) as error:
        compose(words)
    assert all(word in str(error.value) for word in named), error.value
