"""The devices and the compiler's cache of this machine, arranged before JAX is imported."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

_FLAG = "--xla_force_host_platform_device_count"


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_up_devices(devices: int | None = None) -> None:
    """Make JAX see a CPU device per core, or `devices` of them, and keep what it compiles.

    Has to come before JAX is imported and does nothing after that. Accelerators are not touched,
    and what the user's own environment says is kept.
    """
    if "jax" in sys.modules:
        return
    add_flag(_FLAG, str(devices or usable_cores()))
    add_flag("--xla_cpu_multi_thread_eigen", "false")  # lanes fill the cores already
    if has_wide_vectors():
        add_flag("--xla_cpu_prefer_vector_width", "512")  # a few percent, if anything: LOG.md
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(compiler_cache()))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def add_flag(name: str, value: str) -> None:
    """Give XLA a flag, unless the user's environment has it already."""
    flags = os.environ.get("XLA_FLAGS", "")
    if name not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {name}={value}".strip()


def has_wide_vectors() -> bool:
    """Whether the processor has 512-bit vectors; elsewhere the compiler's own choice is better."""
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and "avx512f" in cpu.read_text(errors="replace")


def compiler_cache() -> Path:
    """Where compiled programs are kept: the user's cache directory, apart for each JAX."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "absorb" / f"jax-{version('jax')}"
