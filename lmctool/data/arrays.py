"""Arrays named x and y in an npz, safetensors or HDF5 file.

``x`` and ``y`` are one split, called test.  ``x_train`` and ``y_train``, ``train_x`` and
``train_y``, or ``train/x`` and ``train/y`` are the split train, and so on for any name.
Inputs of uint8 are scaled by 1/255, all others are taken as they are; whole numbers in y are
classes, fractions are the targets of a regression.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.hookspecs import hookimpl
from lmctool.seam import DataFormat, Dataset, Examples

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lmctool.data.containers import Stored

PARTNERS = {
    r"x": r"y",
    r"x_(\w+)": r"y_\1",
    r"(\w+)_x": r"\1_y",
    r"(\w+)/x": r"\1/y",
}
"""Each name that inputs can have, and the name of their targets; the group is the split."""
SHOWN = 8


def pairs(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the names of inputs and targets of each split that has both, by split.

    Raises:
        LmctoolError: two pairs mean the same split.
    """
    known, found = set(names), dict[str, tuple[str, str]]()
    for name in sorted(known):
        for form, partner in PARTNERS.items():
            match = re.fullmatch(form, name)
            if match is None or match.expand(partner) not in known:
                continue
            split = match[1] if match.groups() else "test"
            if split in found:
                raise LmctoolError(f"{found[split][0]!r} and {name!r} both mean split {split!r}")
            found[split] = (name, match.expand(partner))
    return found


def load(inputs: Stored, targets: Stored) -> Examples:
    """Return one split as stored; classes become int64."""
    y = targets.read()
    return Examples(inputs.read(), y.astype(np.int64) if y.dtype.kind in "iub" else y)


def open_arrays(word: str, location: Path | None) -> Dataset:
    """Return the dataset of a file.

    Raises:
        LmctoolError: no file was named, it is of no known kind, or holds no x and y.
    """
    from lmctool.data import containers

    if location is None:
        raise LmctoolError(f"{word!r} needs a file; pass --data {word}:FILE")
    stored = containers.arrays(location)
    found = pairs(stored)
    if not found:
        more = ", ..." if len(stored) > SHOWN else ""
        names = ", ".join(sorted(stored)[:SHOWN]) + more or "nothing"
        raise LmctoolError(
            f"'{location}' is not data: it has no arrays x and y (nor x_train, y_train, x_test,"
            f" y_test); it holds {names}"
        )
    splits = {split: (stored[x], stored[y]) for split, (x, y) in found.items()}
    bytes_held = {x.dtype == "uint8" for x, _ in splits.values()}
    if len(bytes_held) > 1:
        raise LmctoolError(f"'{location}' has inputs of uint8 in some splits and not in others")
    classes = _classes([y for _, y in splits.values()])
    return Dataset(
        {split: partial(load, *pair) for split, pair in splits.items()},
        str(location),
        classes,
        scale=1 / 255 if bytes_held == {True} else 1.0,
        task="classification" if classes else "regression",
    )


def detect(path: Path) -> bool:
    """Return whether the path is a file of named arrays."""
    from lmctool.data import containers

    return path.is_file() and containers.kind(path) is not None


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data arrays:FILE``."""
    return DataFormat(open_arrays, detect)


def _classes(targets: list[Stored]) -> int:
    """Return one more than the largest class of all splits, 0 where targets are fractions."""
    values = [stored.read() for stored in targets]
    if any(y.dtype.kind not in "iub" for y in values):
        return 0
    return max((int(y.max()) + 1 for y in values if y.size), default=0)
