"""What is minimised, by hand: group means, dropped data, L1 per region, cross-correlation."""

import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.sites import classes
from absorb.train.losses import cross_correlation, errors, example_weights, hits, penalties
from absorb.train.optimizer import make_optimizer
from absorb.worlds.labels import FORGET, RETAIN, UNLABELLED
from sweeps.app import compose

OBSERVED = jnp.array([FORGET, FORGET, UNLABELLED, RETAIN, RETAIN, RETAIN])


def problem(*overrides: str):
    config = compose(overrides)
    return spec_of(config), knobs_of(config, classes(config.world))


def test_the_likeliest_answer_is_the_first_of_the_largest_and_never_among_nan():
    logits_BA = jnp.asarray(np.random.default_rng(0).integers(-2, 3, (500, 6)), jnp.float32)
    target_B = jnp.arange(500) % 6
    found_B = np.asarray(hits(logits_BA, target_B))
    np.testing.assert_array_equal(found_B, np.argmax(logits_BA, -1) == target_B)
    assert 50 < found_B.sum() < 200
    assert not hits(logits_BA.at[:, 3].set(jnp.nan), target_B).any()


def test_every_example_counts_alike_and_filtered_ones_not_at_all():
    np.testing.assert_allclose(example_weights(*problem(), OBSERVED), 1 / 6, rtol=1e-6)
    kept = example_weights(*problem("routing.arm=filter"), OBSERVED)
    np.testing.assert_allclose(kept, np.array([0, 0, 1, 1, 1, 1]) / 6, rtol=1e-6)


def test_group_means_sum_the_means_of_both_groups():
    weights = example_weights(*problem("train.loss=group_mean"), OBSERVED)
    np.testing.assert_allclose(weights, [1 / 2] * 2 + [1 / 4] * 4)
    retained = example_weights(*problem("train.loss=group_mean", "routing.keep=[1,1,0]"), OBSERVED)
    np.testing.assert_allclose(retained, [1 / 2, 1 / 2, 1 / 4, 0, 0, 0])


def test_errors_are_mean_squared_or_absolute():
    prediction, target = jnp.array([[0.0, 2.0]]), jnp.array([[1.0, 0.0]])
    squared, absolute = problem("model=autoencoder"), problem("model=autoencoder",
                                                              "model.error=absolute")  # fmt: skip
    assert errors(*squared, prediction, target) == 2.5
    assert errors(*absolute, prediction, target) == 1.5
    toy = problem("world=sparse", "model=toy", "world.features=2", "world.importance=0.5")
    assert errors(*toy, prediction, target) == (1 + 0.5 * 4) / 2


def test_l1_falls_on_its_own_side():
    h, r = jnp.array([[1.0, -2.0, 3.0], [0.0, 4.0, -5.0]]), jnp.array([1.0, 0.0, 0.0])
    spec, knobs = problem("train.l1_region=0.1", "routing.sites=[hidden0]")
    assert penalties(spec, knobs, {"hidden0": h}, {"hidden0": r}, jnp.ones(2)) == pytest.approx(
        0.1 * 0.5
    )
    spec, knobs = problem("train.l1_rest=0.1", "routing.sites=[hidden0]")
    assert penalties(spec, knobs, {"hidden0": h}, {"hidden0": r}, jnp.ones(2)) == pytest.approx(
        0.1 * 7.0
    )


def test_cross_correlation_is_numpys_up_to_the_published_normalisation():
    h = np.random.default_rng(0).standard_normal((50, 5)).astype(np.float32)
    r = jnp.array([1.0, 1.0, 0.0, 0.0, 0.0])
    block = np.abs(np.corrcoef(h.T)[:2, 2:]).mean() * 49 / 50  # std by n - 1, correlation by n
    assert cross_correlation(jnp.asarray(h), r, jnp.ones(50)) == pytest.approx(block, rel=1e-4)
    assert (
        cross_correlation(jnp.ones((50, 5)), r, jnp.ones(50)) == 0
    )  # constant units correlate with nothing


def test_penalties_do_not_see_what_an_arm_drops():
    rng = np.random.default_rng(1)
    h, r = rng.standard_normal((50, 5)).astype(np.float32), jnp.array([1.0, 1.0, 0.0, 0.0, 0.0])
    seen = jnp.asarray(np.arange(50) < 30, jnp.float32)
    half = cross_correlation(jnp.asarray(h[:30]), r, jnp.ones(30))
    assert cross_correlation(jnp.asarray(h), r, seen) == pytest.approx(float(half), rel=1e-5)
    spec, knobs = problem("train.l1_region=1", "routing.sites=[hidden0]")
    own = penalties(spec, knobs, {"hidden0": h}, {"hidden0": r}, seen)
    assert own == pytest.approx(float(np.abs(h[:30, :2]).sum(1).mean()), rel=1e-5)
    dropped = {
        arm: problem(f"routing.arm={arm}")[1].penalised_O[FORGET] for arm in ("filter", "std")
    }
    assert dropped == {"filter": 0, "std": 0} and problem()[1].penalised_O.all()


def test_adam_l2_adds_decay_to_the_gradient_and_adamw_to_the_step():
    params, gradient = jnp.array([10.0]), jnp.array([1.0])
    steps = {}
    for name in ("adam", "adam_l2", "adamw"):
        optimizer = make_optimizer(name, 0.1, 0.5)
        steps[name] = float(optimizer.update(gradient, optimizer.init(params), params)[0][0])
    assert steps["adam"] == pytest.approx(-0.1, rel=1e-5)
    assert steps["adam_l2"] == pytest.approx(-0.1, rel=1e-5)  # Adam forgets the scale
    assert steps["adamw"] == pytest.approx(-0.1 - 0.1 * 0.5 * 10, rel=1e-5)
    with pytest.raises(AbsorbError, match="must be one of adam, adam_l2, adamw, sgd"):
        make_optimizer("lion", 0.1, 0.0)
