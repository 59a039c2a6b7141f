"""Questions to all shards at once: which runs are there, and their rows as one table."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from absorb.errors import AbsorbError
from absorb.store.atomic import DamageError
from absorb.store.manifest import Manifest
from absorb.store.names import RANKS
from absorb.store.rows import ADDED_COLUMNS, KEY_COLUMNS, Scalar, column_order
from absorb.store.shard import manifests_of, read_table, warn_of

if TYPE_CHECKING:
    import pyarrow


class Choice(NamedTuple):
    """The shard whose row counts for a run, and how the run ended there."""

    status: str
    shard: str


def choose(manifests: Iterable[Manifest]) -> dict[str, Choice]:
    """For each run the shard that counts: an ok one, else diverged, else failed; then by name.

    `manifests` come in the order of their names.
    """
    chosen: dict[str, Choice] = {}
    for manifest in manifests:
        for status, run_ids in manifest.runs.items():
            choice = Choice(status, manifest.name)
            for run_id in run_ids:
                held = chosen.get(run_id)
                if held is None or RANKS[status] < RANKS[held.status]:
                    chosen[run_id] = choice
    return chosen


class Loaded(NamedTuple):
    """A shard's manifest with its rows."""

    manifest: Manifest
    rows: pyarrow.Table


def united_table(
    root: Path, columns: Sequence[str] | None, where: Mapping[str, Scalar] | None
) -> pyarrow.Table:
    """All rows of a store, each run once, ordered by run id; see `Store.table`."""
    where = where or {}
    named = None if columns is None else [*columns, *where]
    table = _unite(_load(root, named))
    known = set(table.column_names)
    missing = [name for name in named or where if name not in known]
    if missing and table.num_rows:
        raise _no_such_column(root, missing[0])
    table = _filter(table, {name: value for name, value in where.items() if name in known})
    if columns is None:
        return table
    return _select(table, column_order({*columns, *ADDED_COLUMNS}))


def _load(root: Path, columns: Sequence[str] | None) -> list[Loaded]:
    loaded = []
    for manifest in manifests_of(root):
        try:
            loaded.append(Loaded(manifest, read_table(root, manifest, columns)))
        except DamageError as damage:
            warn_of(root, manifest.name, damage)
    return loaded


def _unite(loaded: Sequence[Loaded]) -> pyarrow.Table:
    import pyarrow

    chosen = choose(manifest for manifest, _ in loaded)
    tables = [_with_origin(_only_chosen(each, chosen), each.manifest) for each in loaded]
    schema = _common_schema(tables)
    whole = pyarrow.concat_tables([_cast(t, schema) for t in tables] or [schema.empty_table()])
    return whole.combine_chunks().sort_by("run_id")


def _only_chosen(loaded: Loaded, chosen: Mapping[str, Choice]) -> pyarrow.Table:
    import pyarrow

    name = loaded.manifest.name
    mask = [chosen[run_id].shard == name for run_id in loaded.rows["run_id"].to_pylist()]
    return loaded.rows if all(mask) else loaded.rows.filter(pyarrow.array(mask, pyarrow.bool_()))


def _with_origin(rows: pyarrow.Table, manifest: Manifest) -> pyarrow.Table:
    import pyarrow

    for name, value in zip(ADDED_COLUMNS, (manifest.name, manifest.code), strict=True):
        column = pyarrow.repeat(pyarrow.scalar(value, pyarrow.string()), rows.num_rows)
        rows = rows.append_column(name, column)
    return rows


def _common_schema(tables: Sequence[pyarrow.Table]) -> pyarrow.Schema:
    import pyarrow

    types: dict[str, set[pyarrow.DataType]] = {
        name: {pyarrow.string()} for name in (*KEY_COLUMNS, *ADDED_COLUMNS)
    }
    for schema in {table.schema for table in tables}:
        for field in schema:
            types.setdefault(field.name, set()).add(field.type)
    return pyarrow.schema([(name, _common_type(types[name])) for name in column_order(types)])


def _common_type(types: set[pyarrow.DataType]) -> pyarrow.DataType:
    """One type for a column that shards type differently; text if nothing else holds them all."""
    import pyarrow

    types = types - {pyarrow.null()}
    if not types:
        return pyarrow.null()
    if types <= {pyarrow.int64(), pyarrow.float64()} and len(types) > 1:
        return pyarrow.float64()
    return types.pop() if len(types) == 1 else pyarrow.string()


def _cast(table: pyarrow.Table, schema: pyarrow.Schema) -> pyarrow.Table:
    import pyarrow

    if table.schema == schema:
        return table
    have = set(table.column_names)
    columns = [
        # safe=False: a whole number beyond 2**53 loses digits rather than the whole table.
        table[field.name].cast(field.type, safe=False)
        if field.name in have
        else pyarrow.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pyarrow.table(columns, schema=schema)


def _no_such_column(root: Path, name: str) -> AbsorbError:
    known = {known for _, rows in _load(root, None) for known in rows.column_names}
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return AbsorbError(f"no run has a column {name!r}; the nearest name is {close[0]!r}")


def _filter(table: pyarrow.Table, where: Mapping[str, Scalar]) -> pyarrow.Table:
    import pyarrow

    for name, value in where.items():
        try:
            table = table.filter(_matches(table[name], value))
        except pyarrow.ArrowException as error:
            held = table[name].type
            raise AbsorbError(f"column {name!r} holds {held}, not {value!r}: {error}") from error
    return table


def _matches(column: pyarrow.ChunkedArray, value: Scalar) -> pyarrow.ChunkedArray:
    from pyarrow.compute import call_function

    if value is None:
        return column.is_null()
    if isinstance(value, float) and math.isnan(value):
        return call_function("is_nan", [column])
    return call_function("equal", [column, value])


def _select(table: pyarrow.Table, columns: Sequence[str]) -> pyarrow.Table:
    import pyarrow

    for name in columns:
        if name not in table.column_names:  # only in a store without rows
            table = table.append_column(name, pyarrow.nulls(table.num_rows))
    return table.select(columns)
