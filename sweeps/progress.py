"""How far a sweep is: a bar on a terminal, plain lines elsewhere."""

import contextlib
import sys
import time
from typing import Any

LINE_EVERY = 30.0  # seconds


def say(text: str = "") -> None:
    """Print a line of a result: OSError where it cannot be, unless its reader has gone away."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def note(text: str) -> None:
    """Print a line about work that goes on all the same; on stderr where stdout takes none."""
    try:
        say(text)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}: {text}")


def complain(text: str) -> None:
    """Print a line on stderr; a full disk or a reader that has gone away stops no sweep."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


class ProgressBar:
    """Runs done, lane-steps per second and time left; `rows` and `step` move it.

    `unit` is what is counted where that is not runs; then there are no steps.
    """

    def __init__(self, total: int, unit: str = "run") -> None:
        self.total, self.done, self.unit = total, 0, unit
        self.began = self.last_line = time.monotonic()
        self.lane_steps = self.rate = 0.0
        self.earlier_runs = self.earlier_steps = 0.0  # by an earlier process, in no time of ours
        self.bar: Any = _bar(total, unit) if sys.stderr.isatty() else None

    def resumed(self, share: float, runs: int, lane_steps: int) -> None:
        """An earlier process did `share` of a batch of `runs` runs, `lane_steps` steps of it."""
        self.earlier_runs += share * runs
        self.earlier_steps += lane_steps

    def step(self, share: float, runs: int, lane_steps: int) -> None:
        """A batch of `runs` runs has done `share` of its work, `lane_steps` optimizer steps."""
        elapsed = max(time.monotonic() - self.began, 1e-9)
        self.rate = (self.lane_steps + lane_steps - self.earlier_steps) / elapsed
        self._show(self.done + share * runs)

    def rows(self, runs: int, lane_steps: int) -> None:
        """A batch is in the store."""
        self.done += runs
        self.lane_steps += lane_steps
        self._show(self.done, is_batch=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self.bar is not None:
            self.bar.close()

    def _show(self, done: float, is_batch: bool = False) -> None:
        if self.bar is not None:
            self.bar.set_postfix_str(self._rate(), refresh=False)
            self.bar.update(max(0, int(done) - self.bar.n))
            self.bar.refresh()
            return
        now = time.monotonic()
        if is_batch or now - self.last_line > LINE_EVERY:
            self.last_line = now
            complain(self._line(done))

    def _rate(self) -> str:
        return f"{self.rate:,.0f} lane-steps/s" if self.rate else ""

    def _line(self, done: float) -> str:
        from sweeps.estimate import words

        elapsed = time.monotonic() - self.began
        here = done - self.earlier_runs
        left = (self.total - done) * elapsed / here if here > 0 else 0.0
        count = f"{int(done)}/{self.total} {self.unit}s"
        parts = (count, self._rate(), f"about {words(left)} left" if left else "")
        return ", ".join(part for part in parts if part)


def _bar(total: int, unit: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, dynamic_ncols=True, smoothing=0.1)
