"""Commands run as a user would run them, in a process of their own, with what they took."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from absorb.errors import AbsorbError

ROOT = Path(__file__).resolve().parent.parent
ABSORB = (sys.executable, "-m", "absorb.cli")


class Done(NamedTuple):
    """A finished command: its output, seconds by the clock, and its largest memory in bytes."""

    out: str
    seconds: float
    peak_bytes: int


def command(words: Sequence[str], folder: Path, extra: Mapping[str, str] | None = None) -> Done:
    """Run a command in a folder; AbsorbError with the end of what it said if it fails."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(extra or {})}
    out, log = folder / "stdout", folder / "stderr"
    with out.open("w") as out_file, log.open("w") as log_file:
        began = time.perf_counter()
        child = subprocess.Popen(
            list(words), cwd=folder, env=environment, stdout=out_file, stderr=log_file
        )
        _, status, usage = os.wait4(child.pid, 0)  # its own peak, not that of all children
        seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise AbsorbError(f"bench: {' '.join(words)} failed: {log.read_text()[-500:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Done(out.read_text(), seconds, usage.ru_maxrss * unit)
