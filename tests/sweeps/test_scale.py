"""Large sweeps stay cheap: planning a hundred thousand runs, resuming ten thousand."""

import subprocess
import sys
import time

import pytest
from sweep_helpers import request

from absorb.identity import flat
from absorb.store import Store
from sweeps.plan import Had, Work, batches

THOUSANDS = [
    "seed=range(0,1000)", "routing.label_fraction=0,0.1,0.25,0.5,0.75,0.8,0.85,0.9,0.95,1"
]  # fmt: skip


# The process says its own peak: what the system counts of children includes who started them.
RUN = """
import re, sys
from pathlib import Path
from absorb.cli import main
code = main(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
sys.exit(code)
"""


def timed(directory, *words: str) -> tuple[float, str, int]:
    """Seconds, what it said, kB."""
    began = time.monotonic()
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began, done.stdout, int(done.stderr.split()[-1])


@pytest.mark.slow
def test_planning_a_hundred_thousand_runs_takes_seconds_and_little_memory(tmp_path):
    words = ["seed=range(0,10000)", THOUSANDS[1]]
    seconds, out, kilobytes = timed(tmp_path, "plan", *words)
    assert "100,000 to do" in out and seconds < 15
    assert 50_000 < kilobytes < 1_000_000


@pytest.mark.slow
def test_resuming_a_finished_sweep_of_ten_thousand_takes_seconds(tmp_path):
    store, points = Store(tmp_path / "results"), request(*THOUSANDS).points
    for batch in batches(Work(points, Had(set(), set())), lambda _: 64):
        rows = [{"run_id": p.run_id, "status": "ok", **flat(p.config)} for p in batch]
        store.write(rows, {"code": None})
    seconds, out, _ = timed(tmp_path, "sweep", *THOUSANDS)
    assert out == "10,000 runs: 10,000 already there, nothing to do\n" and seconds < 5


def test_help_imports_nothing_heavy(tmp_path):
    script = (
        "import sys\nfrom absorb.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'jax', 'numpy', 'hydra', 'omegaconf', 'pyarrow', 'sklearn', 'matplotlib'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
