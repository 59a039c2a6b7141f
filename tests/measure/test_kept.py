import jax
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.measure.kept import KEPT, kept
from absorb.measure.network import measure_network
from absorb.models import init
from absorb.sites import classes
from absorb.worlds import load_world
from sweeps.app import compose


def made(*words: str):
    config = compose(["model.widths=[6,5]", "routing.units=2", *words])
    spec, knobs = spec_of(config), knobs_of(config, classes(config.world))
    return spec, knobs, load_world(config.world), init(spec, jax.random.key(0))


@pytest.mark.slow
def test_what_is_kept_says_what_the_scores_say():
    spec, knobs, data, params = made("measure.treatments=[whole,kept]")
    data = data._replace(test=data.test._replace(
        x_NF=data.test.x_NF[:KEPT], class_N=data.test.class_N[:KEPT]))  # fmt: skip
    found = jax.jit(measure_network, static_argnums=0)(spec, knobs, data, params)
    found = {name: np.asarray(value) for name, value in found.items()}
    forget_K = np.isin(data.test.class_N, [8, 9])
    for name, chosen_K in (("forget", forget_K), ("retain", ~forget_K)):
        assert found["kept.loss"][chosen_K].mean() == pytest.approx(
            found[f"whole.{name}"], rel=1e-5
        )
        right = found["kept.correct"][chosen_K].mean()
        assert right == pytest.approx(found[f"whole.{name}.accuracy"], abs=1e-6)
    np.testing.assert_allclose(found["kept.probability"].sum(1), 1, rtol=1e-5)
    assert found["kept.site.hidden0"].shape == (KEPT, 6)
    assert found["kept.site.hidden1"].shape == (KEPT, 5)


@pytest.mark.slow
def test_an_autoencoder_keeps_units_and_losses_and_no_probabilities():
    spec, knobs, data, params = made("model=autoencoder", "model.latent=4")
    found = kept(spec, knobs, params, data.test)
    assert set(found) == {"site.latent", "loss"} and found["site.latent"].shape == (KEPT, 4)


def test_tokens_are_refused():
    with pytest.raises(AbsorbError, match="kept"):
        compose(["world=stories", "model=transformer", "measure.treatments=[kept]"])
