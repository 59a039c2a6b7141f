"""Reading a local text, and refusing by name what is not one."""

import hashlib
from pathlib import Path

from absorb.checksums import read_file
from absorb.config import Text
from absorb.errors import AbsorbError


def read_units(world: Text) -> list[str]:
    """The pieces of a file that stay together: a text's lines, or the rows of a Parquet column.

    Errors: AbsorbError naming the path expected, or what is wrong with the file that stands there.
    """
    path = Path(world.path).expanduser()
    content = _content(path, world.sha256)
    units = _rows(path, world.column) if path.suffix == ".parquet" else _lines(path, content)
    if not any(unit.strip() for unit in units):
        raise AbsorbError(f"world.path: {path.absolute()} is empty; expected text")
    return units


def _content(path: Path, sha256: str) -> bytes:
    content = read_file(path)
    found = hashlib.sha256(content).hexdigest() if sha256 else ""
    if found != sha256:
        raise AbsorbError(
            f"world.sha256={sha256!r}: {path.absolute()} has {found} "
            "(world.sha256='' takes the file as it is)"
        )
    return content


def _lines(path: Path, content: bytes) -> list[str]:
    try:
        return content.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise AbsorbError(
            f"world.path: {path.absolute()} is not UTF-8: byte {error.start} is "
            f"0x{content[error.start]:02x}"
        ) from None


def _rows(path: Path, column: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        known = [
            f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)
        ]
        if column not in known:
            raise AbsorbError(
                f"world.column={column!r}: {path.absolute()} has the columns of text "
                f"{', '.join(known) or '(none)'}"
            )
        texts = pq.read_table(path, columns=[column])[column].to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise AbsorbError(f"world.path: {path.absolute()} is not a Parquet file: {error}") from None
    return [text + "\n" for text in texts if text]
