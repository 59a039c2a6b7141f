"""What `absorb extract` does: copies the rows of a finished sweep into another store, small.

A store like any other: figures draw from it, `show` tells of its runs, `doctor` checks it.
Left behind are stored parameters, what was kept of every test example, columns without a value,
names of machines, and directories: only the last part of a path is taken along.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from absorb.errors import AbsorbError
from absorb.store.names import PAIRS
from sweeps.app import Request, run_sweeper
from sweeps.own_words import apart
from sweeps.progress import say

if TYPE_CHECKING:
    import pyarrow

    from absorb.store import Store

LARGE = "kept."  # columns with an entry for every example
PATHS = ("world.path",)  # settings that name a file of the machine; no part of a run's identity
TOLD = ("overrides", "git", "versions", "lock", "science_version", "config_version", "device_kind",
        "devices", "xla_flags", "precision", "x64")  # fmt: skip
SUMMED = ("compile_seconds", "run_seconds", "runs", "batches")


class Taken(NamedTuple):
    """How many runs, and pairs of runs, went from one store to another."""

    runs: int
    pairs: int


def extract(overrides: Sequence[str], *, config_dir: str | None = None) -> int:
    """Copy a sweep's rows into the store `to`; the exit code."""
    target, rest = apart(overrides, "to")
    if not target:
        raise AbsorbError("extract takes to=DIRECTORY, the store that the rows are copied to")
    return run_sweeper(rest, lambda request: _extract(request, target), config_dir=config_dir)


def _extract(request: Request, target: str) -> int:
    from absorb.store import Store

    if not request.names_runs:
        raise AbsorbError("extract takes a sweep, such as experiment=dose_response")
    source = Store(request.store, create=False)
    if source.root == Path(target).resolve():
        raise AbsorbError(f"to={target}: is the store that the rows come from")
    wanted = finished_ids(request, source)
    taken = Taken(copy(source, Store(target), wanted), copy_pairs(source, target, wanted))
    pairs = f" and {taken.pairs:,} pairs" if taken.pairs else ""
    say(f"{taken.runs:,} runs{pairs} copied from {request.store} to {target}")
    return 0


def finished_ids(request: Request, source: "Store") -> set[str]:
    """Ids of the runs of a sweep; raises AbsorbError unless all of them are finished."""
    wanted = {point.run_id for point in request.points}
    missing = wanted - source.run_ids(status=("ok", "diverged"))
    if missing:
        failed = len(missing & source.run_ids(status=("failed",)))
        more = f" ({failed:,} failed)" if failed else ""
        raise AbsorbError(
            f"{len(wanted) - len(missing):,} of {len(wanted):,} runs are finished in"
            f" {request.store}{more}: absorb {'retry' if failed else 'sweep'} with the same words"
            " does the rest"
        )
    return wanted


def copy(source: "Store", target: "Store", run_ids: set[str]) -> int:
    """Copy the rows of these runs, a shard for each version of the code; how many."""
    rows = [row for row in rows_of(source.table()) if row["run_id"] in run_ids]
    by_code: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        by_code.setdefault(row.pop("code"), []).append(row)
    for code, own in by_code.items():
        counts = Counter(row.pop("shard") for row in own)
        shards = sorted(counts)
        told = [each for name in shards for each in batches(source.provenance(name), counts[name])]
        target.write(own, {"code": code and json.loads(code), "extracted": merged(told)})
    return len(rows)


def copy_pairs(source: "Store", target: str, run_ids: set[str]) -> int:
    """Copy what was found between two of these runs; how many pairs."""
    from absorb.store import Store

    if not (source.root / PAIRS).is_dir():
        return 0
    pairs = Store(source.root / PAIRS, create=False)
    ids = {row["run_id"] for row in rows_of(pairs.table(("pair.first", "pair.second")))
           if {row["pair.first"], row["pair.second"]} <= run_ids}  # fmt: skip
    return copy(pairs, Store(Path(target) / PAIRS), ids) if ids else 0


def rows_of(table: "pyarrow.Table") -> Iterator[dict[str, Any]]:
    """Rows of a table without what stays behind; one without a value lacks the column."""
    names = [name for name in table.column_names if not name.startswith(LARGE)]
    for row in table.select(names).to_pylist():
        known = {name: value for name, value in row.items() if value is not None}
        paths = {name: last_part(known[name]) for name in PATHS if name in known}
        yield {"code": None} | known | paths


def last_part(path: str) -> str:
    """A path without the directories before its last part."""
    return Path(path).name or path


def batches(told: Mapping[str, Any], runs: int) -> list[dict[str, Any]]:
    """The batches that a shard was made from, itself or, if it was extracted, several."""
    found = [dict(each) for each in told.get("extracted", [told])]
    return [{"runs": runs, "batches": 1} | each for each in found]


def merged(provenances: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What several batches tell, once for those that tell the same, with their total times."""
    found: dict[str, dict[str, Any]] = {}
    for each in provenances:
        told = {name: each.get(name) for name in TOLD}
        told["overrides"] = [without_directories(text) for text in told["overrides"] or ()]
        told["xla_flags"] = " ".join(map(without_directories, (told["xla_flags"] or "").split()))
        own = found.setdefault(json.dumps(told, sort_keys=True), told | dict.fromkeys(SUMMED, 0))
        for name in SUMMED:
            own[name] += each.get(name) or 0
    return list(found.values())


def without_directories(override: str) -> str:
    """An override or a flag whose value is the path of a file with the last part of it alone."""
    key, equals, value = override.partition("=")
    is_path = key in (*PATHS, "store") or value.startswith(("/", "~", "'/", '"/'))
    return f"{key}{equals}{last_part(value)}" if is_path else override
