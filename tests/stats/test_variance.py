from itertools import chain, combinations

import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.intervals import binomial
from absorb.stats.simulate_paths import crossed_world
from absorb.stats.variance import balanced, mean_squares, variance

NAMES = ("init", "order", "labels")
PLANTED = {"init": 1.0, "order": 0.5, "labels": 0.25, "init:order": 0.5, "rerun": 0.25}
FULL = {**PLANTED, "init:labels": 0.25, "order:labels": 0.25, "init:order:labels": 0.25}


def draw(seed: int = 0, shape=(8, 8, 3), reruns: int = 2, sizes=FULL) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return crossed_world(rng, dict(zip(NAMES, shape, strict=False)), reruns, sizes)


def values(found) -> dict[str, float]:
    return {c.name: c.variance.value for c in found.components}


def test_without_noise_each_factor_has_the_variance_of_its_own_levels():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=5), rng.normal(size=4), rng.normal(size=3)
    y = 7 + a[:, None, None, None] + b[:, None, None] + c[:, None] + np.zeros((5, 4, 3, 2))
    found = values(variance(y, NAMES))
    want = {"init": a.var(ddof=1), "order": b.var(ddof=1), "labels": c.var(ddof=1)}
    assert found == pytest.approx({**dict.fromkeys(found, 0.0), **want}, abs=1e-14)


def test_one_factor_with_reruns_is_the_textbook_one_way_layout():
    y = np.array([[1.0, 3.0], [6.0, 8.0], [2.0, 4.0]])
    found = variance(y, ("init",))
    assert values(found) == pytest.approx({"init": (14.0 - 2.0) / 2, "rerun": 2.0})
    assert found.mean == 4 and found.total.value == pytest.approx(8.0)


def test_components_below_zero_are_kept():
    y = np.array([[1.0, 5.0], [5.0, 1.0]])[..., None]
    found = variance(y, ("init", "order"))
    assert values(found) == pytest.approx({"init": -8, "order": -8, "init:order+rerun": 16})


def test_sums_of_squares_add_up_to_the_whole():
    y = draw()
    design = balanced(y.shape)
    assert mean_squares(y, design) @ design.df_T == pytest.approx(((y - y.mean()) ** 2).sum())
    assert sum(design.df_T) == y.size - 1


def test_mean_squares_expect_every_effect_that_contains_theirs():
    design = balanced((4, 5, 3, 2))
    expected_TS = np.linalg.inv(design.weight_ST)
    for effect, row_S in zip(design.effects[:-1], expected_TS, strict=False):
        want = [n * (not e or set(effect) <= set(e))
                for e, n in zip(design.effects, design.runs_T, strict=True)]  # fmt: skip
        assert row_S == pytest.approx(np.array(want, float))


def test_one_rerun_does_not_tell_the_highest_interaction_from_the_rest():
    several, one = variance(draw(), NAMES), variance(draw()[..., :1], NAMES)
    assert [c.name for c in several.components][-2:] == ["init:order:labels", "rerun"]
    assert one.components[-1].name == "init:order:labels+rerun"
    assert "rerun" in one.why and not several.why
    assert sum(c.share.value for c in one.components) == pytest.approx(1)


def test_shift_and_unit_change_no_share_and_names_follow_their_axes():
    y = draw()
    found, other = (
        variance(y, NAMES),
        variance(3 - 10 * np.moveaxis(y, 2, 0), ("labels", *NAMES[:2])),
    )
    for name in NAMES:
        assert other.of(name).share == pytest.approx(found.of(name).share)
        assert other.of(name).variance[:3] == pytest.approx(
            100 * np.array(found.of(name).variance[:3])
        )


def test_points_stand_alone_only_with_eight_levels_of_two_factors():
    wide = variance(draw(), NAMES)
    assert not wide.intervals_only
    headline = {c.name for c in wide.components if c.headline}
    assert headline == {"init", "order", "init:order", "rerun"}  # labels have 3 levels
    narrow = variance(draw(shape=(8, 7, 3)), NAMES)
    assert narrow.intervals_only and not any(c.headline for c in narrow.components)
    assert not variance(draw(shape=(8,)), NAMES[:1]).intervals_only


def test_runs_that_are_missing_leave_nothing_defined():
    y = draw()
    y[0, 0, 0, 0] = np.nan
    found = variance(y, NAMES)
    both = chain(*((c.variance, c.share) for c in found.components))
    assert all(np.isnan(x.value) and "1 of 384 runs" in x.why for x in both)


def test_where_nothing_varies_there_are_no_shares():
    found = variance(np.ones((3, 3, 2)), NAMES[:2])
    assert found.total[:3] == (0, 0, 0) and np.isnan(found.of("init").share.value)


@pytest.mark.parametrize(
    ("shape", "factors", "says"),
    [
        ((4, 4, 2), NAMES, "needs an axis"),
        ((4, 1, 2), NAMES[:2], "1 levels of order"),
        ((4, 4, 2), ("init", "init"), "factors"),
        ((4, 4, 2), ("init", "rerun"), "factors"),
        ((2,) * 5, (*NAMES, "width"), "factors"),
        ((2,), (), "factors"),
    ],
)
def test_what_is_no_crossed_design_is_refused(shape, factors, says):
    with pytest.raises(AbsorbError, match=says):
        variance(np.zeros(shape), factors)


def test_a_component_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(AbsorbError, match="init, order, init:order, rerun"):
        variance(draw(shape=(3, 3)), NAMES[:2]).of("labels")


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8, 3), (4, 4, 3)])
@pytest.mark.parametrize("sizes", [{"rerun": 1.0}, PLANTED, FULL], ids=["null", "planted", "full"])
def test_components_have_no_bias_and_their_intervals_cover(shape, sizes):
    repeats = 300
    found = [variance(draw(seed, shape, 2, sizes), NAMES) for seed in range(repeats)]
    whole = sum(sizes.values())
    for i, name in enumerate(c.name for c in found[0].components):
        value_X = np.array([f.components[i].variance.value for f in found])
        truth, error = sizes.get(name, 0.0), value_X.std(ddof=1) / np.sqrt(repeats)
        assert abs(value_X.mean() - truth) < 4.5 * error
        for what, want in (("variance", truth), ("share", truth / whole)):
            missed = sum(getattr(f.components[i], what).excludes(want) for f in found)
            assert binomial(missed, repeats, 0.999).low <= 0.05
    assert binomial(sum(f.total.excludes(whole) for f in found), repeats, 0.999).low <= 0.06


@pytest.mark.slow
def test_no_seed_matters_more_often_than_stated_where_none_does():
    found = [variance(draw(seed, sizes={"rerun": 1.0}), NAMES) for seed in range(300)]
    for a in ("init", "order", "labels", *(":".join(p) for p in combinations(NAMES, 2))):
        said = sum(f.of(a).share.low > 0 for f in found)
        assert binomial(said, 300, 0.999).low <= 0.025
