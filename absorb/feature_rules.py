"""What two tasks among sparse features may not be."""

from absorb.config import Config, FeaturePair
from absorb.errors import AbsorbError


def check_features(config: Config) -> None:
    """Refuse tasks of unequal size, features that are not there, and directions without room."""
    world = config.world
    if not isinstance(world, FeaturePair):
        return
    for name in ("train_count", "validation_count", "test_count"):
        count = getattr(world, name)
        if count % 2:
            raise AbsorbError(f"world.{name}={count}: must be even, half for each task")
    if world.directions != "random" and world.features > world.inputs:
        raise AbsorbError(
            f"world.features={world.features}: must be at most world.inputs={world.inputs} unless "
            "world.directions=random"
        )
    for name in ("a", "b"):
        _check_task(world, name)


def _check_task(world: FeaturePair, name: str) -> None:
    task, view = getattr(world, name), getattr(world, f"{name}_view")
    if max(task) >= world.features:
        raise AbsorbError(f"world.{name}: {max(task)} must lie in [0, {world.features - 1}]")
    if len(set(task)) < len(task):
        raise AbsorbError(f"world.{name}={list(task)!r}: names a feature twice")
    if view == "rotated" and len(task) < 2:
        raise AbsorbError(
            f"world.{name}={list(task)!r}: world.{name}_view=rotated needs 2 features or more"
        )
