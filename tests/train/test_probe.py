"""The linear probe: equal to scikit-learn's discriminant; refitted as training goes on."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.measure.ablate import WHOLE, look
from absorb.models import init
from absorb.train.one import start, train_epochs
from absorb.train.probe import SHRINKAGE, activations, balanced, fitted, probed
from absorb.worlds import load_world, observe
from sweeps.app import compose

SMALL = ["world=stories", "model=transformer", "world.train_count=96", "train.batch=16",
         "world.validation_count=64", "world.test_count=64", "model.width=8", "model.heads=2",
         "model.mlp=8", "routing.units=3", "routing.granularity=token",
         "routing.degree=probe", "train.epochs=2"]  # fmt: skip


def made(*words: str):
    config = compose([*SMALL, *words])
    spec, knobs = spec_of(config), knobs_of(config, 6)
    return spec, knobs, load_world(config.world).train


@pytest.mark.parametrize("width", [4, 48])
def test_the_probe_is_fishers_discriminant(width):
    rng = np.random.default_rng(0)
    h_MTD = rng.normal(size=(70, 5, width)) @ rng.normal(size=(width, width))
    labelled_M = rng.random(70) < 0.4
    h_MTD[labelled_M] += np.resize([0.5, -1.0, 0.3, 0.0], width)
    table = jnp.asarray(h_MTD, jnp.float32)
    stories = jnp.arange(70)[:, None]  # each story says its own number
    got = fitted(lambda x_BS: table[x_BS[:, 0]], stories, jnp.asarray(labelled_M))
    want = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
    want.fit(h_MTD.reshape(-1, width), np.repeat(labelled_M, 5))
    np.testing.assert_allclose(got.w_D, want.coef_[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(got.b, want.intercept_[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "epochs, near", [(21, "20"), (23, "22"), (97, "96"), (101, "100"), (1009, "1008")]
)
def test_epochs_without_about_ten_equal_parts_are_refused(epochs, near):
    with pytest.raises(AbsorbError, match=rf"train.epochs={epochs}: .* epochs .* is {near}$"):
        compose([*SMALL, f"train.epochs={epochs}"])
    compose([*SMALL, f"train.epochs={epochs}", "routing.degree=tags"])
    compose([*SMALL, f"train.epochs={near}"])


def test_a_sample_has_labelled_stories_up_to_half_of_it():
    labelled_N = jnp.array([0, 1, 1, 0, 1, 1, 1, 0, 0, 1], bool)
    np.testing.assert_array_equal(balanced(labelled_N, 4), [1, 2, 0, 3])
    np.testing.assert_array_equal(balanced(labelled_N, 10)[-1:], [9])
    few_N = jnp.array([0, 0, 1, 0, 0, 0], bool)
    np.testing.assert_array_equal(balanced(few_N, 4), [2, 0, 1, 3])


@pytest.mark.slow
def test_activations_are_of_each_position_and_carry_no_gradient():
    spec, knobs, train = made()
    params = jax.jit(partial(init, spec))(jax.random.key(0))
    x_BS = jnp.asarray(train.x_NF[:3])
    h_BTD = activations(spec, knobs, params, x_BS)
    assert h_BTD.shape == (3, train.x_NF.shape[1] - 1, 8)
    slope = jax.grad(lambda p: activations(spec, knobs, p, x_BS).sum())(params)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(slope))


@pytest.mark.slow
def test_a_probe_reads_the_network_through_its_learned_gate():
    spec, knobs, train = made("gate=learned")
    params = jax.jit(partial(init, spec))(jax.random.key(0))
    x_BS = jnp.asarray(train.x_NF[:3])
    own_ND = look(spec, knobs, params, x_BS, WHOLE).sites["residual0"]
    h_BTD = activations(spec, knobs, params, x_BS)
    np.testing.assert_allclose(h_BTD.reshape(own_ND.shape), own_ND, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("p, some", [(0.0, False), (1.0, True)])
def test_degrees_are_probabilities_and_zero_where_nothing_is_labelled(p, some):
    spec, knobs, train = made(f"routing.label_fraction={p}")
    params = jax.jit(partial(init, spec))(jax.random.key(0))
    of_story = probed(spec, knobs, params, train, observe(spec, knobs, train))
    q_BS = np.asarray(of_story(jnp.arange(8)))
    assert q_BS.shape == train.x_NF[:8].shape
    assert (q_BS >= 0).all() and (q_BS <= 1).all() and q_BS.any() == some


@pytest.mark.slow
def test_a_network_trains_by_its_own_probe():
    """What is routed away from the rest by a probe differs from what tags route away."""
    ends = []
    for words in ([], ["routing.degree=tags"]):
        spec, knobs, train = made("routing=parameter", *words)
        state = train_epochs(spec, knobs, train, start(spec, knobs), 0, 2)
        assert np.isfinite(state.loss)
        ends.append(np.concatenate([np.ravel(x) for x in jax.tree.leaves(state.params)]))
    assert np.abs(ends[0] - ends[1]).max() > 1e-5
