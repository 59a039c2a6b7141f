"""How the runs of a store stand, look after look, for what reading new shards takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from absorb.store.names import STATUSES
from absorb.store.shard import manifests_of, shard_names


class Followed:
    """Statuses of runs in a store that others write into too; each manifest is read once.

    A manifest never changes, so names alone tell which shards are new and which are gone. One that
    is damaged after it was read counts until it is set aside. Runs among `ignored` are not held.
    """

    def __init__(self, root: Path, ignored: Collection[str] = ()) -> None:
        self.root, self.ignored = root, ignored
        self.shards: dict[str, Mapping[str, list[str]]] = {}  # ids of their runs by status
        self.rows: dict[str, Counter[str]] = {status: Counter() for status in STATUSES}

    def look(self) -> None:
        """Take note of what came and went; what is damaged is named in a StoreWarning."""
        names = set(shard_names(self.root))
        for name in self.shards.keys() - names:
            self._count(self.shards.pop(name), -1)
        for manifest in manifests_of(self.root, sorted(names - self.shards.keys())):
            runs = {
                status: [run_id for run_id in run_ids if run_id not in self.ignored]
                for status, run_ids in manifest.runs.items()
            }
            self.shards[manifest.name] = runs
            self._count(runs, 1)

    def _count(self, runs: Mapping[str, list[str]], by: int) -> None:
        for status, run_ids in runs.items():
            rows = self.rows[status]
            for run_id in run_ids:
                rows[run_id] += by
                if not rows[run_id]:
                    del rows[run_id]

    def status(self, run_id: str) -> str | None:
        """How a run's counting row ended at the last look; None where it had none."""
        return next((status for status in STATUSES if run_id in self.rows[status]), None)
