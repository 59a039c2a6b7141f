"""Sweeps as processes of their own, to be killed; run as a script, one with a stand-in engine."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
REAL = [sys.executable, "-m", "absorb.cli"]
FAKE = [sys.executable, str(Path(__file__).resolve())]


def environment(**more: str) -> dict[str, str]:
    """This process's environment with the project on the path."""
    paths = [str(ROOT), str(ROOT / "tests" / "sweeps")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | more


def start(program: list[str], words: list[str], directory: Path, **more: str) -> subprocess.Popen:
    """Start `absorb sweep` with these words in `directory`."""
    return subprocess.Popen(
        [*program, "sweep", *words],
        cwd=directory,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(program: list[str], words: list[str], directory: Path, **more: str) -> tuple[int, str]:
    """Run to the end; exit code and all that was said."""
    process = start(program, words, directory, **more)
    out, err = process.communicate(timeout=300)
    return process.returncode, out + err


def kill_after(process: subprocess.Popen, seconds: float, number: int = signal.SIGKILL) -> None:
    """Send a signal after a while, unless it has ended; then wait for its end."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        process.communicate(timeout=300)


def wait_for(directory: Path, pattern: str, process: subprocess.Popen, count: int = 1) -> None:
    """Wait until `count` files match the pattern; the process has to live that long."""
    for _ in range(3000):
        if len(list(directory.glob(pattern))) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError(f"no {pattern} in {directory}")


def main() -> int:
    """`absorb` with a stand-in for the engine."""
    from sweep_helpers import FakeEngine

    import absorb.lanes.batch
    from absorb.cli import main as absorb_main

    absorb.lanes.batch.train_batch = FakeEngine()  # type: ignore[assignment]
    return absorb_main()


if __name__ == "__main__":
    sys.exit(main())
