"""A process that trains and measures one small batch, twice, and says in JSON what that took.

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

    configs = seeded(compose(overrides), RUNS)
    first = train_batch(configs)
    process_seconds = time.perf_counter() - BEGAN
    again = train_batch(configs)  # all is compiled: what is left is the work itself
    json.dump({
        "first_calls": first.compile_seconds,
        "compiling": total(first) - total(again),
        "process": process_seconds,
    }, sys.stdout)  # fmt: skip


def total(result) -> float:
    """Seconds of a batch from its begin to its end."""
    return result.compile_seconds + result.run_seconds


if __name__ == "__main__":
    main(sys.argv[1:])
