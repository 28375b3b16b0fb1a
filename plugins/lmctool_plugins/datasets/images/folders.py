"""Where images lie in folders: splits, classes, and images beside their masks."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError
from lmctool.api.advanced import SPLIT_NAMES, check_input, did_you_mean, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What images are called, as torchvision's ``IMG_EXTENSIONS``."""
PAIR = {"images", "masks"}
LOOKED_AT = 100
"""Entries of a folder among which one must be an image, where nobody says that it has images."""


def split_folders(folder: Path) -> dict[str, Path]:
    """Return the folder of each split by name; of none by such a name all is test.

    Raises:
        LmctoolError: two of them mean one split.
    """
    splits: dict[str, Path] = {}
    for each in _folders(folder):
        if (
            each.name.lower() in SPLIT_NAMES
            and splits.setdefault(split_name(each.name), each) != each
        ):
            other = splits[split_name(each.name)]
            raise LmctoolError(f"'{other}' and '{each}' both mean split {split_name(each.name)!r}")
    return splits or {"test": folder}


def is_pair(folder: Path) -> bool:
    """Tell whether a folder holds images, and masks for them."""
    return {each.name for each in _folders(folder)} == PAIR


def classes_in(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the images of each class, as ``torchvision.datasets.ImageFolder`` orders them.

    Raises:
        LmctoolError: there are none, or no folder of a class.
    """
    names = sorted(each.name for each in _folders(folder))
    found = {name: tuple(_images_under(folder / name)) for name in names}
    if not any(found.values()):
        what = f"has no images (such as {', '.join(EXTENSIONS[:3])}) in a folder for each class"
        raise LmctoolError(f"'{folder}' {what}")
    return found


def paired(folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the images of a folder in the order of their names, and the mask of each.

    Raises:
        LmctoolError: there are none, or an image has no mask.
    """
    images = tuple(_images_under(folder / "images"))
    if not images:
        raise LmctoolError(f"'{folder / 'images'}' has no images")
    masks = {
        path.relative_to(folder / "masks").with_suffix(""): path
        for path in _images_under(folder / "masks")
    }
    keys = [path.relative_to(folder / "images").with_suffix("") for path in images]
    for key in keys:
        if key not in masks:
            raise LmctoolError(f"image '{folder / 'images' / key}' has no mask in 'masks'")
    return images, tuple(masks[key] for key in keys)


def named_classes(
    found: Mapping[str, Mapping[str, object]], listed: object
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of all classes in the order of their numbers, and that order in words.

    Args:
        found: the classes of each split.
        listed: a file with a name in each line, or None for the order of the folders' names.

    Raises:
        LmctoolError: the file cannot be read, or lacks a class.
    """
    names = sorted({name for by_name in found.values() for name in by_name})
    order = f"in the order of their folders' names, from {names[0]!r} (0) to {names[-1]!r}"
    if listed is not None:
        names, order = _listed(Path(str(listed)), names), f"in the order of '{listed}'"
    told = [f"classes are numbered {order}, {len(names)} of them"]
    for split, by_name in found.items():
        if len(by_name) < len(names):
            told.append(f"split {split!r} has folders for {len(by_name)} of the classes")
    return tuple(names), tuple(told)


def looks_like_images(path: Path) -> bool:
    """Return whether a path is a folder with folders of images in it."""
    if not path.is_dir():
        return False
    folders = [each for split in split_folders(path).values() for each in _folders(split)]
    return any(_has_images(folder) for folder in folders)


def _listed(path: Path, names: list[str]) -> list[str]:
    path = path.expanduser()
    check_input(path, f"list of classes '{path}'")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as cause:
        raise LmctoolError(f"list of classes '{path}' cannot be read: {cause}") from cause
    listed = [line for line in lines if line]
    if len(set(listed)) < len(listed):
        raise LmctoolError(f"list of classes '{path}' has a name twice")
    for name in names:
        if name not in listed:
            near = did_you_mean(name, listed)
            raise LmctoolError(
                f"list of classes '{path}' lacks {name!r}, which has a folder; {near}it has"
                " a name in each line"
            )
    return listed


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder by name, but for hidden ones."""
    try:
        with os.scandir(folder) as entries:
            names = [each.name for each in entries if each.is_dir()]
    except OSError as cause:
        raise LmctoolError(f"folder '{folder}' cannot be read: {cause.strerror}") from cause
    return [folder / name for name in sorted(names) if not name.startswith(".")]


def _images_under(folder: Path) -> Iterator[Path]:
    """Give the images at any depth of a folder, in the order that torchvision has them in."""
    for root, _, names in sorted(os.walk(folder, followlinks=True)):
        yield from (Path(root, name) for name in sorted(names) if _is_image(name))


def _has_images(folder: Path) -> bool:
    """Tell whether one of the first entries of a folder is an image."""
    try:
        return any(_is_image(each.name) for each in islice(folder.iterdir(), LOOKED_AT))
    except OSError:
        return False


def _is_image(name: str) -> bool:
    return name.lower().endswith(EXTENSIONS)
