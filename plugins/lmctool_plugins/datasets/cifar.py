"""CIFAR-10 and CIFAR-100 from a folder of python or binary batches (32x32 colour images).

The folder is the one that the archive unpacks to, such as ``cifar-10-batches-py``, or the one
that holds it.  Python batches are pickles, of which nothing is executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import ByteArray, check_input, read_pickle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

PIXELS = 3 * 32 * 32


@dataclass(frozen=True, slots=True)
class Layout:
    """How one of the two datasets lies in files.

    Attributes:
        folders: the folders that its archives unpack to.
        batches: the names of the files of each split, without ``.bin``.
        key: the labels' key in a python batch.
        label_bytes: bytes before the pixels of a binary record; the last one is the label.
    """

    folders: tuple[str, ...]
    batches: Mapping[str, tuple[str, ...]]
    key: str
    label_bytes: int
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


LAYOUTS = {
    "cifar10": Layout(
        folders=("cifar-10-batches-py", "cifar-10-batches-bin"),
        batches={
            "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
            "test": ("test_batch",),
        },
        key="labels",
        label_bytes=1,
        classes=10,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    ),
    "cifar100": Layout(
        folders=("cifar-100-python", "cifar-100-binary"),
        batches={"train": ("train",), "test": ("test",)},
        key="fine_labels",
        label_bytes=2,
        classes=100,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
    ),
}

Batch = tuple["NDArray[np.uint8]", "NDArray[np.int64]"]


def read_python(path: Path, layout: Layout) -> Batch:
    """Return the pixels (example, 3072) and labels of a python batch.

    Raises:
        LmctoolError: it is no such batch, or names code.
    """
    batch = read_pickle(path)
    if "data" not in batch or layout.key not in batch:
        keys = ", ".join(sorted(batch))
        raise LmctoolError(f"'{path}' has no 'data' and {layout.key!r}; it has: {keys}")
    data = batch["data"]
    try:
        pixels = data.array() if isinstance(data, ByteArray) else None
        labels = np.array(batch[layout.key], dtype=np.int64)
    except (ValueError, TypeError, OverflowError) as cause:
        raise LmctoolError(f"'{path}' is no batch of images: {cause}") from cause
    if pixels is None or pixels.shape != (len(labels), PIXELS) or labels.ndim != 1:
        shape = None if pixels is None else pixels.shape
        raise LmctoolError(
            f"'{path}' has data of shape {shape} for {labels.size} labels, not (labels, {PIXELS})"
        )
    return pixels, labels


def read_binary(path: Path, layout: Layout) -> Batch:
    """Return the pixels (example, 3072) and labels of a binary batch.

    Raises:
        LmctoolError: the file is not a whole number of records.
    """
    record = layout.label_bytes + PIXELS
    size = path.stat().st_size
    if size % record:
        raise LmctoolError(f"'{path}' has {size} bytes, not a multiple of {record}; copy it again")
    records = np.fromfile(path, np.uint8).reshape(-1, record)
    return records[:, layout.label_bytes :], records[:, layout.label_bytes - 1].astype(np.int64)


def load(paths: tuple[Path, ...], layout: Layout) -> Examples:
    """Return one split: images uint8 (example, 3, 32, 32), labels int64."""
    batches = [
        (read_binary if path.suffix == ".bin" else read_python)(path, layout) for path in paths
    ]
    pixels = np.concatenate([pixels for pixels, _ in batches])
    return Examples(
        pixels.reshape(-1, 3, 32, 32), np.concatenate([labels for _, labels in batches])
    )


def files(folder: Path, layout: Layout) -> dict[str, tuple[Path, ...]]:
    """Return the files of each split that a folder holds whole, by split."""
    splits: dict[str, tuple[Path, ...]] = {}
    for place in (folder, *(folder / name for name in layout.folders)):
        for end in ("", ".bin"):
            for split, names in layout.batches.items():
                paths = tuple(place / f"{name}{end}" for name in names)
                if split not in splits and all(path.is_file() for path in paths):
                    splits[split] = paths
    return splits


def open_cifar(word: str, location: Path | None) -> Dataset:
    """Return the dataset of a folder.

    Raises:
        LmctoolError: no folder is known, or no whole split is in it.
    """
    layout = LAYOUTS[word]
    paths_by_split = files(location, layout) if location else {}
    if not paths_by_split:
        names = ", ".join(name for split in layout.batches.values() for name in split)
        searched = f"'{location}' has none of {names} (or .bin); " if location else ""
        raise LmctoolError(
            f"{word!r} was not found: {searched}pass --data {word}:FOLDER, name it in [data.paths]"
            f" of lmctool.toml, or put it into $LMCTOOL_DATA/{word}"
        )
    for path in (path for paths in paths_by_split.values() for path in paths):
        check_input(path, f"'{path}'")
    splits = {split: partial(load, paths, layout) for split, paths in paths_by_split.items()}
    return Dataset(
        splits, str(location), layout.classes, scale=1 / 255, mean=layout.mean, std=layout.std
    )


def detect(path: Path) -> bool:
    """Return whether the path is a folder with a split of either dataset."""
    return any(files(path, layout) for layout in LAYOUTS.values())


def constants(word: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of each channel of the train split."""
    return LAYOUTS[word].mean, LAYOUTS[word].std


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data cifar10`` and ``--data cifar100``."""
    return DataFormat(open_cifar, detect, constants=constants)
