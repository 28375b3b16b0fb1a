"""MNIST, Fashion-MNIST, KMNIST and EMNIST from a folder of IDX files (28x28 grey images).

The folder holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same for
``t10k``, each as it is or with ``.gz``; ``train-images.idx3-ubyte`` is understood too.  It may be
the root of torchvision, too, whose files lie in ``MNIST/raw`` and the like.

EMNIST has ``emnist-balanced-train-images-idx3-ubyte`` and so on, of one or more of its six data
sets: ``emnist:FOLDER?split=balanced|byclass|bymerge|digits|letters|mnist``.  Its images are stored
with their rows and columns changed over, and stay so, as torchvision gives them.  The letters
count from 1, so that there are 27 classes, of which no image has the first;
``?labels=from-1`` takes them as 26.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import MappedRows, check_input, told_apart
from lmctool_plugins.datasets.idx.idx_file import read, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Argument

PREFIXES = {"train": "train", "test": "t10k"}
MEAN = {"mnist": (0.1307,), "fashion-mnist": (0.2860,)}
STD = {"mnist": (0.3081,), "fashion-mnist": (0.3530,)}
FOLDERS = {
    "mnist": "MNIST",
    "fashion-mnist": "FashionMNIST",
    "kmnist": "KMNIST",
    "emnist": "EMNIST",
}
"""Where torchvision keeps each, below its root."""
WITHIN = ("raw", "gzip")
"""The folders that torchvision and the archive of EMNIST keep the files in."""
MERGED = digits + ascii_uppercase + "abdefghnqrt"
"""The classes of EMNIST where the small letters that look like capitals count as these."""
EMNIST = {
    "balanced": tuple(MERGED),
    "byclass": tuple(digits + ascii_uppercase + ascii_lowercase),
    "bymerge": tuple(MERGED),
    "digits": tuple(digits),
    "letters": ("none", *ascii_lowercase),
    "mnist": tuple(digits),
}
"""The classes of each data set of EMNIST, as torchvision numbers them."""
SYSTEM = {  # where Debian's dataset-fashion-mnist lies, today's name and an earlier one
    "fashion-mnist": (
        Path("/usr/share/datasets/fashion-mnist"),
        Path("/usr/share/dataset-fashion-mnist"),
    )
}


def load(images: Path, labels: Path) -> Examples:
    """Return one split: images uint8 (example, 1, height, width), labels int64."""
    inputs = MappedRows(rows(images, 3), lambda some: some[:, None])
    return Examples(inputs, read(labels, 1).astype(np.int64))


def load_from_1(images: Path, labels: Path, split: str) -> Examples:
    """Return one split whose stored labels count from 1."""
    found = load(images, labels)
    targets = told_apart({split: found.targets}, f"'{labels}'", "from-1")
    return Examples(found.inputs, targets.splits[split])


def files(folder: Path, emnist: str | None = None) -> dict[str, tuple[Path, Path]]:
    """Return the images and labels of each split that the folder holds whole, by split.

    Args:
        folder: the folder.
        emnist: the data set of EMNIST; None for data that is not EMNIST's.
    """
    splits = {}
    for split, prefix in PREFIXES.items():
        start = f"emnist-{emnist}-{split}" if emnist else prefix
        images = _one(folder, f"{start}-images", "idx3-ubyte")
        labels = _one(folder, f"{start}-labels", "idx1-ubyte")
        if images and labels:
            splits[split] = (images, labels)
    return splits


def open_idx(word: str, location: Path | None, **arguments: Argument) -> Dataset:
    """Return the dataset of a folder, by default the system's.

    Raises:
        LmctoolError: there is no folder, or no whole split in it, or it takes no such argument.
    """
    if word != "emnist" and arguments:
        raise LmctoolError(f"data {word!r} has no argument {min(arguments)!r}; it has none")
    roots = SYSTEM.get(word, ()) if location is None else (location,)
    places = [place for root in roots for place in _places(root, word)]
    folder = next((place for place in places if _held(place, word)), None)
    if folder is None:
        searched = "".join(f"no pair of IDX files in '{root}'; " for root in roots)
        raise LmctoolError(
            f"{word!r} was not found: {searched}pass --data {word}:FOLDER, name it in [data.paths]"
            f" of lmctool.toml, or put it into $LMCTOOL_DATA/{word}"
        )
    if word == "emnist":
        return _emnist(folder, arguments)
    pairs = _checked(files(folder))
    splits = {split: partial(load, *pair) for split, pair in pairs.items()}
    mean, std = MEAN.get(word, ()), STD.get(word, ())
    return Dataset(splits, str(folder), classes=10, scale=1 / 255, mean=mean, std=std)


def detect(path: Path) -> set[str]:
    """Return which of the datasets a folder of IDX files is; by its name, where that says it."""
    named = {word for word, name in FOLDERS.items() if name in (path.name, path.parent.name)}
    return {
        word
        for word in named or FOLDERS
        if any(_held(place, word) for place in _places(path, word))
    }


def constants(word: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of the train split, after the scale.

    Both are empty for KMNIST and EMNIST.
    """
    return MEAN.get(word, ()), STD.get(word, ())


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data mnist``, ``fashion-mnist``, ``kmnist`` and ``emnist``."""
    return DataFormat(open_idx, detect, frozenset({"split", "labels"}), constants)


def _emnist(folder: Path, arguments: Mapping[str, Argument]) -> Dataset:
    """Return one of EMNIST's data sets: the only one there, or the one that is asked for."""
    held = _held(folder, "emnist")
    name, labels = arguments.get("split"), arguments.get("labels")
    if name not in held if name is not None else len(held) > 1:
        wrong = "several of EMNIST's data sets" if name is None else f"no data set {name!r}"
        raise LmctoolError(f"'{folder}' has {wrong}; say ?split= with one of {', '.join(held)}")
    if labels not in {None, "classes", "from-1"}:
        raise LmctoolError(f"the labels of EMNIST are no {labels!r}, but classes or from-1")
    (chosen,) = held if name is None else [str(name)]
    pairs = _checked(files(folder, chosen))
    shifted = labels == "from-1"
    classes = EMNIST[chosen][shifted:]
    splits = {
        split: partial(load_from_1, *pair, split) if shifted else partial(load, *pair)
        for split, pair in pairs.items()
    }
    return Dataset(splits, str(folder), len(classes), scale=1 / 255, class_names=classes)


def _held(folder: Path, word: str) -> list[str]:
    """Return the data sets of which a folder holds a split; of a word with a single one, that."""
    if word == "emnist":
        return [name for name in EMNIST if files(folder, name)]
    return [word] if files(folder) else []


def _places(root: Path, word: str) -> list[Path]:
    """Return the folders in which the files may lie."""
    folders = [root, root / FOLDERS[word]] if word in FOLDERS else [root]
    return [place for folder in folders for place in (folder, *(folder / n for n in WITHIN))]


def _checked(pairs: dict[str, tuple[Path, Path]]) -> dict[str, tuple[Path, Path]]:
    for file in (file for pair in pairs.values() for file in pair):
        check_input(file, f"'{file}'")
    return pairs


def _one(folder: Path, stem: str, kind: str) -> Path | None:
    names = (f"{stem}{joint}{kind}{end}" for joint in "-." for end in ("", ".gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)
