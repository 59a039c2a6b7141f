"""How results came about: code, versions, devices, durations; all of it plain JSON."""

import hashlib
import os
import platform
import socket
import subprocess
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import absorb
from absorb.config import Spec
from absorb.identity import CONFIG_VERSION, SCIENCE_VERSION

ROOT = Path(absorb.__file__).resolve().parent.parent
CODE = ("absorb", "sweeps", "hydra_plugins")  # what can change a result, besides the lock
LIBRARIES = ("absorb", "jax", "jaxlib", "flax", "optax", "numpy")


class Durations(NamedTuple):
    """Seconds that a batch took."""

    compile_seconds: float
    run_seconds: float


def provenance_of(
    spec: Spec, overrides: tuple[str, ...], lanes: int | None, took: Durations
) -> dict[str, Any]:
    """The provenance of one batch; the settings that differ between its runs stand in the rows."""
    return {
        "code": code_version(),
        "config": asdict(spec),
        "overrides": list(overrides),
        "config_version": CONFIG_VERSION,
        "science_version": SCIENCE_VERSION,
        "lock": lock_hash(),
        "versions": versions(),
        "lanes": lanes,
        **devices(),
        **took._asdict(),
        "host": socket.gethostname(),
    }


@lru_cache(maxsize=1)
def code_version() -> dict[str, str | None]:
    """Git revision, and a hash of the changes to the code since; nulls outside a checkout."""
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(os.fsdecode(top).strip()).resolve() != ROOT:
        return {"revision": None, "dirty": None}
    revision = os.fsdecode(_git("rev-parse", "HEAD") or b"").strip() or None
    return {"revision": revision, "dirty": _dirty_hash()}


def _dirty_hash() -> str | None:
    diff = _git("diff", "HEAD", "--binary", "--", *CODE) or b""
    new = _git("ls-files", "--others", "--exclude-standard", "-z", "--", *CODE) or b""
    sources = sorted(name for name in new.split(b"\0") if name.endswith(b".py"))
    if not diff and not sources:
        return None
    digest = hashlib.sha256(diff)
    for name in sources:
        digest.update(name + b"\0" + (ROOT / os.fsdecode(name)).read_bytes())
    return digest.hexdigest()


def _git(*arguments: str) -> bytes | None:
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return None


@lru_cache(maxsize=1)
def lock_hash() -> str | None:
    """SHA-256 of requirements.lock, or None outside a checkout."""
    path = ROOT / "requirements.lock"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


@lru_cache(maxsize=1)
def versions() -> dict[str, str | None]:
    """Versions of Python and of the libraries that numbers depend on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def devices() -> dict[str, Any]:
    """Kind and number of JAX's local devices, its flags and its matmul precision."""
    import jax

    local = jax.local_devices()
    return {
        "device_kind": local[0].device_kind,
        "devices": len(local),
        "xla_flags": os.environ.get("XLA_FLAGS"),
        "precision": jax.config.jax_default_matmul_precision or "default",  # type: ignore
        "x64": bool(jax.config.jax_enable_x64),  # type: ignore[attr-defined]
    }
