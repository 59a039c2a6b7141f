"""What `absorb table` does: the runs of a sweep or a store as one file for other programs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absorb.errors import AbsorbError
from sweeps.app import Request, run_sweeper
from sweeps.own_words import apart
from sweeps.progress import say

if TYPE_CHECKING:
    import pyarrow

ENDINGS = (".csv", ".parquet")


def table_file(overrides: Sequence[str], *, config_dir: str | None = None) -> int:
    """Write the runs asked for, or all of a store, each once, to the file `out`; the exit code."""
    out, rest = apart(overrides, "out")
    if out is None or Path(out).suffix not in ENDINGS:
        raise AbsorbError(f"table takes out=FILE, ending in {' or '.join(ENDINGS)}")
    return run_sweeper(rest, lambda request: _write(request, Path(out)), config_dir=config_dir)


def _write(request: Request, out: Path) -> int:
    import pyarrow.csv
    import pyarrow.parquet

    table = runs_of(request)
    left = [] if out.suffix == ".parquet" else lists_in(table)
    try:
        if out.suffix == ".csv":
            pyarrow.csv.write_csv(table.drop_columns(left), out)
        else:
            pyarrow.parquet.write_table(table, out, compression="zstd")
    except OSError as error:
        raise AbsorbError(f"out={out}: {os.strerror(error.errno or 0)}") from error
    without = f", without {len(left)} columns of lists" if left else ""
    say(f"{table.num_rows:,} runs, {table.num_columns - len(left):,} columns in {out}{without}")
    return 0


def runs_of(request: Request) -> "pyarrow.Table":
    """The stored runs of a sweep that is named, or all of a store."""
    import pyarrow

    from absorb.store import Store

    table = Store(request.store, create=False).table()
    if not request.names_runs:
        return table
    wanted = {point.run_id for point in request.points}
    chosen = [run_id in wanted for run_id in table["run_id"].to_pylist()]
    return table.filter(pyarrow.array(chosen, pyarrow.bool_()))


def lists_in(table: "pyarrow.Table") -> list[str]:
    """The columns with a list for each run, for which CSV has no place."""
    import pyarrow

    return [field.name for field in table.schema if pyarrow.types.is_list(field.type)]
