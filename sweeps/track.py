"""What `absorb track` does: mirrors finished runs to Weights & Biases, each once.

Whether anything is sent is wandb's own setting: WANDB_MODE=offline writes to `wandb/` in the store.
"""

import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from absorb.errors import AbsorbError
from sweeps.app import Request, run_sweeper
from sweeps.html_report import KEYS
from sweeps.own_words import apart
from sweeps.progress import ProgressBar, say
from sweeps.stored import is_setting, settings_of
from sweeps.table_file import runs_of

FOLDER, MIRRORED = "wandb", "mirrored-{}.txt"  # in the store: wandb's files; ids, by project


def track(overrides: Sequence[str], *, config_dir: str | None = None) -> int:
    """Mirror the runs of a sweep, or of a store, that were not mirrored before; the exit code."""
    project, rest = apart(overrides, "project")
    if not project:
        raise AbsorbError("track takes project=NAME, and which runs as sweep does")
    return run_sweeper(rest, lambda request: _track(request, project), config_dir=config_dir)


def _track(request: Request, project: str) -> int:
    try:
        import wandb
    except ModuleNotFoundError:
        raise AbsorbError("track needs wandb; pip install 'absorb[track]'") from None
    rows = runs_of(request).to_pylist()
    folder = Path(request.store) / FOLDER
    folder.mkdir(exist_ok=True)
    log = folder / MIRRORED.format(re.sub(r"[^\w.-]+", "_", project))
    done = set(log.read_text(encoding="utf-8").split()) if log.is_file() else set()
    todo = [row for row in rows if row["run_id"] not in done and row["status"] != "failed"]
    say(f"{len(rows):,} runs: {len(rows) - len(todo):,} mirrored already or failed")
    with closing(ProgressBar(len(todo))) as progress:
        for row in todo:
            try:
                mirror(wandb, row, project, folder)
            except wandb.Error as error:  # nobody is logged in, or the project is not theirs
                raise AbsorbError(f"project={project}: wandb says: {error}") from error
            with log.open("a", encoding="utf-8") as out:
                out.write(row["run_id"] + "\n")
            progress.rows(1, 0)
    say(f"{len(todo):,} mirrored to {project}")
    return 0


def mirror(wandb: Any, row: Mapping[str, Any], project: str, folder: Path) -> None:
    """One run: its settings as config, its measures as summary."""
    run = wandb.init(
        project=project, id=row["run_id"][:32], dir=os.fspath(folder.parent), resume="allow",
        config=settings_of(row), tags=[row["status"]], settings=wandb.Settings(silent=True),
    )  # fmt: skip
    run.summary.update(measures_of(row))
    run.finish()


def measures_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The measures of a run that are one finite number."""
    return {
        name: value
        for name, value in row.items()
        if isinstance(value, int | float)
        and not is_setting(name)
        and name not in KEYS
        and math.isfinite(value)
    }
