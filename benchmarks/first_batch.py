"""A process that trains and measures one small batch, and says in JSON what that took.

python first_batch.py OVERRIDE...
"""

import json
import sys
import time

BEGAN = time.perf_counter()
RUNS = 8


def main(overrides: list[str]) -> None:
    from absorb.devices import set_up_devices

    set_up_devices()
    from absorb.lanes.batch import train_batch
    from benchmarks.engine import seeded
    from sweeps.app import compose

    result = train_batch(seeded(compose(overrides), RUNS))
    json.dump({
        "compile_seconds": result.compile_seconds,
        "run_seconds": result.run_seconds,
        "process_seconds": time.perf_counter() - BEGAN,
    }, sys.stdout)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
