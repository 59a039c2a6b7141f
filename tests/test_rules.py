"""Settings that contradict each other are refused before any work, with both named."""

import pytest

from absorb.config import TREATMENTS
from absorb.errors import AbsorbError
from absorb.identity import flat
from sweeps.app import compose

TWO_DECODERS = ["model=autoencoder", "model.separate_decoders=true", "measure=quick"]


@pytest.mark.parametrize(
    "overrides, words",
    [
        (["world.validation=0.4", "world.test=0.5"], ["world.validation + world.test = 0.9"]),
        (["world=linear"], ["model.kind='mlp'", "paths"]),
        (["model=paths"], ["model.kind='paths'", "mlp or autoencoder"]),
        (["world=linear", "model=paths", "routing.placement=slice"], ["needs parallel"]),
        (["routing.sites=[hidden2]"], ["routing.sites", "hidden2", "hidden0, hidden1"]),
        (["routing.sites=[hidden0,hidden0]"], ["names a site twice"]),
        (["routing.units=96"], ["routing.units=96", "hidden0", "96 units"]),
        (["routing.weights.forget=[1,-0.5]"], ["routing.weights.forget", "allow_negative=true"]),
        (["routing.mechanism=update"], ["routing.granularity", "needs batch"]),
        (["routing.concept=[10]"], ["routing.concept", "[0, 9]"]),
        (["routing.concept=[0,1,2,3,4,5,6,7,8,9]"], ["names every class"]),
        (["model=autoencoder", "model.certificates=true", "routing.sites=[encode0]"],
         ["model.certificates=true", "routing.sites=[latent]"]),
        (["measure.attack_steps=101"], ["attack_steps=101", "multiple of 4"]),
        (["model=autoencoder", "model.separate_decoders=true"], ["two decoders", "raw"]),
        (["world=linear", "model=paths", "measure.treatments=[refit]"], ["needs retain data"]),
        (["world=linear", "model=paths", "measure=quick", "model.depth=2"], ["model.strength=0"]),
        (["train.nudge=0.2"], ["train.nudge=0.2", "train.nudge_at=None", "or neither"]),
        (["train.nudge=0.2", "train.nudge_at=1"],
         ["train.nudge_at=1:", "train.epochs=100", "below 0.995"]),
        (["train.nudge=0.2", "train.nudge_at=0.995"], ["train.nudge_at=0.995", "below 0.995"]),
        (["train.nudge=0.2", "train.nudge_at=0", "train.epochs=0"], ["train.epochs=0", "nudge"]),
        (["measure.treatments=[mechanics]", "train=adamw"],
         ["train.optimizer='adamw'", "adam, sgd"]),
        (["measure.treatments=[mechanics]", "train.l1_rest=1"], ["train.l1_rest=1.0", "0.0"]),
        (["measure.treatments=[mechanics]", "train.epochs=0"], ["train.epochs=0", "at least 1"]),
        (["measure.treatments=[mechanics]", "world=stories", "model=transformer"],
         ["world stories", "digits"]),
        (["world=linear", "model=paths", "measure.treatments=[usable]"], ["model paths", "mlp"]),
        (["world=linear", "model=paths", "measure.treatments=[whole,kept]"], ["kept", "linear"]),
        (["measure.treatments=[mechanics]", "routing.cross=false"], ["routing.cross=False"]),
        (["measure.treatments=[mechanics]", "gate=learned"], ["gate.kind='learned'", "none, hard"]),
        (["routing.granularity=class", "routing.covariate=ink"],
         ["routing.covariate='ink'", "granularity=class"]),
        (["routing.false_negative=1"], ["routing.false_negative=1", "below 1"]),
        ([*TWO_DECODERS, "routing.arm=std"], ["routing.arm='std'", "separate_decoders=true"]),
        ([*TWO_DECODERS, "routing.arm=filter"], ["routing.arm='filter'"]),
        ([*TWO_DECODERS, "routing.arm=placebo"], ["routing.arm='placebo'"]),
        ([*TWO_DECODERS, "routing=none", "routing.arm=rival", "rival=ascent"],
         ["routing.arm='rival'", "separate_decoders=true"]),
        ([*TWO_DECODERS, "routing.label_fraction=0"], ["routing.label_fraction=0:", "above 0"]),
        (["routing.placement=parallel", "train.l1_rest=0.1"], ["train.l1_rest=0.1", "must be 0"]),
        (["routing.placement=parallel", "train.correlation=0.1"], ["train.correlation=0.1"]),
        (["routing=none", "routing.units=97"], ["routing.units=97", "at most", "96 units"]),
    ],
)  # fmt: skip
def test_refused(overrides, words):
    with pytest.raises(AbsorbError) as error:
        compose(overrides)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["routing.units=95"],
        ["routing=none", "routing.units=96"],
        [*TWO_DECODERS, "routing.arm=capacity", "routing.label_fraction=0.01"],
        ["routing.placement=parallel", "train.l1_region=0.1"],
        ["routing.false_negative=1.0", "routing.label_fraction=0.0"],
        ["routing.units=200", "routing.placement=added"],
        ["routing.weights.forget=[1,-0.5]", "routing.allow_negative=true"],
        ["routing=update"],
        ["train.nudge=0.2", "train.nudge_at=0.994"],
        ["world=linear", "model=paths", "measure=quick"],
        ["model=autoencoder", "model.certificates=true"],
    ],
)
def test_allowed_at_the_edge(overrides):
    settings = flat(compose(overrides))
    plain = [o.split("=") for o in overrides if "." in o and "[" not in o]
    assert all(str(settings[name]).lower() == value for name, value in plain)


def test_every_treatment_may_be_asked_for_at_once():
    small = ["model.widths=[2]", "routing.sites=[hidden0]", "routing.units=1"]  # for fixed_points
    asked = compose(
        [*small, "measure.fixed_starts=2", f"measure.treatments=[{','.join(TREATMENTS)}]"]
    )
    assert asked.measure.treatments == TREATMENTS
