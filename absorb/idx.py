"""The files of an MNIST-shaped data set: their names, their bytes, and the published checksums."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from absorb.errors import AbsorbError

# md5 of the uncompressed files as distributed by the authors of MNIST.
CHECKSUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def idx_paths(root: Path, parts: Sequence[str]) -> list[Path]:
    """Pictures and labels of each part, as they lie there: plain, or else gzipped."""
    names = [f"{part}-{of}-ubyte" for part in parts for of in ("images-idx3", "labels-idx1")]
    return [root / n if (root / n).exists() else root / f"{n}.gz" for n in names]


def read_uncompressed(path: Path) -> bytes:
    """A file's bytes, unzipped where its name says so.

    Errors: AbsorbError naming the whole path, and the checksum expected of a file not there.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except FileNotFoundError:
        raise AbsorbError(
            f"world.path: {path.absolute()} is not there; expected this file, gzipped or not "
            f"(md5 {CHECKSUMS[path.name.removesuffix('.gz')]} when uncompressed)"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise AbsorbError(f"{path.absolute()}: cannot be read: {error}") from None
