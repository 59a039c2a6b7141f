"""IDX files as a user may have them: right, altered, cut short, missing, another data set."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.worlds import load_world
from sweeps.app import compose


def write_idx(path, array: np.ndarray) -> None:
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", rng.integers(0, 256, (50, 28, 28)))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", rng.integers(0, 10, 50))
    return tmp_path


def world(folder, *extra):
    counts = ["world.train_count=30", "world.validation_count=10", "world.test_count=10"]
    files = ["world=mnist", f"world.path='{folder}'", "world.parts=[t10k]", "train.batch=16"]
    return compose([*files, *counts, *extra]).world


def test_any_data_set_of_this_shape_needs_a_stated_opt_in(folder):
    with pytest.raises(AbsorbError, match=r"any_checksum=true"):
        load_world(world(folder))
    data = load_world(world(folder, "world.any_checksum=true"))
    assert data.train.x_NF.shape == (30, 784) and data.test.class_N.shape == (10,)
    assert data.train.x_NF.min() == -1 and data.train.x_NF.max() == 1


def test_other_pictures_are_named_by_their_content(folder):
    """Gzipped or not, moved or not: the same; edited in between: refused by both checksums."""
    before = world(folder, "world.any_checksum=true")
    images, labels = folder / "t10k-images-idx3-ubyte", folder / "t10k-labels-idx1-ubyte"
    images.write_bytes(gzip.decompress(images.with_suffix(".gz").read_bytes()))
    content = images.read_bytes() + labels.read_bytes()
    assert before.sha256 == hashlib.sha256(content).hexdigest()
    assert world(folder, "world.any_checksum=true") == before
    write_idx(labels, np.zeros(50))
    after = world(folder, "world.any_checksum=true").sha256
    assert after != before.sha256
    with pytest.raises(AbsorbError, match=rf"sha256='{before.sha256}'.*{after}"):
        load_world(before)


def test_missing_files_name_path_and_checksum(tmp_path):
    with pytest.raises(
        AbsorbError, match=r"t10k-images-idx3-ubyte\.gz.*2646ac647ad5339dbf082846283269ea"
    ):
        load_world(world(tmp_path))


@pytest.mark.parametrize("damage", ["cut", "not_gzip", "header", "mismatch"])
def test_damaged_files_are_named(folder, damage):
    images = folder / "t10k-images-idx3-ubyte.gz"
    if damage == "cut":
        images.write_bytes(images.read_bytes()[:-100])
    elif damage == "not_gzip":
        images.write_bytes(b"hello")
    elif damage == "header":
        content = b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 2**31) + b"\0" * 10
        images.write_bytes(gzip.compress(content))
    else:
        write_idx(folder / "t10k-labels-idx1-ubyte", np.zeros(49))
    with pytest.raises(AbsorbError, match=str(folder)):
        load_world(world(folder, "world.any_checksum=true"))


def test_pictures_of_another_size_are_refused(folder):
    write_idx(folder / "t10k-images-idx3-ubyte.gz", np.zeros((50, 32, 32)))
    with pytest.raises(AbsorbError, match=r"\(50, 32, 32\).*28 x 28"):
        load_world(world(folder, "world.any_checksum=true"))


def test_counts_beyond_the_pictures_are_refused(folder):
    with pytest.raises(AbsorbError, match="= 60: must be at most 50"):
        load_world(world(folder, "world.any_checksum=true", "world.train_count=40"))
