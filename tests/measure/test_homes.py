import jax
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.measure.homes import BLOCKS, homes
from absorb.measure.network import measure_network
from absorb.models import init
from absorb.sites import classes
from absorb.stats.localisation import localisation
from absorb.worlds import load_world
from sweeps.app import compose

NOTHING, REGION, REST, BOTH = range(4)


def made(*words: str):
    config = compose(["model.widths=[6,5]", "routing.units=2", *words])
    spec, knobs = spec_of(config), knobs_of(config, classes(config.world))
    return spec, knobs, load_world(config.world), init(spec, jax.random.key(0))


def by_class(loss_CB, class_N):
    """Block means back to means over a class."""
    block_N = np.arange(len(class_N)) % BLOCKS
    count_CB = [[(class_N[block_N == b] == c).sum() for b in range(BLOCKS)] for c in range(10)]
    return np.average(loss_CB, axis=1, weights=count_CB)


@pytest.mark.slow
def test_the_region_ablated_is_what_raw_ablation_says():
    for concept in (3, 8):
        spec, knobs, data, params = made(
            f"routing.concept=[{concept}]", "measure.treatments=[whole,raw,homes]"
        )
        found = jax.jit(measure_network, static_argnums=0)(spec, knobs, data, params)
        loss_PCB = np.asarray(found["homes.loss"])
        for row, treatment in ((NOTHING, "whole"), (REGION, "raw")):
            mean = by_class(loss_PCB[row], data.test.class_N)[concept]
            assert mean == pytest.approx(float(found[f"{treatment}.forget"]), rel=1e-5)


def test_a_class_that_only_one_part_knows_lives_there():
    spec, knobs, data, params = made("model.widths=[6]", "routing.sites=[hidden0]")
    chain = params["chain"]
    w_UO = np.zeros_like(chain["out"]["kernel"])
    w_UO[0, 4], w_UO[5, 7] = 30.0, 30.0  # unit 0 is in the region, unit 5 is not
    w_FU = np.zeros_like(chain["hidden0"]["kernel"])
    for unit, of in ((0, 4), (5, 7)):
        mean_F = data.train.x_NF[data.train.class_N == of].mean(0)
        other_F = data.train.x_NF[data.train.class_N != of].mean(0)
        w_FU[:, unit] = mean_F - other_F
    params = {"chain": {
        "hidden0": {"kernel": w_FU, "bias": 0 * chain["hidden0"]["bias"]},
        "out": {"kernel": w_UO, "bias": 0 * chain["out"]["bias"]},
    }}  # fmt: skip
    loss_PCB = np.asarray(homes(spec, knobs, params, data.test)["loss"])
    found = localisation(loss_PCB)
    assert found.home_C[4] == 0 and found.home_C[7] == 1
    np.testing.assert_allclose(loss_PCB[BOTH], np.log(10), rtol=1e-5)


@pytest.mark.slow
def test_concepts_of_stories_cost_what_their_levels_say():
    small = ["world.train_count=64", "world.test_count=48", "world.validation_count=16"]
    spec, knobs, data, params = made_of_stories(*small)
    found = jax.jit(measure_network, static_argnums=0)(spec, knobs, data, params)
    tokens_NT = np.asarray(data.test.tags[0])[:, 1:].astype(int)
    block_N = np.arange(len(tokens_NT)) % BLOCKS
    for row, treatment in ((NOTHING, "whole"), (REGION, "raw")):
        for c, said in enumerate(np.asarray(found[f"{treatment}.concepts"])):
            count_B = [((tokens_NT[block_N == b] >> c) & 1).sum() for b in range(BLOCKS)]
            loss_B, known_B = np.asarray(found["homes.loss"])[row, c], np.array(count_B) > 0
            mean = np.average(loss_B[known_B], weights=np.array(count_B)[known_B])
            assert mean == pytest.approx(float(said), rel=1e-4)


def made_of_stories(*words: str):
    config = compose([
        "world=stories", "model=transformer", "model.width=8", "model.heads=2", "model.mlp=8",
        "routing.units=4", "measure.treatments=[whole,raw,homes]", *words,
    ])  # fmt: skip
    spec, knobs = spec_of(config), knobs_of(config, classes(config.world))
    return spec, knobs, load_world(config.world), init(spec, jax.random.key(0))


@pytest.mark.parametrize("words", [["routing.placement=parallel"], ["routing.cross=false"],
                                   ["gate=learned"], ["world=linear", "model=paths"]])  # fmt: skip
def test_where_the_rest_is_no_region_homes_are_refused(words):
    with pytest.raises(AbsorbError, match="homes"):
        compose(["measure.treatments=[homes]", *words])
