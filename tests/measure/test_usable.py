"""The probe of the rest: equal to scikit-learn's, blind to the region, nothing on noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.measure.usable import RIDGE, information, probe, rest_units, usable
from absorb.models import init
from absorb.sites import classes
from absorb.worlds import load_world
from sweeps.app import compose

usable_of, information_of = jax.jit(usable, static_argnums=0), jax.jit(information)


def planted(told: float, count: int = 300, seed: int = 0):
    """Units of which the first shifts with the answer, and answers of a fifth of examples."""
    rng = np.random.default_rng(seed)
    answer_N = (rng.random(count) < 0.2).astype(np.float32)
    h_NU = rng.standard_normal((count, 8)).astype(np.float32)
    h_NU[:, 0] += told * answer_N
    return jnp.asarray((h_NU - h_NU.mean(0)) / h_NU.std(0)), jnp.asarray(answer_N)


def test_the_probe_is_ridge_logistic_regression():
    h_NU, answer_N = planted(2.0)
    fit_N = jnp.arange(300) % 5 != 2
    want = LogisticRegression(C=1 / (RIDGE * float(fit_N.sum())), tol=1e-8, max_iter=1000)
    want.fit(np.asarray(h_NU)[np.asarray(fit_N)], np.asarray(answer_N)[np.asarray(fit_N)])
    got_N = probe(h_NU, answer_N, fit_N.astype(jnp.float32))
    np.testing.assert_allclose(got_N, want.decision_function(np.asarray(h_NU)), atol=2e-3)


def test_information_grows_with_what_is_told_and_is_below_zero_on_noise():
    by_told = [
        np.mean([float(information_of(*planted(told, seed=s))) for s in range(10)])
        for told in (0.0, 1.0, 2.0, 4.0)
    ]
    assert by_told == sorted(by_told) and -0.05 < by_told[0] < 0
    entropy = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8))
    assert 0.3 < by_told[-1] < entropy


def made(*words: str):
    config = compose(["model.widths=[8]", "routing.sites=[hidden0]", "routing.units=3", *words])
    spec, knobs = spec_of(config), knobs_of(config, classes(config.world))
    return spec, knobs, load_world(config.world), init(spec, jax.random.key(0))


def test_the_regions_units_are_not_read():
    spec, knobs, data, params = made()
    before = usable_of(spec, knobs, data, params)
    kernel = params["chain"]["hidden0"]["kernel"]
    params["chain"]["hidden0"]["kernel"] = kernel.at[:, :3].mul(-7.0)
    after = usable_of(spec, knobs, data, params)
    assert float(after["information"]) == pytest.approx(float(before["information"]))
    params["chain"]["hidden0"]["kernel"] = kernel.at[:, 3:].set(0.0)
    silent = usable_of(spec, knobs, data, params)
    assert abs(float(silent["information"])) < 1e-3  # and the start does not hang on what it became
    assert float(silent["start"]) == float(before["start"])


@pytest.mark.parametrize(
    "words, width",
    [([], 8), (["routing.placement=added"], 11), (["routing.placement=parallel"], 8)],
)
def test_which_units_are_the_rests(words, width):
    spec, knobs, data, params = made(*words)
    h_NU = np.asarray(rest_units(spec, knobs, params, data.test))
    assert h_NU.shape == (len(data.test.x_NF), width)
    silent = (h_NU == 0).all(axis=0).sum()
    assert silent == (0 if "parallel" in str(words) else 3)
    spoken = h_NU[:, (h_NU != 0).any(axis=0)]
    np.testing.assert_allclose(spoken.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(spoken.std(0), 1, atol=1e-3)
