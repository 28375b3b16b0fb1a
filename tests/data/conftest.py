"""Small data files of every format."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an IDX file of bytes, compressed where its name ends in .gz."""
    raw = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


@pytest.fixture
def images() -> NDArray[np.uint8]:
    """Return 20 images of 28x28."""
    return np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    """Return 20 labels, two of each class."""
    return np.repeat(np.arange(10, dtype=np.uint8), 2)


@pytest.fixture
def idx_folder(tmp_path: Path, images: NDArray[Any], labels: NDArray[Any]) -> Path:
    """Return a folder with both splits as IDX, train compressed and test not."""
    folder = tmp_path / "idx"
    folder.mkdir()
    write_idx(folder / "train-images-idx3-ubyte.gz", images)
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels)
    write_idx(folder / "t10k-images.idx3-ubyte", images[:5])
    write_idx(folder / "t10k-labels.idx1-ubyte", labels[:5])
    return folder


@pytest.fixture
def save_npz(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes named arrays to an npz file."""

    def save(**arrays: Any) -> Path:
        path = tmp_path / "data.npz"
        np.savez_compressed(path, **arrays)
        return path

    return save
