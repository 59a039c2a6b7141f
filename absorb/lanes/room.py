"""Room for compiled programs: each takes thousands of the memory maps that Linux grants a process.

A sweep of many programs would use them up, and the compiler then ends the process.
"""

import gc
from pathlib import Path

import jax

from absorb.lanes.programs import programs

MAPS, MOST_MAPS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")
SHARE = 0.4  # of the maps, beyond which nothing more is kept: calibration compiles several programs


def make_room() -> None:
    """Forget every compiled program where the next ones might find no room."""
    if crowded():
        programs.cache_clear()
        jax.clear_caches()
        gc.collect()


def crowded() -> bool:
    """Whether this process holds more than its share of maps; never without a limit."""
    try:
        most = int(MOST_MAPS.read_text())
        with MAPS.open("rb") as lines:
            held = sum(1 for _ in lines)
    except OSError:
        return False
    return held > SHARE * most
