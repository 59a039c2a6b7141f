"""A store of results: a directory of immutable shards that survives whatever kills its writers."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absorb.errors import AbsorbError
from absorb.store import checkpoint, doctor, query, shard
from absorb.store.atomic import DamageError
from absorb.store.checkpoint import Checkpoint
from absorb.store.doctor import HOUR_S, Report
from absorb.store.manifest import Manifest
from absorb.store.names import (
    RANKS,
    SHARDS,
    STATUSES,
    check_run_id,
    check_run_prefix,
    check_shard,
    inside,
)
from absorb.store.rows import ADDED_COLUMNS, Scalar, column_order

if TYPE_CHECKING:
    import numpy as np
    import pyarrow


def is_there(root: str | os.PathLike[str]) -> bool:
    """Whether there is anything at `root`; AbsorbError where the system would not say."""
    try:
        return Path(root).exists()
    except OSError as error:
        raise AbsorbError(f"store={os.fspath(root)}: {error.strerror}") from error


class Store:
    """Results under one directory; any number of processes may read and write it at once.

    Holds no open file and no cache of the truth, so an instance never goes out of date.
    """

    def __init__(self, root: str | os.PathLike[str], *, create: bool = True) -> None:
        """Open the store at `root`; a missing one is created, or with `create=False` an error."""
        self.root = Path(os.path.realpath(root))
        if not is_there(root) and create:
            self._create(root)
        if not self.root.is_dir():
            raise AbsorbError(f"store={os.fspath(root)}: no such directory")
        self._arrays_checked: set[str] = set()

    def _create(self, asked: str | os.PathLike[str]) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AbsorbError(f"store={os.fspath(asked)}: {error.strerror}") from error

    def write(
        self,
        rows: Sequence[Mapping[str, Any]],
        provenance: Mapping[str, Any],
        arrays: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    ) -> str:
        """Write one immutable shard and return its name; writing the same again is harmless.

        Each row has `run_id` (64 hexadecimal digits) and `status` (ok, diverged, failed); other
        columns are text, whole numbers, floats (NaN allowed), truth values or None. `provenance`
        is JSON; its entry `code` shows in tables. `arrays` maps run ids to named arrays.
        Raises AbsorbError for values that do not fit, and naming the path when writing fails.
        """
        return shard.write_shard(self.root, rows, provenance, arrays)

    def run_ids(self, *, status: Collection[str] | None = None) -> set[str]:
        """Ids of the runs that are there, or of those whose counting row has one of `status`.

        Reads manifests alone. A shard whose files are missing or of the wrong size does not count
        and is named in a StoreWarning. Raises NewerSchemaError (an AbsorbError).
        """
        manifests = shard.manifests_of(self.root)
        if status is None:
            return {run_id for manifest in manifests for run_id, _ in manifest.statuses()}
        unknown = set(status) - set(STATUSES)
        if unknown:
            raise AbsorbError(f"status {min(unknown)!r} is not one of {STATUSES}")
        chosen = query.choose(manifests)
        return {run_id for run_id, choice in chosen.items() if choice.status in status}

    def table(
        self,
        columns: Sequence[str] | None = None,
        where: Mapping[str, Scalar] | None = None,
    ) -> pyarrow.Table:
        """Every run exactly once, ordered by run id, as one table.

        Columns: run_id, status, then `columns` (default: all, by name; null where a shard lacks
        one), then shard and code. An ok row wins over a diverged one and that over a failed one,
        then the first shard by name; whole numbers and floats unite to floats, other mixtures to
        text. `where` keeps rows equal to its values (None: null; NaN: not a number). Damaged
        shards are left out with a StoreWarning.
        Raises AbsorbError for a column that no run has.
        """
        return query.united_table(self.root, columns, where)

    def row(self, run_prefix: str) -> dict[str, Scalar]:
        """The counting row of one run, with shard and code, by a unique beginning of its id.

        Raises AbsorbError if no run or more than one begins so.
        """
        prefix = check_run_prefix(run_prefix)
        holders = self._holders(prefix)
        found = sorted({run_id for _, run_id, _ in holders})
        if len(found) > 1:
            some = ", ".join(run_id[: len(prefix) + 8] for run_id in found[:8])
            raise AbsorbError(f"{len(found)} runs begin with {prefix}: {some}")
        for _, run_id, manifest in holders:
            try:
                return self._row_of(manifest, run_id)
            except DamageError as damage:
                shard.warn_of(self.root, manifest.name, damage)
        raise AbsorbError(f"no run in {self.root} begins with {prefix}")

    def _holders(self, prefix: str) -> list[tuple[int, str, Manifest]]:
        """Shards that hold a run beginning with `prefix`, the one that counts first."""
        holders = [
            (RANKS[status], run_id, manifest)
            for manifest in shard.manifests_of(self.root)
            for run_id, status in manifest.statuses()
            if run_id.startswith(prefix)
        ]
        return sorted(holders, key=lambda holder: holder[0])

    def _row_of(self, manifest: Manifest, run_id: str) -> dict[str, Scalar]:
        table = shard.read_table(self.root, manifest)
        index = table["run_id"].to_pylist().index(run_id)
        row = table.slice(index, 1).to_pylist()[0]
        row |= dict(zip(ADDED_COLUMNS, (manifest.name, manifest.code), strict=True))
        return {name: row[name] for name in column_order(row)}

    def arrays(self, run_id: str) -> dict[str, np.ndarray]:
        """Arrays kept for a run, by name; raises AbsorbError if there are none."""
        return self.arrays_of([run_id])[run_id]

    def arrays_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
        """Arrays kept for each of some runs, by name; raises AbsorbError if one has none."""
        wanted = {check_run_id(run_id) for run_id in run_ids}
        found: dict[str, dict[str, np.ndarray]] = {}
        held = [
            (RANKS[status], manifest.name, run_id, manifest)
            for manifest in shard.manifests_of(self.root)
            for run_id, status in manifest.statuses()
            if run_id in wanted and manifest.arrays is not None
        ]
        for _, _, run_id, manifest in sorted(held, key=lambda each: each[:3]):  # as rows count
            if run_id in found:
                continue
            try:
                arrays = self._arrays_of(manifest, run_id)
            except DamageError as damage:
                shard.warn_of(self.root, manifest.name, damage)
                continue
            found |= {run_id: arrays} if arrays else {}
        if missing := wanted - set(found):
            raise AbsorbError(f"no arrays were kept for run {min(missing)} in {self.root}")
        return found

    def arrays_kept(self) -> set[str]:
        """Ids of the runs in shards that keep arrays, though not each of them needs to have some.

        Reads manifests alone.
        """
        keeping = [m for m in shard.manifests_of(self.root) if m.arrays is not None]
        return {run_id for manifest in keeping for run_id, _ in manifest.statuses()}

    def _arrays_of(self, manifest: Manifest, run_id: str) -> dict[str, np.ndarray]:
        # A file of many runs is hashed once per Store, not once per run.
        if manifest.name not in self._arrays_checked:
            shard.check_shard_files(self.root, manifest)
            self._arrays_checked.add(manifest.name)
        return shard.read_arrays(self.root, manifest, run_id)

    def provenance(self, name: str) -> dict[str, Any]:
        """How the shard `name` was made; raises AbsorbError if it is absent or damaged."""
        inside(self.root, SHARDS, check_shard(name)[:2])
        try:
            return dict(shard.read_manifest(self.root, name).provenance)
        except DamageError as damage:
            raise AbsorbError(f"shard {name} of {self.root}: {damage}") from damage

    def verify(self) -> Report:
        """Check every file of the store against its checksum; changes nothing."""
        return doctor.verify(self.root)

    def quarantine(self, report: Report, *, older_than_s: float = HOUR_S) -> list[str]:
        """Move what `report` calls damaged or foreign to quarantine/; return the paths that went.

        Remains of killed writers go too once they are older than `older_than_s` seconds.
        """
        return doctor.quarantine(self.root, report, older_than_s=older_than_s)

    def save_checkpoint(
        self, name: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
    ) -> None:
        """Replace the checkpoint `name` whole or not at all; `meta` is JSON."""
        checkpoint.save_checkpoint(self.root, name, arrays, meta)

    def load_checkpoint(self, name: str) -> Checkpoint | None:
        """The checkpoint `name`; None if absent, or damaged (then set aside, with a warning)."""
        return checkpoint.load_checkpoint(self.root, name)

    def drop_checkpoint(self, name: str) -> None:
        """Remove the checkpoint `name`; harmless if absent."""
        checkpoint.drop_checkpoint(self.root, name)
