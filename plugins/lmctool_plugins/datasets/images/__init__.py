"""A folder of images: a folder for each class, or images with masks beside them.

``images:FOLDER`` holds ``train``, ``val``, ``test`` or the like, each with a folder of images for
each class, as torchvision's ImageFolder reads it; a folder of such folders alone is the split
test.  Classes are numbered in the order of their folders' names, or of the lines of a text file,
``?classes=FILE``.  Where ``images`` and ``masks`` stand in the place of classes, the mask of
``images/x.jpg`` is ``masks/x.png``, whose pixels are classes; ``?ignore=255`` leaves those of one
number out.

Images are resized and cropped as the configuration of the checkpoints or of a model of torchvision
or timm says, or as ``?resize=256&crop=224&interpolation=bicubic`` does; ``?resize=none`` leaves
their size, ``?channels=1`` makes them grey.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import preprocessing_of
from lmctool_plugins.datasets.images.files import Files, Masks
from lmctool_plugins.datasets.images.folders import (
    classes_in,
    is_pair,
    looks_like_images,
    named_classes,
    paired,
    split_folders,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


MEANT = {
    "ignore": "it leaves a class of masks out, and here is a folder for each class",
    "classes": "it orders folders of classes, and here are masks",
}


def load(by_class: Mapping[int, tuple[Path, ...]]) -> Examples:
    """Return one split: the images of each class, class after class."""
    counts = [len(paths) for paths in by_class.values()]
    targets = np.repeat(np.array([*by_class], dtype=np.int64), counts)
    return Examples(Files(tuple(path for paths in by_class.values() for path in paths)), targets)


def load_masked(folder: Path, ignored: int | None) -> Examples:
    """Return one split: images, and a mask for each.

    Raises:
        LmctoolError: an image has no mask.
    """
    images, masks = paired(folder)
    return Examples(Files(images), Masks(masks, ignored))


def open_images(
    word: str,
    location: Path | None,
    classes: object = None,
    ignore: object = None,
    **shape: object,
) -> Dataset:
    """Return the dataset of a folder.

    Args:
        word: the word that names this format.
        location: the folder.
        classes: a file with the name of a class in each line, in the order of their numbers.
        ignore: the class of masks that counts for nothing.
        shape: what images become, as ``preprocessing_of`` takes it.

    Raises:
        LmctoolError: no folder was named, it holds no images, or an argument is unusable.
    """
    if location is None or not location.is_dir():
        raise LmctoolError(f"{word!r} needs a folder; pass --data {word}:FOLDER")
    how = preprocessing_of(**shape)
    folders = split_folders(location)
    masked = {is_pair(folder) for folder in folders.values()}
    if len(masked) > 1:
        raise LmctoolError(f"'{location}' has masks in some splits and not in others")
    unused = "ignore" if ignore is not None else "classes" if classes is not None else ""
    if unused and masked == {unused == "classes"}:
        raise LmctoolError(f"?{unused}= says nothing of '{location}': {MEANT[unused]}")
    if ignore is not None and type(ignore) is not int:
        raise LmctoolError(f"?ignore={ignore} is no class; it takes a whole number, such as 255")
    dataset = _masked(folders, ignore) if True in masked else _by_class(folders, classes)
    return replace(dataset, source=str(location), preprocessing=how)


def _masked(folders: Mapping[str, Path], ignored: int | None) -> Dataset:
    splits = {name: partial(load_masked, folder, ignored) for name, folder in folders.items()}
    return Dataset(splits, "", classes=0, task="segmentation")


def _by_class(folders: Mapping[str, Path], listed: object) -> Dataset:
    found = {split: classes_in(folder) for split, folder in folders.items()}
    names, told = named_classes(found, listed)
    number = {name: place for place, name in enumerate(names)}
    numbered = {
        split: {number[name]: paths for name, paths in by_name.items()}
        for split, by_name in found.items()
    }
    splits = {split: partial(load, by_class) for split, by_class in numbered.items()}
    return Dataset(splits, "", len(names), class_names=names, read_as=told)


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data images:FOLDER``."""
    shaping = {"resize", "crop", "interpolation", "channels"}
    return DataFormat(open_images, looks_like_images, frozenset({"classes", "ignore", *shaping}))
