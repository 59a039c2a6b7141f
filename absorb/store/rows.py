"""Rows of results as Parquet bytes, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absorb.errors import AbsorbError
from absorb.store.atomic import DamageError
from absorb.store.names import STATUSES, check_run_id

if TYPE_CHECKING:
    import pyarrow

Scalar = str | int | float | bool | None
Value = Scalar | list[float]

KEY_COLUMNS = ("run_id", "status")
ADDED_COLUMNS = ("shard", "code")
# Declared by a file's own footer, so it is checked before anything is unpacked.
MAX_UNPACKED_BYTES = 1 << 32
_MAX_COLUMN_NAME = 200
LIST = "list<element: double>"


def encode_rows(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Parquet bytes of `rows`; the same rows give the same bytes under one pyarrow.

    Raises AbsorbError for no rows, a run twice, a bad id or status, a column whose values have
    types that do not go together, or a value that is neither a scalar nor a list of floats.
    """
    import pyarrow.parquet

    _check_keys(rows)
    buffer = pyarrow.BufferOutputStream()
    # Dictionaries and statistics cost more than they save in files of a few dozen rows.
    pyarrow.parquet.write_table(
        _to_table(rows), buffer, compression="zstd", use_dictionary=False, write_statistics=False
    )
    return buffer.getvalue().to_pybytes()


def _check_keys(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        raise AbsorbError("a shard needs at least one row")
    seen: set[str] = set()
    for row in rows:
        run_id = check_run_id(row.get("run_id"))
        if run_id in seen:
            raise AbsorbError(f"run {run_id} appears twice in one shard")
        seen.add(run_id)
        if row.get("status") not in STATUSES:
            raise AbsorbError(f"status {row.get('status')!r} of run {run_id}: one of {STATUSES}")


def _to_table(rows: Sequence[Mapping[str, Any]]) -> pyarrow.Table:
    import pyarrow

    names = column_order({name for row in rows for name in row})
    for name in names:
        _check_column_name(name)
    return pyarrow.table({name: _column(name, [row.get(name) for row in rows]) for name in names})


def column_order(names: Iterable[str]) -> list[str]:
    """Column names as a table shows them: the key first, what the store adds last."""
    middle = set(names) - set(KEY_COLUMNS) - set(ADDED_COLUMNS)
    added = [name for name in ADDED_COLUMNS if name in set(names)]
    return [*KEY_COLUMNS, *sorted(middle), *added]


def _check_column_name(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_COLUMN_NAME:
        raise AbsorbError(f"column name {name!r:.80} is not text of 1 to {_MAX_COLUMN_NAME}")
    if not name.isprintable():
        raise AbsorbError(f"column name {name!r} holds a character that cannot be printed")
    if name in ADDED_COLUMNS:
        raise AbsorbError(f"the column {name!r} is added by the store itself")


def _column(name: str, values: list[Any]) -> pyarrow.Array:
    import pyarrow

    plain = [_plain(name, value) for value in values]
    kinds = {type(value) for value in plain} - {type(None)}
    types = {
        frozenset(): pyarrow.null(),
        frozenset({bool}): pyarrow.bool_(),
        frozenset({int}): pyarrow.int64(),
        frozenset({float}): pyarrow.float64(),
        frozenset({int, float}): pyarrow.float64(),
        frozenset({str}): pyarrow.string(),
        frozenset({list}): pyarrow.list_(pyarrow.float64()),
    }
    if frozenset(kinds) not in types:
        mixed = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise AbsorbError(f"column {name!r} mixes {mixed} in one shard")
    try:
        return pyarrow.array(plain, type=types[frozenset(kinds)])
    except (pyarrow.ArrowException, OverflowError, UnicodeError) as error:
        raise AbsorbError(
            f"column {name!r} holds a value that cannot be stored: {error}"
        ) from error


def _plain(name: str, value: Any) -> Value:
    import numpy

    if isinstance(value, numpy.generic):
        value = value.item()
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if value is None:
        return None
    if isinstance(value, list) and all(type(entry) is float for entry in value):
        return value
    raise AbsorbError(
        f"column {name!r} holds a {type(value).__name__}, "
        "which is neither a scalar nor a list of floats"
    )


def decode_rows(data: bytes, rows: int, columns: Sequence[str] | None = None) -> pyarrow.Table:
    """The table in Parquet bytes; of `columns` those that are there, and always the key.

    Row count, types and unpacked size are checked in the footer first; raises DamageError.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
        _check_footer(file, rows)
        names = file.schema_arrow.names
        wanted = None if columns is None else [n for n in names if n in {*KEY_COLUMNS, *columns}]
        return file.read(columns=wanted, use_threads=False).replace_schema_metadata()
    except (pyarrow.ArrowException, OSError) as error:
        raise DamageError(f"not a readable Parquet file ({error})") from error


def _check_footer(file: Any, rows: int) -> None:
    footer, schema = file.metadata, file.schema_arrow
    if footer.num_rows != rows:
        raise DamageError(f"{footer.num_rows} rows instead of {rows}")
    groups = range(footer.num_row_groups)
    if sum(footer.row_group(i).total_byte_size for i in groups) > MAX_UNPACKED_BYTES:
        raise DamageError(f"unpacks to more than {MAX_UNPACKED_BYTES} bytes")
    if len(set(schema.names)) != len(schema.names):
        raise DamageError("a column name is repeated")
    allowed = {"null", "bool", "int64", "double", "string", LIST}
    strange = [field for field in schema if str(field.type) not in allowed]
    if strange:
        raise DamageError(f"column {strange[0].name!r} has type {strange[0].type}")
