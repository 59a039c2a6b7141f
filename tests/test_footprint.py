"""What a run needs of memory: parameters by count, bytes by the compiler's own analysis."""

import math

import jax
import jax.numpy as jnp
import pytest

from absorb.config import spec_of
from absorb.footprint import (
    PROCESS_BYTES,
    batch_bytes,
    data_bytes,
    examples,
    lane_bytes,
    look_bytes,
    parameters,
    split_counts,
    step_bytes,
    widest,
)
from absorb.knobs import knobs_of, stack
from absorb.lanes.programs import programs
from absorb.models import init
from absorb.sites import classes
from absorb.worlds import load_world
from sweeps.app import compose

STORIES = ["world=stories", "model=transformer", "world.train_count=64",
           "world.validation_count=16", "world.test_count=16"]  # fmt: skip
DYNAMICS = "measure.treatments=[whole,dynamics]"
NETWORKS = {
    "mlp": [],
    "added": ["routing.placement=added"],
    "parallel": ["routing.placement=parallel"],
    "autoencoder": ["model=autoencoder"],
    "certificates": ["model=autoencoder", "model.certificates=true"],
    "paths": ["world=linear", "model=paths"],
    "toy": ["world=sparse", "model=toy"],
    "untied": ["world=sparse", "model=toy", "model.tied=false"],
    "transformer": STORIES,
    "adapters": [*STORIES, "model.adapters=[query,up,down]", "model.experts=2"],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_counted(name):
    spec = spec_of(compose(NETWORKS[name]))
    shape = jax.eval_shape(lambda: init(spec, jax.random.key(0)))
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shape))
    assert parameters(spec) == pytest.approx(count, rel=0.01)


def compiled_bytes(spec, config, program: str) -> float:
    """Bytes of each of two lanes by the compiler's analysis, less what they share."""
    made, data = programs(spec, 2, 1), load_world(config.world)
    knobs = stack([knobs_of(config, classes(config.world))] * 2)
    state = jax.eval_shape(made.start, knobs)
    held = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state)) / 2
    lowered = {
        "train": lambda: made.train.lower(knobs, data, state, jnp.int32(0), 1),
        "measure": lambda: made.measure.lower(knobs, data, state),
    }
    return held + lowered[program]().compile().memory_analysis().temp_size_in_bytes / 2


slow = pytest.mark.slow


@pytest.mark.parametrize(
    "words, program",
    [
        ([], "train"),
        (["model.widths=[512,512]", "train.batch=256"], "train"),
        ([], "measure"),
        (["world=sparse", "model=toy", "world.features=200", "model.hidden=20",
          "train.batch=1024"], "train"),
        (["world=sparse", "model=toy"], "measure"),
        pytest.param(["model=autoencoder"], "train", marks=slow),
        pytest.param(["model=autoencoder"], "measure", marks=slow),
        pytest.param(STORIES, "train", marks=slow),
        pytest.param([*STORIES, "model.width=128", "model.layers=4", "model.mlp=512"], "train",
                     marks=slow),
        pytest.param([*STORIES, "routing=parameter", "routing.granularity=component"], "train",
                     marks=slow),
        pytest.param([*STORIES, "measure=token_attacks"], "measure", marks=slow),
        pytest.param(["model.widths=[8]", "routing.sites=[hidden0]", DYNAMICS], "measure",
                     marks=slow),
        pytest.param(["model.widths=[25]", "routing.sites=[hidden0]", DYNAMICS], "measure",
                     marks=slow),
        pytest.param(["world=sparse", "model=toy", "routing.concept=[0]", DYNAMICS,
                      "routing=none"], "measure", marks=slow),
    ],
)  # fmt: skip
def test_bytes_are_right_within_a_factor_of_two(words, program):
    config = compose(["measure=quick", "routing.units=1", *words])
    spec = spec_of(config)
    guess = step_bytes(spec) if program == "train" else look_bytes(spec)
    assert 0.5 < guess / compiled_bytes(spec, config, program) < 2
    assert lane_bytes(spec) >= guess


@pytest.mark.parametrize(
    "words",
    [[], ["world.test=0.5"], ["world=linear", "model=paths"], ["world=sparse", "model=toy"],
     STORIES, ["world=pair", "world.a=[0,1,2]"], ["world=feature_pair", "model=autoencoder"]],
)  # fmt: skip
def test_splits_have_the_size_that_is_counted(words):
    config = compose([*words])
    sizes = [len(split.class_N) for split in load_world(config.world)]
    assert list(split_counts(spec_of(config))) == pytest.approx(sizes, rel=0.1)


def test_a_large_test_split_is_counted():
    words = ["world=feature_pair", "model=autoencoder", "measure=quick", "train.batch=8"]
    sizes = ["world.train_count=16", "world.validation_count=16", "world.test_count=20000"]
    config = compose([*words, *sizes])
    spec = spec_of(config)
    assert 0.5 < look_bytes(spec) / compiled_bytes(spec, config, "measure") < 2
    assert data_bytes(spec) >= load_world(config.world).test.x_NF.nbytes


@pytest.mark.parametrize("words", [STORIES, ["world=feature_pair", "model=autoencoder"]])
def test_data_are_counted_as_they_are_held_on_each_device_and_once_more(words):
    spec = spec_of(compose([*words]))
    held = 0
    for split in load_world(spec.world):
        held += split.x_NF.nbytes + sum(tag_NS.nbytes for tag_NS in split.tags or ())
    assert data_bytes(spec) == held
    assert batch_bytes(spec, 0, 2) == PROCESS_BYTES + 3 * held


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["model.widths=[256,256]"]])
def test_a_diary_is_counted(words):
    asked = ["measure=quick", "measure.treatments=[whole,mechanics]"]
    config = compose([*words, *asked])
    spec = spec_of(config)
    assert 0.5 < lane_bytes(spec) / compiled_bytes(spec, config, "train") < 2


def test_a_text_counts_as_its_file_and_as_a_guess_where_it_is_not_there(tmp_path):
    path = tmp_path / "some.txt"
    path.write_text("All the king's horses.\n" * 10000)
    words = ["world=text", "model=transformer", f"world.path={path}", "world.length=10"]
    spec = spec_of(compose([*words, "world.test=0.3", "world.validation=0.2"]))
    assert examples(spec) == 23 * 10000 // 2 // 10
    path.unlink()
    assert examples(spec) == 10**6 // 2 // 10


def test_the_widest_that_fits_fits_and_one_more_does_not():
    spec = spec_of(compose(["model.widths=[512,512]"]))
    for lanes in (1, 7, 100):
        memory = batch_bytes(spec, lanes, 3)
        assert widest(spec, 3, memory + 1) == lanes and widest(spec, 3, memory - 1) == lanes - 1
    assert widest(spec, 3, PROCESS_BYTES) == 0
