"""The compiler's cache: kept between processes, and never the reason why a run fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAIN = """
import json
from absorb.devices import set_up_devices
set_up_devices(2)
from absorb.lanes.batch import train_batch
from sweeps.app import compose
config = compose(["model.widths=[8,8]", "routing.units=3", "train.epochs=2", "measure=quick"])
print(json.dumps(train_batch([config] * 2, lanes=2).rows))
"""


def train(cache: Path) -> list:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_"))}
    env |= {"JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "garbage"])
def test_a_damaged_entry_is_compiled_again(tmp_path, damage):
    wanted = train(tmp_path)
    entries = [p for p in tmp_path.rglob("*-cache") if p.is_file()]
    assert entries, "nothing was cached"
    for path in entries:
        path.write_bytes(path.read_bytes()[:100] if damage == "truncated" else b"garbage" * 50)
    assert train(tmp_path) == wanted
