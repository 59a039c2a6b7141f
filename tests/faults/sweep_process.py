"""Sweeps as processes of their own, to be killed.

As a script: `absorb` with a stand-in for the engine, or, where ABSORB_STOP_AT=N is set, with the
real one, which is sent SIGTERM at its N-th report of progress.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
REAL = [sys.executable, "-m", "absorb.cli"]
FAKE = [sys.executable, str(Path(__file__).resolve())]
STOPS = FAKE  # with ABSORB_STOP_AT


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


class StopsItself:
    """The engine, in a process that is asked to stop at a stated report of progress."""

    def __init__(self, engine, report: int) -> None:
        self.engine, self.left = engine, report

    def __call__(self, configs, *, on_progress, **how):
        def reported(progress) -> None:
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGTERM)
            on_progress(progress)

        return self.engine(configs, on_progress=reported, **how)


def main() -> int:
    """`absorb` with the engine that the environment asks for."""
    from sweep_helpers import FakeEngine

    import absorb.lanes.batch as engine
    from absorb.cli import main as absorb_main

    stop_at = os.environ.get("ABSORB_STOP_AT")
    real = engine.train_batch
    engine.train_batch = StopsItself(real, int(stop_at)) if stop_at else FakeEngine()  # type: ignore
    return absorb_main()


if __name__ == "__main__":
    sys.exit(main())
