"""Which files of a folder are the tables of which split."""

from __future__ import annotations

import json
import os
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.api import LmctoolError
from lmctool.api.advanced import check_input, split_name
from lmctool_plugins.datasets.parquet.table import Table, open_arrow_files, open_parquet_files

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX = ".parquet"
SAVED, SAVED_SPLITS = "state.json", "dataset_dict.json"
"""What ``save_to_disk`` writes beside the tables of a split, and beside the folders of several."""
KNOWN = r"train(?:ing)?|valid(?:ation)?|val|dev|test(?:ing)?|eval(?:uation)?"
SHARD = re.compile(r"(.+?)-\d{5}-of-\d{5}(?:-\w+)?")
WORD = re.compile(rf"(?:.*[-._ 0-9])?({KNOWN})(?:[-._ 0-9].*)?")
DEEPEST = 2
"""Folders below the one that is named, in which tables are looked for."""
LOOKED_AT = 200
"""Entries of a folder among which tables are looked for, where nobody says that it has some."""
LARGEST = 1 << 20
"""Bytes of a JSON file."""


def tables(path: Path) -> dict[str, Table]:
    """Return the table of each split of a file or folder.

    Raises:
        LmctoolError: it holds none, or something unreadable.
    """
    if path.is_file():
        return {"test": open_parquet_files([path], path)}
    if (path / SAVED_SPLITS).is_file():
        names = _strings(_json(path / SAVED_SPLITS).get("splits"), path / SAVED_SPLITS)
        return {name: _saved(path / name) for name in names}
    if (path / SAVED).is_file():
        return {"test": _saved(path)}
    found = parquet_files(path)
    if not found:
        raise LmctoolError(f"'{path}' holds no *{SUFFIX}, and nothing that save_to_disk wrote")
    return {split: open_parquet_files(files, path) for split, files in found.items()}


def holds_tables(path: Path) -> bool:
    """Tell whether a path is a file of parquet, or a folder with some or of ``save_to_disk``."""
    if path.is_file():
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    saved = (path / SAVED).is_file() or (path / SAVED_SPLITS).is_file()
    return saved or any(_parquet_in(path, DEEPEST, LOOKED_AT))


def parquet_files(folder: Path) -> dict[str, list[Path]]:
    """Return the parquet files of each split, in the order of their names.

    Raises:
        LmctoolError: they lie in folders of several datasets, or no split is in their names.
    """
    files = sorted(_parquet_in(folder, DEEPEST))
    by_place: dict[Path, dict[str, list[Path]]] = {}
    for file in files:
        split, place = split_of(file.relative_to(folder))
        by_place.setdefault(place, {}).setdefault(split, []).append(file)
    if len(by_place) > 1:
        raise LmctoolError(
            f"'{folder}' holds several datasets, in {', '.join(sorted(map(str, by_place)))}; name"
            " the folder of one"
        )
    return next(iter(by_place.values()), {})


def split_of(path: Path) -> tuple[str, Path]:
    """Return the split of a file by its path, and the folder that has all of its dataset.

    >>> from pathlib import Path
    >>> [split_of(Path(p))[0] for p in ("data/train-00000-of-00002.parquet", "test/0.parquet")]
    ['train', 'test']
    """
    stem = path.name.removesuffix(SUFFIX)
    if match := SHARD.fullmatch(stem) or WORD.fullmatch(stem):
        return split_name(match[1]), path.parent
    if match := WORD.fullmatch(path.parent.name):
        return split_name(match[1]), path.parent.parent
    return "test", path.parent


def _parquet_in(folder: Path, depth: int, most: int | None = None) -> Iterator[Path]:
    """Give the parquet files in a folder and in those in it, but for hidden ones.

    Args:
        folder: where to look.
        depth: how many folders deeper.
        most: how many entries of each folder are looked at; None for all.
    """
    try:
        with os.scandir(folder) as entries:
            inside = [each for each in islice(entries, most) if not each.name.startswith(".")]
    except OSError:
        return
    for each in inside:
        if each.name.endswith(SUFFIX) and each.is_file():
            yield Path(each.path)
        elif depth and each.is_dir():
            yield from _parquet_in(Path(each.path), depth - 1, most)


def _saved(folder: Path) -> Table:
    """Return the table of one split that ``save_to_disk`` wrote."""
    path = folder / SAVED
    state = _json(path)
    if state.get("_indices_data_files"):
        raise LmctoolError(f"'{folder}' is a selection of rows of another; save it anew")
    entries = state.get("_data_files")
    files = entries if isinstance(entries, list) else []
    names = _strings([each.get("filename") for each in files if isinstance(each, dict)], path)
    return open_arrow_files([folder / name for name in names], folder)


def _strings(names: Any, path: Path) -> list[str]:
    """Return names of files or folders that stay where they are."""
    listed = names if isinstance(names, list) else []
    plain = [n for n in listed if isinstance(n, str) and re.fullmatch(r"\w[\w.+-]*", n)]
    if not plain or len(plain) < len(listed):
        raise LmctoolError(f"'{path}' names no files as save_to_disk does")
    return plain


def _json(path: Path) -> dict[str, Any]:
    check_input(path, f"'{path}'")
    try:
        with path.open("rb") as file:
            table = json.loads(file.read(LARGEST))
    except (OSError, ValueError, RecursionError) as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause}") from cause
    return table if isinstance(table, dict) else {}
