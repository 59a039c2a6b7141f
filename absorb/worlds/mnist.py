"""A directory of MNIST-shaped IDX files, gzipped or not, with checksums verified."""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np

from absorb.config import Mnist
from absorb.errors import AbsorbError
from absorb.worlds.data import Data, split_three

# md5 of the uncompressed files as distributed by the authors of MNIST.
CHECKSUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def load_mnist_world(world: Mnist) -> Data:
    """The pictures of the stated parts, shuffled together and cut to the stated counts.

    Errors: AbsorbError naming the path and checksum expected, or the count that is too large.
    """
    root = Path(world.path).expanduser()
    pairs = [_part(root, part, world.any_checksum) for part in world.parts]
    x_NF = np.concatenate([x for x, _ in pairs])
    class_N = np.concatenate([y for _, y in pairs])
    counts = (world.train_count, world.validation_count, world.test_count)
    if sum(counts) > len(x_NF):
        raise AbsorbError(
            f"world.train_count + validation_count + test_count = {sum(counts)}: "
            f"must be at most {len(x_NF)}, the pictures in {root.absolute()}"
        )
    x_NF = x_NF / np.float32(255)
    return split_three(2 * x_NF - 1 if world.centred else x_NF, class_N, counts, world.split_seed)


def _part(root: Path, part: str, any_checksum: bool) -> tuple[np.ndarray, np.ndarray]:
    x = read_idx(root, f"{part}-images-idx3-ubyte", any_checksum)
    y = read_idx(root, f"{part}-labels-idx1-ubyte", any_checksum)
    if x.shape[1:] != (28, 28) or y.ndim != 1 or len(x) != len(y) or y.max(initial=0) > 9:
        raise AbsorbError(
            f"{root.absolute()}: {part} pictures {x.shape} and labels {y.shape} do not belong "
            "together; expected N pictures of 28 x 28 and N labels from 0 to 9"
        )
    return x.reshape(len(x), -1), y


def read_idx(root: Path, name: str, any_checksum: bool) -> np.ndarray:
    """The array in one IDX file of bytes, gzipped or not."""
    path = root / name if (root / name).exists() else root / f"{name}.gz"
    content = _content(path, name)
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != CHECKSUMS[name] and not any_checksum:
        raise AbsorbError(
            f"{path.absolute()}: md5 of the uncompressed file is {found}, expected "
            f"{CHECKSUMS[name]} (world.any_checksum=true accepts other data sets of this shape)"
        )
    return _parse(path, content)


def _content(path: Path, name: str) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except FileNotFoundError:
        raise AbsorbError(
            f"world.path: {path.absolute()} is not there; expected this file, gzipped or not "
            f"(md5 {CHECKSUMS[name]} when uncompressed)"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise AbsorbError(f"{path.absolute()}: cannot be read: {error}") from None


def _parse(path: Path, content: bytes) -> np.ndarray:
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise AbsorbError(f"{path.absolute()}: is not an IDX file of bytes")
    shape = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    body = content[4 + 4 * content[3] :]
    if len(body) != int(np.prod(shape, dtype=object)):
        raise AbsorbError(f"{path.absolute()}: header says {shape}, but {len(body)} bytes follow")
    return np.frombuffer(body, np.uint8).reshape(shape)
