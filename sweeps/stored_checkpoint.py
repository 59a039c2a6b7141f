"""The engine's checkpoint of a batch, kept in the store until the batch is over."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from absorb.errors import AbsorbError
from sweeps.points import Point
from sweeps.provenance import code_version, versions

if TYPE_CHECKING:
    import numpy as np


class StoreLike(Protocol):
    """What an executor needs of `absorb.store.Store`."""

    root: Path

    def write(self, rows: Any, provenance: Any, arrays: Any = None) -> str: ...
    def row(self, run_prefix: str) -> Any: ...
    def arrays(self, run_id: str) -> Any: ...
    def arrays_of(self, run_ids: Sequence[str]) -> Any: ...
    def save_checkpoint(self, name: str, arrays: Any, meta: Any) -> None: ...
    def load_checkpoint(self, name: str) -> Any: ...
    def drop_checkpoint(self, name: str) -> None: ...


class StoreFailed(AbsorbError):
    """The store cannot be written: the sweep ends, since no run is to blame."""


class StoredCheckpoint:
    """The engine's checkpoint of one batch, named by its runs, code and libraries."""

    def __init__(self, store: StoreLike, points: Sequence[Point]) -> None:
        digest = hashlib.sha256("\n".join(point.run_id for point in points).encode())
        digest.update(json.dumps([code_version(), versions()], sort_keys=True).encode())
        self.store, self.name = store, f"batch-{digest.hexdigest()[:40]}"
        self.runs = {"run_ids": [point.run_id for point in points]}

    def save(self, arrays: "dict[str, np.ndarray]", meta: dict[str, Any]) -> None:
        """Replace what is kept; whose it is stands with it, so that doctor knows its end."""
        try:
            self.store.save_checkpoint(self.name, arrays, meta | self.runs)
        except AbsorbError as error:
            raise StoreFailed(str(error)) from error

    def load(self) -> "tuple[dict[str, np.ndarray], dict[str, Any]] | None":
        """What is kept, or None."""
        try:
            return self.store.load_checkpoint(self.name)
        except AbsorbError as error:
            raise StoreFailed(str(error)) from error

    def drop(self) -> None:
        """Nothing yet: the rows are not in the store when the engine calls this."""

    def drop_for_good(self) -> None:
        """Remove what is kept: the rows are safe, or the batch is not tried again."""
        self.store.drop_checkpoint(self.name)
