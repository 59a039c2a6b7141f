"""What a diary of a run, a probe of its rest and a nudge of its region need, before any work."""

from absorb.config import Autoencoder, Config, Mlp, Sparse, Train
from absorb.errors import AbsorbError
from absorb.sites import of_tokens
from absorb.token_rules import allowed

DIARY_NEEDS = {
    "routing.mechanism": ("none", "activation", "parameter"),
    "routing.granularity": ("example", "class", "batch"),
    "routing.cross": (True,),
    "gate.kind": ("none", "hard"),
    "train.optimizer": ("adam", "sgd"),
    "train.weight_decay": (0.0,),
    "train.l1_region": (0.0,),
    "train.l1_rest": (0.0,),
    "train.correlation": (0.0,),
    "rival.kind": ("none",),
}  # a step has to be a sum over kinds of data, and other units ablated as the region is


def check_mechanics(config: Config) -> None:
    """Raise AbsorbError where what is asked of a run's course cannot be answered for it."""
    asked, train = set(config.measure.treatments), config.train
    if (train.nudge is None) != (train.nudge_at is None):
        raise AbsorbError(
            f"train.nudge={train.nudge}, train.nudge_at={train.nudge_at}: "
            "say by how much and when, or neither"
        )
    if train.nudge_at is not None:
        _nudge(train)
    if "mechanics" in asked:
        _diary(config)
    if "usable" in asked and not isinstance(config.model, Mlp | Autoencoder):
        raise AbsorbError(
            f"measure.treatments: usable reads units of the rest; model {config.model.kind} "
            "has none that it knows, mlp and autoencoder have"
        )


def _nudge(train: Train) -> None:
    if train.epochs == 0:
        raise AbsorbError("train.epochs=0: train.nudge comes before an epoch and needs at least 1")
    if train.nudge_epoch >= train.epochs:
        raise AbsorbError(
            f"train.nudge_at={train.nudge_at:.9g}: comes after the last of train.epochs="
            f"{train.epochs} and would do nothing; must be below {1 - 0.5 / train.epochs:.9g}"
        )


def _diary(config: Config) -> None:
    who = "a step that is told apart by kinds of data (measure.treatments: mechanics)"
    if of_tokens(config.world) or isinstance(config.world, Sparse):
        raise AbsorbError(
            f"measure.treatments: mechanics needs stored examples that are one datum each; world "
            f"{config.world.kind} has none, but digits, pair, mnist and linear have"
        )
    allowed(config, who, DIARY_NEEDS)
    for name in ("certificates", "separate_decoders"):
        if getattr(config.model, name, False):
            raise AbsorbError(f"model.{name}=true: measure.treatments: mechanics allows false")
    if config.train.epochs == 0:
        raise AbsorbError("train.epochs=0: measure.treatments: mechanics needs at least 1")
