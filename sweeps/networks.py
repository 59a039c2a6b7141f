"""Trained networks whose parameters a store keeps: asked something else, they train no more.

A run that differs from a stored one in `measure` alone has the same training. So attacks, or
whatever else is expensive to ask, can be a sweep of its own over networks that were kept by
`measure.parameters=true`, with the same words and another `measure`.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from absorb.config import Config
from absorb.identity import training_id
from sweeps.stored import own_config

OF_TRAINING = {"mechanics"}  # treatments that ask what only training itself can tell
LOSS = "final.loss"


class Network(NamedTuple):
    """The run that keeps a network, its last training loss if it had any, and the code it is by."""

    run_id: str
    loss: float | None
    code: str | None


class Networks:
    """The networks that the store at `path` keeps, which may not be there; read when asked for."""

    def __init__(self, path: str | None) -> None:
        self.path = path

    def of(self, config: Config) -> Network | None:
        """The trained network of this config, or None where it has to be trained."""
        if not self.by_training or OF_TRAINING & set(config.measure.treatments):
            return None
        return self.by_training.get(training_id(config))

    @cached_property
    def by_training(self) -> Mapping[str, Network]:
        """Every network that ended well, by the id of its training."""
        from absorb.store import Store, is_there

        if self.path is None or not is_there(self.path):
            return {}
        store = Store(self.path, create=False)
        kept = store.arrays_kept()
        if not kept:
            return {}
        rows = store.table(where={"status": "ok", "measure.parameters": True}).to_pylist()
        found = {row["run_id"]: (row, own_config(row)) for row in rows if row["run_id"] in kept}
        return {
            training_id(config): Network(name, row.get(LOSS), row["code"])
            for name, (row, config) in found.items()
            if config is not None
        }


NONE = Networks(None)
