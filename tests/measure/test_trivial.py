import jax
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.measure.trivial import trivial
from absorb.sites import classes
from absorb.worlds import load_world
from sweeps.app import compose


def constant(*words: str):
    config = compose(["world=pair", *words])
    spec, knobs = spec_of(config), knobs_of(config, classes(config.world))
    data = load_world(config.world)
    return jax.jit(trivial, static_argnums=0)(spec, knobs, data), data


def test_a_classifier_says_the_frequencies_of_each_tasks_classes():
    found, data = constant("model=mlp")
    for name, first in (("forget", 0), ("retain", 10)):
        train, test = (c[(c >= first) & (c < first + 10)] % 10
                       for c in (data.train.class_N, data.test.class_N))  # fmt: skip
        share_C = np.bincount(train, minlength=10) / len(train)
        assert found[name] == pytest.approx(-np.log(share_C[test]).mean(), rel=1e-5)
        assert found[name] == pytest.approx(np.log(5), rel=0.03)


def test_an_autoencoder_says_the_mean_picture_of_the_task():
    found, data = constant("model=autoencoder")
    train, test = (s.x_NF[s.class_N >= 10] for s in (data.train, data.test))
    wanted = ((test - train.mean(axis=0)) ** 2).mean()
    assert found["retain"] == pytest.approx(wanted, rel=1e-5)


def test_tokens_have_no_constant():
    with pytest.raises(AbsorbError, match="trivial"):
        compose(["world=stories", "model=transformer", "measure.treatments=[trivial]"])
