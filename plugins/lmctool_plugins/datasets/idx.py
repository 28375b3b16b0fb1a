"""MNIST and Fashion-MNIST from a folder of IDX files (28x28 grey images, 10 classes).

The folder holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same for
``t10k``, each as it is or with ``.gz``; ``train-images.idx3-ubyte`` is understood too.
"""

from __future__ import annotations

import gzip
import math
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import check_input, most_unpacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREFIXES = {"train": "train", "test": "t10k"}
MEAN = {"mnist": (0.1307,), "fashion-mnist": (0.2860,)}
STD = {"mnist": (0.3081,), "fashion-mnist": (0.3530,)}
SYSTEM = {  # where Debian's dataset-fashion-mnist lies, today's name and an earlier one
    "fashion-mnist": (
        Path("/usr/share/datasets/fashion-mnist"),
        Path("/usr/share/dataset-fashion-mnist"),
    )
}
DEFLATE_MOST = 1032  # deflate cannot expand further than that: zlib's technical notes


def read(path: Path, dims: int) -> NDArray[np.uint8]:
    """Return the array of bytes that an IDX file holds.

    Args:
        path: the file; ``.gz`` at its end says that it is compressed.
        dims: how many axes it must have.

    Raises:
        LmctoolError: it is no such file, or its header disagrees with its size; checked before
            memory is taken.
    """
    packed = path.suffix == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            head = file.read(4 + 4 * dims)
            if head[:4] != bytes([0, 0, 8, dims]) or len(head) < 4 + 4 * dims:
                raise LmctoolError(f"'{path}' is not an IDX file of bytes with {dims} axes")
            shape = tuple(int(size) for size in np.frombuffer(head, ">u4", offset=4))
            due, size = math.prod(shape), path.stat().st_size
            if due > (min(size * DEFLATE_MOST, most_unpacked(size)) if packed else size):
                raise _truncated(path, shape, size)
            body = file.read(due + 1)
    except (OSError, EOFError, zlib.error) as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause}") from cause
    if len(body) != due:
        raise _truncated(path, shape, len(body))
    return np.frombuffer(body, np.uint8).reshape(shape)


def load(images: Path, labels: Path) -> Examples:
    """Return one split: images uint8 (example, 1, height, width), labels int64."""
    return Examples(read(images, 3)[:, None], read(labels, 1).astype(np.int64))


def files(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return the images and labels of each split that the folder holds whole, by split."""
    splits = {}
    for split, prefix in PREFIXES.items():
        images = _one(folder, f"{prefix}-images", "idx3-ubyte")
        labels = _one(folder, f"{prefix}-labels", "idx1-ubyte")
        if images and labels:
            splits[split] = (images, labels)
    return splits


def open_idx(word: str, location: Path | None) -> Dataset:
    """Return the dataset of a folder, by default the system's.

    Raises:
        LmctoolError: there is no folder, or no whole split in it.
    """
    places = SYSTEM.get(word, ()) if location is None else (location,)
    folder = next((place for place in places if files(place)), None)
    if folder is None:
        searched = "".join(f"no pair of IDX files in '{place}'; " for place in places)
        raise LmctoolError(
            f"{word!r} was not found: {searched}pass --data {word}:FOLDER, name it in [data.paths]"
            f" of lmctool.toml, or put it into $LMCTOOL_DATA/{word}"
        )
    pairs = files(folder)
    for file in (file for pair in pairs.values() for file in pair):
        check_input(file, f"'{file}'")
    splits = {split: partial(load, *pair) for split, pair in pairs.items()}
    mean, std = MEAN.get(word, ()), STD.get(word, ())
    return Dataset(splits, str(folder), classes=10, scale=1 / 255, mean=mean, std=std)


def detect(path: Path) -> bool:
    """Return whether the path is a folder with a split of IDX files."""
    return bool(files(path))


def constants(word: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of the train split, after the scale."""
    return MEAN[word], STD[word]


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data mnist`` and ``--data fashion-mnist``."""
    return DataFormat(open_idx, detect, constants=constants)


def _one(folder: Path, stem: str, kind: str) -> Path | None:
    names = (f"{stem}{joint}{kind}{end}" for joint in "-." for end in ("", ".gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _truncated(path: Path, shape: tuple[int, ...], size: int) -> LmctoolError:
    return LmctoolError(
        f"'{path}' is damaged: its header names {' x '.join(map(str, shape))} bytes and it holds"
        f" {'more' if size > math.prod(shape) else 'fewer'}; copy it again"
    )
