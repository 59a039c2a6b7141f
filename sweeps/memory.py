"""The bound on memory: how many lanes fit, and what is refused because two of them do not."""

from dataclasses import replace

from absorb.config import FeaturePair, Mnist, Spec, Text, Told
from absorb.devices import usable_cores
from absorb.errors import AbsorbError
from absorb.footprint import FEWEST_LANES, batch_bytes, widest
from sweeps.estimate import size_words
from sweeps.launch import Launch

FEWEST_EXAMPLES = 16  # as absorb.world_config has it


def widest_of(spec: Spec, launch: Launch) -> int:
    """Lanes on each device that fit into `launch.memory_gb`; may be none.

    Unless `launch.devices` says otherwise, there is a device for each CPU core.
    """
    assert launch.bound is not None
    return widest(spec, launch.devices or usable_cores(), launch.bound)


def check_memory(specs: list[Spec], launch: Launch) -> None:
    """Refuse what cannot fit: AbsorbError with what it needs and the largest value that would fit.

    That is `launch.lanes` where fewer lanes would do, else `train.batch`, else `world.length`, else
    `world.train_count`.
    """
    devices = launch.devices or usable_cores()
    for spec in specs:
        fits, asked = widest_of(spec, launch), launch.lanes or FEWEST_LANES
        if fits >= asked:
            continue
        need = size_words(batch_bytes(spec, asked, devices))
        refused = f"launch.memory_gb={launch.memory_gb:g}: {asked} lanes on each of {devices}"
        guessed = "" if launch.devices else " (one for each CPU core; launch.devices=N for others)"
        refused += f" devices{guessed} need about {need}"
        raise AbsorbError(f"{refused}; {remedy(spec, launch, fits)}")


def remedy(spec: Spec, launch: Launch, fits: int) -> str:
    """In words, the largest value of one setting with which a spec would fit."""
    if fits >= FEWEST_LANES:
        return f"launch.lanes={fits} would fit"
    batch = largest(spec.train.batch, lambda n: _with_batch(spec, n), launch)
    if batch:
        return f"train.batch={batch} would fit"
    if isinstance(spec.world, Told | Text):
        length = largest(spec.world.length, lambda n: _with_length(spec, n), launch)
        if length >= _least_length(spec.world):
            return f"no train.batch fits; world.length={length} would"
    if isinstance(spec.world, Told | Mnist | FeaturePair):
        count = largest(spec.world.train_count, lambda n: _with_examples(spec, n), launch)
        count -= count % 2  # as worlds of two tasks want it
        if count >= max(spec.train.batch, FEWEST_EXAMPLES):
            return f"no train.batch fits; world.train_count={count} would"
    return "no train.batch fits"


def largest(most: int, changed, launch: Launch) -> int:
    """The largest number below `most` whose spec fits with the fewest lanes, by bisection; or 0."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if widest_of(changed(middle), launch) >= FEWEST_LANES:
            low = middle
        else:
            high = middle
    return low


def _least_length(world: Told | Text) -> int:
    from absorb.worlds.stories import SHORTEST

    return SHORTEST if isinstance(world, Told) else 8  # as absorb.world_config has it


def _with_batch(spec: Spec, batch: int) -> Spec:
    return replace(spec, train=replace(spec.train, batch=batch))


def _with_examples(spec: Spec, count: int) -> Spec:
    return replace(spec, world=replace(spec.world, train_count=count))  # type: ignore[call-overload]


def _with_length(spec: Spec, length: int) -> Spec:
    return replace(spec, world=replace(spec.world, length=length))  # type: ignore[call-overload]
