"""A directory of MNIST-shaped IDX files, gzipped or not, with checksums verified."""

import hashlib
import struct
from pathlib import Path

import numpy as np

from absorb.config import Mnist
from absorb.errors import AbsorbError
from absorb.idx import CHECKSUMS, idx_paths, read_uncompressed
from absorb.worlds.data import Data, split_three


def load_mnist_world(world: Mnist) -> Data:
    """The pictures of the stated parts, shuffled together and cut to the stated counts.

    Errors: AbsorbError naming the path and checksum expected, or the count that is too large.
    """
    root = Path(world.path).expanduser()
    arrays = verified(root, world)
    pairs = [_part(root, part, *arrays[2 * i : 2 * i + 2]) for i, part in enumerate(world.parts)]
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


def _part(root: Path, part: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if x.shape[1:] != (28, 28) or y.ndim != 1 or len(x) != len(y) or y.max(initial=0) > 9:
        raise AbsorbError(
            f"{root.absolute()}: {part} pictures {x.shape} and labels {y.shape} do not belong "
            "together; expected N pictures of 28 x 28 and N labels from 0 to 9"
        )
    return x.reshape(len(x), -1), y


def verified(root: Path, world: Mnist) -> list[np.ndarray]:
    """The arrays of all files of a world, which are the published ones or those that it states."""
    paths = idx_paths(root, world.parts)
    contents = [read_uncompressed(path) for path in paths]
    for path, content in zip(paths, contents, strict=True):
        expected = CHECKSUMS[path.name.removesuffix(".gz")]
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != expected and not world.any_checksum:
            raise AbsorbError(
                f"{path.absolute()}: md5 of the uncompressed file is {found}, expected "
                f"{expected} (world.any_checksum=true accepts other data sets of this shape)"
            )
    whole = hashlib.sha256(b"".join(contents)).hexdigest() if world.sha256 else None
    if whole != (world.sha256 or None):
        raise AbsorbError(
            f"world.sha256={world.sha256!r}: the uncompressed files in {root.absolute()} have "
            f"{whole} (world.sha256=null takes them as they are)"
        )
    return [_parse(path, content) for path, content in zip(paths, contents, strict=True)]


def _parse(path: Path, content: bytes) -> np.ndarray:
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise AbsorbError(f"{path.absolute()}: is not an IDX file of bytes")
    shape = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    body = content[4 + 4 * content[3] :]
    if len(body) != int(np.prod(shape, dtype=object)):
        raise AbsorbError(f"{path.absolute()}: header says {shape}, but {len(body)} bytes follow")
    return np.frombuffer(body, np.uint8).reshape(shape)
