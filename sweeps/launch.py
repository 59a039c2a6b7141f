"""How a sweep is run: settings that change no result and are no part of a run's identity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from absorb.config import static
from absorb.errors import AbsorbError
from absorb.load import check_value, nearest


@dataclass(frozen=True)
class Launch:
    """`lanes` and `devices` are chosen by the machine where null; `batch` runs make one shard."""

    lanes: int | None = static(2, 65536, optional=True)
    devices: int | None = static(1, 1024, optional=True)
    batch: int = static(1, 65536)
    yes: bool = static()


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
