"""Commands run as a user would run them, in a process of their own, with what they took."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from absorb.errors import AbsorbError

ROOT = Path(__file__).resolve().parent.parent
WATCH = ROOT / "benchmarks" / "watch.py"
ABSORB = (sys.executable, "-m", "absorb.cli")
ENVIRONMENT = dict(os.environ)  # the user's own: what this process later sets for JAX stays out


class Done(NamedTuple):
    """A finished command: its output, seconds by the clock, and its largest memory in bytes."""

    out: str
    seconds: float
    peak_bytes: int


def command(words: Sequence[str], folder: Path, extra: Mapping[str, str] | None = None) -> Done:
    """Run a command in a folder; AbsorbError with the end of what it said if it fails."""
    paths = [str(ROOT), *filter(None, [ENVIRONMENT.get("PYTHONPATH")])]
    environment = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths), **(extra or {})}
    took = folder / "took.json"
    done = subprocess.run(
        [sys.executable, str(WATCH), str(took), *words],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise AbsorbError(f"bench: {' '.join(words)} failed: {done.stderr[-500:]}")
    return Done(done.stdout, **json.loads(took.read_text()))
