"""Configs read back from the rows of a store."""

from collections.abc import Iterator, Mapping

from absorb.config import Config, Spec, spec_of
from absorb.identity import Scalar, unflat
from absorb.load import load
from sweeps.points import Point


class StoredPoints:
    """Points whose configs are all held; for the few runs that failed."""

    def __init__(self, configs: Mapping[str, Config]) -> None:
        specs = {run_id: spec_of(config) for run_id, config in configs.items()}
        self.specs: list[Spec] = list(dict.fromkeys(specs.values()))
        self.points = [
            Point(run_id, config, self.specs.index(specs[run_id]))
            for run_id, config in configs.items()
        ]

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[Point]:
        return iter(self.points)


def config_of(row: Mapping[str, Scalar]) -> Config:
    """The config in a row of a store."""
    return load(unflat(row))


def stored_points(path: str, run_ids: set[str]) -> StoredPoints:
    """The runs with these ids in the store at `path`, in the order of their ids."""
    from absorb.store import Store

    store = Store(path, create=False) if run_ids else None
    rows = {run_id: store.row(run_id) for run_id in sorted(run_ids)} if store else {}
    return StoredPoints({run_id: config_of(row) for run_id, row in rows.items()})
