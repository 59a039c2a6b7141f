"""The suite's machine: CPU, two devices, one core per worker, one cache of compiled programs."""

import os
from pathlib import Path

from hypothesis import settings


def _add_xla_flag(flag: str) -> None:
    name = flag.split("=")[0]
    flags = os.environ.get("XLA_FLAGS", "")
    if name not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()


# All of this must stand before the first import of jax, in this process and in its children.
os.environ["JAX_PLATFORMS"] = os.environ.get("ABSORB_TEST_DEVICE", "cpu")
_add_xla_flag("--xla_force_host_platform_device_count=2")

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers fill the cores; more threads would queue
    _add_xla_flag("--xla_cpu_multi_thread_eigen=false")
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

_CACHE = Path(__file__).parents[1] / ".pytest_cache" / "compiled"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# An example that compiles takes as long as the compiler does: a deadline would only be noise.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
