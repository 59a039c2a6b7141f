"""`absorb bench [NAME ...] [--out FILE] [--rounds N] [--small]`: measure speed, print tables."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from absorb.devices import set_up_devices, usable_cores
from absorb.errors import AbsorbError
from benchmarks.effort import Effort
from benchmarks.lanes import lanes
from benchmarks.measures import measures
from benchmarks.mnist import mnist
from benchmarks.planning import planning
from benchmarks.report import Report, save
from benchmarks.startup import startup
from benchmarks.toy import toy
from benchmarks.transformer import transformer

BENCHMARKS: dict[str, Callable[[Effort], Report]] = {
    "lanes": lanes,
    "mnist": mnist,
    "startup": startup,
    "planning": planning,
    "toy": toy,
    "transformer": transformer,
    "measures": measures,
}
LIBRARIES = ("absorb", "jax", "jaxlib", "flax", "optax", "numpy", "torch", "hydra-core",
             "hydra-joblib-launcher", "pyarrow")  # fmt: skip


def main(arguments: Sequence[str] = ()) -> int:
    """Run the benchmarks asked for, or all; the exit code is 0 whether goals are met or not."""
    asked = understood(arguments)
    set_up_devices()  # before anything imports JAX
    effort = Effort(asked.rounds, asked.small, asked.size == "published")
    found: dict[str, Any] = {"environment": environment()}
    print("\n".join(f"{name}: {text}" for name, text in found["environment"].items()), flush=True)
    for name in asked.names or BENCHMARKS:
        load, began = os.getloadavg()[0], time.perf_counter()
        report = BENCHMARKS[name](effort)
        seconds = time.perf_counter() - began
        print(f"\n## {name} (load average before: {load:.2f}; took {seconds:.0f} s)\n")
        print(report.text(), flush=True)
        found[name] = {"load_average": load, "seconds": seconds, **report.as_json()}
    if asked.out:
        save(asked.out, found)
    return 0


def understood(arguments: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; AbsorbError for an unknown benchmark."""
    asked = parser().parse_args(arguments)
    for name in asked.names:
        if name not in BENCHMARKS:
            raise AbsorbError(f"{name}: no such benchmark; choose from {', '.join(BENCHMARKS)}")
    if asked.rounds < 1:
        raise AbsorbError(f"--rounds {asked.rounds}: must be at least 1")
    return asked


def parser() -> argparse.ArgumentParser:
    """The parser of `absorb bench`."""
    made = argparse.ArgumentParser(prog="absorb bench", description="Measure speed.")
    made.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    made.add_argument("--out", metavar="FILE", help="write all samples there, as JSON")
    made.add_argument("--rounds", type=int, default=9, metavar="N", help="rounds of timing")
    made.add_argument("--small", action="store_true",
                      help="tiny sizes, to see that it runs; the figures mean nothing")  # fmt: skip
    made.add_argument("--size", choices=("usual", "published"), default="usual",
                      help="of the transformer; published: 8 x 512")  # fmt: skip
    return made


def environment() -> dict[str, str]:
    """What was measured on, and with."""
    found = {name: installed(name) for name in LIBRARIES}
    return {
        "processor": f"{processor()}, {usable_cores()} cores",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {text}" for name, text in found.items()),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
    }


def installed(name: str) -> str:
    """A distribution's version, or that it is absent."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0].split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except AbsorbError as error:
        sys.exit(f"bench: {error}")
