"""What treatments need of world and model, before any work."""

from absorb.config import Config, Linear, Paths, Sparse
from absorb.errors import AbsorbError
from absorb.sites import of_tokens


def check_measures(config: Config) -> None:
    """Raise AbsorbError where a treatment asks what a world or a model cannot answer."""
    steps, asked = config.measure.attack_steps, set(config.measure.treatments)
    if steps % 4:
        raise AbsorbError(f"measure.attack_steps={steps}: must be a multiple of 4, its checkpoints")
    if "refit" in asked and not config.measure.refit_epochs:
        raise AbsorbError("measure.refit_epochs=0: measure.treatments has refit, so it needs 1")
    of_pictures = sorted(asked & {"trivial", "kept"})
    if of_pictures and (of_tokens(config.world) or isinstance(config.world, Sparse | Linear)):
        raise AbsorbError(
            f"measure.treatments: {of_pictures[0]} looks at single pictures; world "
            f"{config.world.kind} has none"
        )
    if "homes" in asked:
        _homes(config)
    attacked = asked & {"calibrated", "refit", "elicited"}
    decoded = attacked | asked & {"homes", "kept"}
    if decoded and getattr(config.model, "separate_decoders", False):
        raise AbsorbError(
            f"measure.treatments: {min(decoded)} does not know which of two decoders to use; "
            "model.separate_decoders=true allows whole, raw and mean"
        )
    if attacked and isinstance(config.model, Paths):
        raise AbsorbError(
            f"measure.treatments: {min(attacked)} needs retain data, and world linear has none; "
            "it allows whole, raw and mean"
        )


def _homes(config: Config) -> None:
    why = "measure.treatments: homes ablates the region or the rest of its sites; "
    if isinstance(config.world, Sparse | Linear):
        raise AbsorbError(f"{why}world {config.world.kind} has no classes to house")
    needs = {
        "routing.placement": (config.routing.placement, ("slice", "added")),
        "routing.cross": (config.routing.cross, (True,)),
        "gate.kind": (config.gate.kind, ("none", "hard")),
    }
    for name, (value, allowed_) in needs.items():
        if value not in allowed_:
            words = ", ".join(str(choice).lower() for choice in allowed_)
            raise AbsorbError(f"{why}{name}={value}: must be one of {words}")
