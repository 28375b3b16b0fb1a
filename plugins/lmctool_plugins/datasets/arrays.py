"""Arrays named x and y in an npz, safetensors or HDF5 file.

``x`` and ``y`` are one split, called test.  ``x_train`` and ``y_train``, ``train_x`` and
``train_y``, or ``train/x`` and ``train/y`` are the split train, and so on for any name.
Inputs of uint8 are scaled by 1/255, all others are taken as they are; whole numbers in y are
classes, fractions are the targets of a regression.

Whole numbers in x with two axes, (example, position), and no y are token ids: the target of each
position is the token that follows it.  A y of x's own shape gives these targets, -100 where none
counts.  A ``mask`` beside x (``mask_train``, ``train_mask``, ``train/mask``) has 1 for a token and
0 for the padding after the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import container_kind, stored_arrays, token_examples

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lmctool.api.advanced import StoredArray

SPLIT = r"(\w+)"
FORMS = ("{}", f"{{}}_{SPLIT}", f"{SPLIT}_{{}}", f"{SPLIT}/{{}}")
"""How the arrays x, y and mask of a split can be named."""
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Part:
    """The arrays of one split.

    Attributes:
        name: the name of x.
        x: the inputs.
        y: the targets, or None.
        mask: 1 for a token and 0 for padding, or None.
    """

    name: str
    x: StoredArray
    y: StoredArray | None
    mask: StoredArray | None

    @property
    def holds_tokens(self) -> bool:
        """Whether x is token ids: whole numbers with two axes, and y, if any, of their shape."""
        if not _whole(self.x) or len(self.x.shape) != 2:
            return False
        return self.y is None or (_whole(self.y) and self.y.shape == self.x.shape)


def parts(stored: Mapping[str, StoredArray]) -> dict[str, Part]:
    """Return the arrays of each split that has inputs and targets, by split.

    Raises:
        LmctoolError: two arrays mean the same split.
    """
    by_split: dict[str, Part] = {}
    for name in sorted(stored):
        for form in FORMS:
            match = re.fullmatch(form.format("x"), name)
            if match is None:
                continue
            split = match[1] if match.groups() else "test"
            y, mask = (form.format(other).replace(SPLIT, split) for other in ("y", "mask"))
            part = Part(name, stored[name], stored.get(y), stored.get(mask))
            if part.y is None and not part.holds_tokens:
                continue
            if split in by_split:
                raise LmctoolError(
                    f"{by_split[split].name!r} and {name!r} both mean split {split!r}"
                )
            by_split[split] = part
    return by_split


def load(inputs: StoredArray, targets: StoredArray) -> Examples:
    """Return one split as stored; classes become int64."""
    y = targets.read()
    return Examples(inputs.read(), y.astype(np.int64) if y.dtype.kind in "iub" else y)


def load_tokens(split: str, part: Part) -> Examples:
    """Return one split of token ids.

    Raises:
        LmctoolError: they are unusable.
    """
    y, mask = (array.read() if array else None for array in (part.y, part.mask))
    return token_examples(part.x.read(), y, mask, f"split {split!r}")


def open_arrays(word: str, location: Path | None) -> Dataset:
    """Return the dataset of a file.

    Raises:
        LmctoolError: no file was named, it is of no known kind, or holds no x and y.
    """
    if location is None:
        raise LmctoolError(f"{word!r} needs a file; pass --data {word}:FILE")
    stored = stored_arrays(location)
    by_split = parts(stored)
    if not by_split:
        more = ", ..." if len(stored) > SHOWN else ""
        names = ", ".join(sorted(stored)[:SHOWN]) + more or "nothing"
        raise LmctoolError(
            f"'{location}' is not data: it has no arrays x and y (nor x_train, y_train, x_test,"
            f" y_test), and no token ids x; it holds {names}"
        )
    if len({part.holds_tokens for part in by_split.values()}) > 1:
        raise LmctoolError(f"'{location}' has token ids in some splits and not in others")
    if next(iter(by_split.values())).holds_tokens:
        return _tokens(location, by_split)
    return _pairs(location, {split: (p.x, p.y) for split, p in by_split.items() if p.y is not None})


def detect(path: Path) -> bool:
    """Return whether the path is a file of named arrays."""
    return path.is_file() and container_kind(path) is not None


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data arrays:FILE``."""
    return DataFormat(open_arrays, detect)


def _pairs(location: Path, splits: Mapping[str, tuple[StoredArray, StoredArray]]) -> Dataset:
    has_bytes = {x.dtype == "uint8" for x, _ in splits.values()}
    if len(has_bytes) > 1:
        raise LmctoolError(f"'{location}' has inputs of uint8 in some splits and not in others")
    classes = _classes([y for _, y in splits.values()])
    return Dataset(
        {split: partial(load, *pair) for split, pair in splits.items()},
        str(location),
        classes,
        scale=1 / 255 if has_bytes == {True} else 1.0,
        task="classification" if classes else "regression",
    )


def _tokens(location: Path, by_split: Mapping[str, Part]) -> Dataset:
    return Dataset(
        {split: partial(load_tokens, split, part) for split, part in by_split.items()},
        str(location),
        _classes(array for part in by_split.values() for array in (part.x, part.y) if array),
        task="causal-lm",
    )


def _whole(stored: StoredArray) -> bool:
    return stored.dtype.startswith(("int", "uint"))


def _classes(targets: Iterable[StoredArray]) -> int:
    """Return one more than the largest class of all splits, 0 where targets are fractions."""
    values = [stored.read() for stored in targets]
    if any(y.dtype.kind not in "iub" for y in values):
        return 0
    return max((int(y.max()) + 1 for y in values if y.size), default=0)
