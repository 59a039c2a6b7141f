"""Reading a local text and the labels of its rows, and refusing by name what is not one."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from absorb.checksums import read_file
from absorb.config import Text
from absorb.errors import AbsorbError

BY_COLUMN = "column:"  # a concept that begins so names a column of labels, not words


class Units(NamedTuple):
    """The pieces of a file that stay together; bit c of `tags_U`: labelled with concept c."""

    texts: list[str]
    tags_U: np.ndarray


def read_units(world: Text) -> Units:
    """A text's lines, or the rows of a Parquet column with what its columns of labels say.

    Errors: AbsorbError naming the path expected, or what is wrong with the file that stands there.
    """
    path = Path(world.path).expanduser()
    content = _content(path, world.sha256)
    units = _rows(path, world) if path.suffix == ".parquet" else _lines(path, world, content)
    if not any(unit.strip() for unit in units.texts):
        raise AbsorbError(f"world.path: {path.absolute()} is empty; expected text")
    return units


def label_columns(world: Text) -> dict[int, str]:
    """The concepts that are columns of labels, and the columns' names."""
    return {
        c: concept.removeprefix(BY_COLUMN)
        for c, concept in enumerate(world.concepts)
        if concept.startswith(BY_COLUMN)
    }


def _content(path: Path, sha256: str) -> bytes:
    content = read_file(path)
    found = hashlib.sha256(content).hexdigest() if sha256 else ""
    if found != sha256:
        raise AbsorbError(
            f"world.sha256={sha256!r}: {path.absolute()} has {found} "
            "(world.sha256='' takes the file as it is)"
        )
    return content


def _lines(path: Path, world: Text, content: bytes) -> Units:
    if labels := label_columns(world):
        raise AbsorbError(
            f"world.concepts: {BY_COLUMN}{next(iter(labels.values()))} is a column of a Parquet "
            f"file; {path.absolute()} is none"
        )
    try:
        texts = content.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise AbsorbError(
            f"world.path: {path.absolute()} is not UTF-8: byte {error.start} is "
            f"0x{content[error.start]:02x}"
        ) from None
    return Units(texts, np.zeros(len(texts), np.uint8))


def _rows(path: Path, world: Text) -> Units:
    labels = label_columns(world)
    table = _table(path, world.column, list(labels.values()))
    tags_R = np.zeros(table.num_rows, np.uint8)
    for c, column in labels.items():
        tags_R |= _labels(path, column, table[column]) << np.uint8(c)
    rows = table[world.column].to_pylist()
    kept = [i for i, text in enumerate(rows) if text]
    return Units([rows[i] + "\n" for i in kept], tags_R[kept])


def _table(path: Path, text: str, labels: list[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def known(*kinds: Any) -> list[str]:
        return [f.name for f in schema if any(kind(f.type) for kind in kinds)]

    try:
        schema = pq.read_schema(path)
        _expect(path, "column", text, "text", known(pa.types.is_string, pa.types.is_large_string))
        marks = known(pa.types.is_boolean, pa.types.is_integer)
        for column in labels:
            _expect(path, "concepts", column, "labels (true or false, or whole numbers)", marks)
        return pq.read_table(path, columns=[text, *labels])
    except (pa.ArrowInvalid, OSError) as error:
        raise AbsorbError(f"world.path: {path.absolute()} is not a Parquet file: {error}") from None


def _expect(path: Path, key: str, column: str, what: str, known: list[str]) -> None:
    if column not in known:
        raise AbsorbError(
            f"world.{key}={column!r}: {path.absolute()} has the columns of {what} "
            f"{', '.join(known) or '(none)'}"
        )


def _labels(path: Path, column: str, values: Any) -> np.ndarray:
    """1 where a row is labelled; a row that does not say so is an error, not a guess."""
    if values.null_count:
        raise AbsorbError(
            f"world.concepts={column!r}: {values.null_count} of {len(values)} rows of "
            f"{path.absolute()} are empty there; expected a label in each"
        )
    return (values.to_numpy() != 0).astype(np.uint8)
