"""How a sweep is run: settings that change no result and are no part of a run's identity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from absorb.errors import AbsorbError
from absorb.load import check_value, nearest
from absorb.settings import static


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


def load_launch(mapping: Mapping[str, Any]) -> Launch:
    """The launch settings in a config; AbsorbError naming key, value and bound."""
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
