"""How a sweep is run: settings that change no result and are no part of a run's identity."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from absorb.errors import AbsorbError
from absorb.load import check_value, nearest
from absorb.settings import static

BOUNDS = ("batch", "memory_gb")


@dataclass(frozen=True)
class Launch:
    """`lanes` and `devices` are chosen by the machine where null; `batch` runs make one shard.

    memory_gb: what all devices together may hold, in 10^9 bytes; null sets no bound.
    """

    lanes: int | None = static(2, 65536, optional=True)
    devices: int | None = static(1, 1024, optional=True)
    batch: int = static(1, 65536)
    yes: bool = static()
    memory_gb: float | None = static(0.1, 1e6, optional=True)

    @property
    def bound(self) -> float | None:
        """The bound in bytes."""
        return None if self.memory_gb is None else self.memory_gb * 1e9


def load_launch(mapping: Any) -> Launch:
    """The launch settings in a config; AbsorbError naming key, value and bound."""
    if not isinstance(mapping, Mapping):
        raise AbsorbError(f"launch={mapping!r}: must be a group of settings")
    known = Launch.__dataclass_fields__
    for key in mapping:
        if key not in known:
            raise AbsorbError(f"launch.{key}: no such setting{nearest(key, known)}")
    for key in known:
        if key not in mapping:
            raise AbsorbError(f"launch.{key}: missing")
    hints = get_type_hints(Launch)
    values = {k: check_value(f"launch.{k}", mapping[k], hints[k], known[k].metadata) for k in known}
    return Launch(**values)


def one_launch(launches: Sequence[Launch]) -> Launch:
    """The launch settings of a sweep whose sub-sweeps ask for these; of bounds, the lowest.

    Who keeps the lowest bound keeps them all. Errors: AbsorbError where no value would please all.
    """
    asked = list(dict.fromkeys(launches))
    values = {f.name: [getattr(each, f.name) for each in asked] for f in fields(Launch)}
    for name in BOUNDS:
        values[name] = [min((v for v in values[name] if v is not None), default=None)]
    return Launch(**{name: one_of(f"launch.{name}", found) for name, found in values.items()})


def one_of(key: str, values: Sequence[Any]) -> Any:
    """The value of a setting that is one for a whole sweep; AbsorbError where there are several."""
    found = list(dict.fromkeys(values))
    if len(found) > 1:
        said = " and ".join(v if isinstance(v, str) else json.dumps(v) for v in found)
        raise AbsorbError(f"{key}: is one for the whole sweep, whose parts say {said}; give one")
    return found[0]
