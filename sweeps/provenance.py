"""How results came about: code, versions, devices, durations; all of it plain JSON."""

import hashlib
import json
import os
import platform
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import absorb
from absorb.config import Spec
from absorb.identity import CONFIG_VERSION, SCIENCE_VERSION

ROOT = Path(absorb.__file__).resolve().parent.parent
CODE = ("absorb", "sweeps", "hydra_plugins")
AFTERWARDS = ("stats", "store", "cli.py")  # of absorb: they read and keep what was measured
LIBRARIES = ("absorb", "jax", "jaxlib", "flax", "optax", "numpy")


class Durations(NamedTuple):
    """Seconds that a batch took."""

    compile_seconds: float
    run_seconds: float


def provenance_of(
    spec: Spec,
    overrides: tuple[str, ...],
    lanes: int | None,
    took: Durations,
    networks: Iterable[str | None] = (),
) -> dict[str, Any]:
    """The provenance of one batch; the settings that differ between its runs stand in the rows.

    `networks` are the codes, as tables have them, of the stored networks that it rests on.
    """
    return {
        "code": code_with(networks),
        "git": git_state(),
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
def code_version() -> dict[str, str]:
    """What can change a result, as it lies on disk: the same in a checkout and in a wheel.

    That is the library up to one batch of networks. `stats`, `store` and the command line come
    after it in the order of imports. `sweeps` chooses what runs and where, which rows and their
    provenance say themselves: configs, networks, lanes, devices.
    """
    return {"sources": sources_hash(ROOT / "absorb")}


def code_with(networks: Iterable[str | None]) -> dict[str, Any]:
    """Today's code, and what is known of the other code by which some of `networks` were made."""
    others = sorted({code for code in networks if code != code_text()}, key=str)
    known = [None if code is None else json.loads(code) for code in others]
    return {**code_version(), **({"networks": known} if known else {})}


def code_text() -> str:
    """Today's code as tables of the store have it, for rows that are by it alone."""
    return json.dumps(code_version(), sort_keys=True)


def sources_hash(package: Path) -> str:
    """SHA-256 of the Python files of `absorb` that can change a result, and of their names."""
    found = ((path.relative_to(package), path) for path in package.rglob("*.py"))
    digest = hashlib.sha256()
    for name, path in sorted((name.as_posix(), path) for name, path in found):
        if name.split("/")[0] not in AFTERWARDS and path.is_file():
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def git_state() -> dict[str, str | bool | None]:
    """For people: the commit, and whether the code was changed since; nulls outside a checkout."""
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(os.fsdecode(top).strip()).resolve() != ROOT:
        return {"revision": None, "changed": None}
    revision = os.fsdecode(_git("rev-parse", "HEAD") or b"").strip() or None
    return {"revision": revision, "changed": bool(_git("status", "--porcelain", "--", *CODE))}


def code_line(code: str | None, git: Mapping[str, Any] | None) -> str:
    """The code that rows are by in one line, with what git said of it where that is known."""
    parts = [code or "", json.dumps(git, sort_keys=True) if git else ""]
    return " ".join(filter(None, parts))


def _git(*arguments: str) -> bytes | None:
    command = ["git", "--no-optional-locks", "-C", str(ROOT), *arguments]
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
