"""CIFAR-10 and CIFAR-100 from python or binary batches, packed or not (32x32 colour images).

The place is the archive as it was downloaded, such as ``cifar-10-python.tar.gz``, the folder that
it unpacks to, such as ``cifar-10-batches-py``, or the one that holds either.  An archive is read
in place.  Python batches are pickles, of which nothing is executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import ByteArray, JoinedRows, MappedRows, check_input, read_pickle
from lmctool_plugins.datasets.cifar.archive import first_folder, read_members

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

PIXELS = 3 * 32 * 32


@dataclass(frozen=True, slots=True)
class Layout:
    """How one of the two datasets lies in files.

    Attributes:
        folders: the folders that its archives unpack to, by the archives' names.
        batches: the names of the files of each split, without ``.bin``.
        key: the labels' key in a python batch.
        label_bytes: bytes before the pixels of a binary record; the last one is the label.
    """

    folders: Mapping[str, str]
    batches: Mapping[str, tuple[str, ...]]
    key: str
    label_bytes: int
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


LAYOUTS = {
    "cifar10": Layout(
        folders={
            "cifar-10-python.tar.gz": "cifar-10-batches-py",
            "cifar-10-binary.tar.gz": "cifar-10-batches-bin",
        },
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
        folders={
            "cifar-100-python.tar.gz": "cifar-100-python",
            "cifar-100-binary.tar.gz": "cifar-100-binary",
        },
        batches={"train": ("train",), "test": ("test",)},
        key="fine_labels",
        label_bytes=2,
        classes=100,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
    ),
}

LARGEST = 1 << 28
"""Bytes that no batch has more of; the largest, of CIFAR-100, has 155 million."""

Batch = tuple["NDArray[np.uint8]", "NDArray[np.int64]"]


@dataclass(frozen=True, slots=True)
class Files:
    """The batches of one split.

    Attributes:
        place: their folder, or the archive that they are in.
        names: of the files, within the archive with their folder.
    """

    place: Path
    names: tuple[str, ...]

    def contents(self) -> dict[str, bytes]:
        """Return the content of each file by what to call it in an error.

        Raises:
            LmctoolError: one cannot be read.
        """
        if self.place.is_file():
            found = read_members(self.place, self.names, LARGEST)
            return {f"{self.place}, {name}": found[name] for name in self.names}
        paths = [self.place / name for name in self.names]
        for path in paths:
            check_input(path, f"'{path}'")
        return {str(path): path.read_bytes() for path in paths}


def read_python(content: bytes, name: str, layout: Layout) -> Batch:
    """Return the pixels (example, 3072) and labels of a python batch.

    Raises:
        LmctoolError: it is no such batch, or names code.
    """
    batch = read_pickle(content, name)
    if "data" not in batch or layout.key not in batch:
        keys = ", ".join(sorted(batch))
        raise LmctoolError(f"'{name}' has no 'data' and {layout.key!r}; it has: {keys}")
    data = batch["data"]
    try:
        pixels = data.array() if isinstance(data, ByteArray) else None
        labels = np.array(batch[layout.key], dtype=np.int64)
    except (ValueError, TypeError, OverflowError) as cause:
        raise LmctoolError(f"'{name}' is no batch of images: {cause}") from cause
    if pixels is None or pixels.shape != (len(labels), PIXELS) or labels.ndim != 1:
        shape = None if pixels is None else pixels.shape
        raise LmctoolError(
            f"'{name}' has data of shape {shape} for {labels.size} labels, not (labels, {PIXELS})"
        )
    return pixels, labels


def read_binary(content: bytes, name: str, layout: Layout) -> Batch:
    """Return the pixels (example, 3072) and labels of a binary batch.

    Raises:
        LmctoolError: it is not a whole number of records.
    """
    record, size = layout.label_bytes + PIXELS, len(content)
    if size % record:
        raise LmctoolError(f"'{name}' has {size} bytes, not a multiple of {record}; copy it again")
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    return records[:, layout.label_bytes :], records[:, layout.label_bytes - 1].astype(np.int64)


def load(files: Files, layout: Layout) -> Examples:
    """Return one split: images uint8 (example, 3, 32, 32), labels int64."""
    batches = [
        (read_binary if name.endswith(".bin") else read_python)(content, name, layout)
        for name, content in files.contents().items()
    ]
    pixels = JoinedRows([pixels for pixels, _ in batches])
    return Examples(
        MappedRows(pixels, lambda some: some.reshape(-1, 3, 32, 32)),
        np.concatenate([labels for _, labels in batches]),
    )


def files(location: Path, layout: Layout) -> dict[str, Files]:
    """Return the files of each split that a folder holds whole, or that an archive should."""
    if not location.is_dir():
        return _packed(location, layout)
    splits: dict[str, Files] = {}
    for place in (location, *(location / name for name in layout.folders.values())):
        for end in ("", ".bin"):
            for split, names in layout.batches.items():
                found = Files(place, tuple(f"{name}{end}" for name in names))
                if split not in splits and all((place / name).is_file() for name in found.names):
                    splits[split] = found
    for name in layout.folders:
        splits = {**_packed(location / name, layout), **splits}
    return splits


def _packed(archive: Path, layout: Layout) -> dict[str, Files]:
    """Return the files of each split that an archive should hold; none of another archive."""
    folder = first_folder(archive)
    if folder is None or folder not in layout.folders.values():
        return {}
    end = ".bin" if "bin" in folder else ""
    return {
        split: Files(archive, tuple(f"{folder}/{name}{end}" for name in names))
        for split, names in layout.batches.items()
    }


def open_cifar(word: str, location: Path | None) -> Dataset:
    """Return the dataset of a folder or an archive.

    Raises:
        LmctoolError: no place is known, or no whole split is in it.
    """
    layout = LAYOUTS[word]
    by_split = files(location, layout) if location else {}
    if not by_split:
        names = ", ".join(name for split in layout.batches.values() for name in split)
        searched = (
            f"'{location}' has none of {names} (or .bin), packed or not; " if location else ""
        )
        raise LmctoolError(
            f"{word!r} was not found: {searched}pass --data {word}:PATH, name it in [data.paths] of"
            f" lmctool.toml, or put it into $LMCTOOL_DATA/{word}"
        )
    splits = {split: partial(load, each, layout) for split, each in by_split.items()}
    return Dataset(
        splits, str(location), layout.classes, scale=1 / 255, mean=layout.mean, std=layout.std
    )


def detect(path: Path) -> set[str]:
    """Return which of the two datasets the path is, or holds a split of."""
    return {word for word, layout in LAYOUTS.items() if files(path, layout)}


def constants(word: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of each channel of the train split."""
    return LAYOUTS[word].mean, LAYOUTS[word].std


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data cifar10`` and ``--data cifar100``."""
    return DataFormat(open_cifar, detect, constants=constants)
