"""The arrays at a place: in one file, in several files of a folder, or in files beside another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError
from lmctool.api.advanced import SPLIT_NAMES, container_kind, stored_arrays
from lmctool_plugins.datasets.arrays.names import (
    SINGLE,
    claims,
    listed,
    read_name,
    split_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api.advanced import StoredArray
    from lmctool_plugins.datasets.arrays.names import Claims, Role

SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".safetensors", ".h5", ".hdf5")
"""How the names of files end that are looked into without being named."""


@dataclass(frozen=True, slots=True)
class Source:
    """The arrays at a place.

    Attributes:
        stored: the arrays by name.
        claims: the names that could be each part of a split.
        place: where they are, in words.
        alone: whether the place is a file of inputs alone.
    """

    stored: Mapping[str, StoredArray]
    claims: Claims
    place: str
    alone: bool = False


def source_at(location: Path, named: Mapping[Role, str]) -> Source:
    """Return the arrays at a place: a file of several, a folder, or a file of one.

    Args:
        location: the file or the folder.
        named: what the user calls parts.

    Raises:
        LmctoolError: a file cannot be read, or no array has a name that the user says.
    """
    if location.is_dir():
        return _folder(location, named)
    stored = stored_arrays(location)
    if list(stored) == [location.stem]:
        return _beside(location, stored[location.stem], named)
    return Source(stored, claims(stored, named, str(location)), str(location))


def is_folder_of_arrays(folder: Path) -> bool:
    """Tell whether a folder has files named as splits, or as the inputs and targets of one."""
    files = _files(folder)
    said = [read_name(path.stem) for path in files]
    roles = {(meant[0], meant[2]) for meant in said if meant}
    named = [path for path in files if path.stem.lower() in SPLIT_NAMES]
    return any(("y", split) in roles for role, split in roles if role == "x") or any(
        map(container_kind, named)
    )


def _files(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir())
    return [path for path in paths if path.suffix in SUFFIXES and path.is_file()]


def _folder(folder: Path, named: Mapping[Role, str]) -> Source:
    """Return the arrays of a folder's files.

    An array alone in its file has the file's name, those of a file that is named as a split have
    the split's before their own; other files are looked into where the user names arrays.
    """
    stored: dict[str, StoredArray] = {}
    for path in _files(folder):
        is_split = path.stem.lower() in SPLIT_NAMES
        if not (named or is_split or read_name(path.stem)):
            continue
        arrays = stored_arrays(path)
        alone = list(arrays) == [path.stem]
        for name, array in arrays.items() if named or is_split or alone else ():
            full = name if alone else f"{path.stem}/{name}"
            if full in stored:
                raise LmctoolError(f"several files of '{folder}' hold {full!r}; leave one of them")
            stored[full] = array
    return Source(stored, claims(stored, named, str(folder)), str(folder))


def _beside(path: Path, array: StoredArray, named: Mapping[Role, str]) -> Source:
    """Return the inputs in a file of one array, and what stands beside it for the same split."""
    said = read_name(path.stem, any_split=True)
    if "x" in named or (said is not None and said[0] != "x"):
        raise LmctoolError(
            f"'{path}' is one array: name the file of the inputs as data, and with ?y=FILE that of"
            " their targets where it is called otherwise"
        )
    split = said[2] if said else SINGLE
    stored = {path.stem: array}
    found: dict[Role, list[str]] = {"x": [path.stem]}
    for other in sorted(path.parent.glob(f"*{path.suffix}")):
        meant = read_name(other.stem, any_split=True)
        if meant and meant[0] != "x" and meant[0] not in named and meant[2] == split:
            found.setdefault(meant[0], []).append(other.stem)
            stored[other.stem] = _one(other)
    for role, name in named.items():
        other = _file_called(name, path)
        found[role] = [other.stem]
        stored[other.stem] = _one(other)
    own = split_of(path.stem)
    place = ", ".join([str(path), *(f"{name}{path.suffix}" for name in list(stored)[1:])])
    split = own if own in SPLIT_NAMES.values() else SINGLE
    return Source(stored, {split: found}, place, alone=True)


def _file_called(name: str, path: Path) -> Path:
    """Return the file of a name: beside another, with its suffix where it has none, or here."""
    choices = (path.parent / name, path.parent / f"{name}{path.suffix}", Path(name))
    for choice in choices:
        if choice.is_file():
            return choice
    raise LmctoolError(f"there is no {name!r} beside '{path}'")


def _one(path: Path) -> StoredArray:
    """Return the array that is all of a file."""
    arrays = stored_arrays(path)
    if list(arrays) != [path.stem]:
        raise LmctoolError(f"'{path}' holds {listed(arrays)}, not one array alone")
    return arrays[path.stem]
