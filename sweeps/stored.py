"""Configs read back from the rows of a store."""

from collections.abc import Iterator, Mapping
from typing import Any

from absorb.config import Config, Spec, spec_of
from absorb.errors import AbsorbError
from absorb.identity import Scalar, run_id, unflat
from absorb.load import load
from sweeps.points import PARTS, Point


class StoredPoints:
    """Points whose configs are all held; for the few runs that failed.

    `others` is the number of runs left out, since they were made under other settings.
    """

    def __init__(self, configs: Mapping[str, Config], others: int = 0) -> None:
        self.others = others
        specs = {name: spec_of(config) for name, config in configs.items()}
        self.specs: list[Spec] = list(dict.fromkeys(specs.values()))
        self.points = [
            Point(name, config, self.specs.index(specs[name])) for name, config in configs.items()
        ]

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[Point]:
        return iter(self.points)


def is_setting(name: str) -> bool:
    """Whether a column holds a setting."""
    return name == "seed" or ("." in name and name.split(".")[0] in PARTS)


def settings_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run as they are stored, section by section, whatever today's are."""
    found = {name: value for name, value in row.items() if is_setting(name) and value is not None}
    return dict(sorted(found.items(), key=lambda item: PARTS.index(item[0].split(".")[0])))


def config_of(row: Mapping[str, Scalar]) -> Config:
    """The config in a row of a store."""
    return load(unflat(row))


def own_config(row: Mapping[str, Scalar]) -> Config | None:
    """The config whose run a row is, or None where it was made under other settings than today's.

    Trained or measured again, the run of such a row would be another.
    """
    try:
        config = config_of(row)
    except AbsorbError:
        return None
    return config if run_id(config) == row["run_id"] else None


def failed_points(path: str) -> StoredPoints:
    """What failed in the store at `path`, which may not be there, in the order of the ids."""
    from absorb.store import Store, is_there

    if not is_there(path):
        return StoredPoints({})
    rows = Store(path, create=False).table(where={"status": "failed"}).to_pylist()
    configs = {row["run_id"]: own_config(row) for row in rows}
    own = {name: config for name, config in configs.items() if config is not None}
    return StoredPoints(own, others=len(configs) - len(own))
