"""Arrays of runs in safetensors files: parameters and trajectories beside a shard's rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from absorb.errors import AbsorbError
from absorb.store.atomic import DamageError

if TYPE_CHECKING:
    import numpy as np

_DTYPES = frozenset(
    ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
_MAX_ARRAY_NAME = 200


def encode_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Safetensors bytes of named arrays; the same arrays give the same bytes.

    Raises AbsorbError naming an array whose type or name the format cannot hold.
    """
    import numpy as np
    import safetensors.numpy

    # order="C" and not ascontiguousarray, which would turn a scalar into a vector.
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in plain.items():
        _check_array(name, array)
    return safetensors.numpy.save(plain)


def _check_array(name: object, array: np.ndarray) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ARRAY_NAME or not name.isprintable():
        raise AbsorbError(f"array name {name!r:.80}: printable text of 1 to {_MAX_ARRAY_NAME}")
    if array.dtype.name not in _DTYPES:
        raise AbsorbError(f"array {name!r} has type {array.dtype}; one of {sorted(_DTYPES)}")


def encode_run_arrays(
    arrays: Mapping[str, Mapping[str, np.ndarray]], run_ids: Collection[str]
) -> bytes:
    """Safetensors bytes of run id -> name -> array; raises AbsorbError for a run without a row."""
    strangers = set(arrays) - set(run_ids)
    if strangers:
        raise AbsorbError(f"arrays of run {min(strangers)!r:.80}, which has no row in this shard")
    flat = {
        f"{run_id}/{name}": array
        for run_id, of_run in arrays.items()
        for name, array in of_run.items()
    }
    return encode_arrays(flat)


def read_run_arrays(path: Path, run_id: str) -> dict[str, np.ndarray]:
    """The arrays of one run, by name; empty if the file has none of it. Raises DamageError."""
    import safetensors

    prefix = f"{run_id}/"
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            keys = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118
            return {key[len(prefix) :]: file.get_tensor(key) for key in keys}
    except (safetensors.SafetensorError, OSError) as error:
        raise DamageError(f"not a readable safetensors file ({error})") from error


def decode_arrays(data: bytes) -> dict[str, np.ndarray]:
    """The arrays in safetensors bytes, by name. Raises DamageError."""
    import safetensors
    import safetensors.numpy

    try:
        return safetensors.numpy.load(data)
    except safetensors.SafetensorError as error:
        raise DamageError(f"not readable as safetensors ({error})") from error
