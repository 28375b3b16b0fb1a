"""Handwritten digits of 8x8 pixels, embedded (1,797 examples, 10 classes).

The test set of UCI's Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), as
scikit-learn packages it; digits.md tells its source and licence.  Every fourth example is test.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl

FILE = Path(__file__).with_name("digits.npz")
MEAN, STD = (0.3053,), (0.3760,)  # of the train split, after the scale


def load(train: bool) -> Examples:
    """Return one split: images uint8 (example, 1, 8, 8) of 0 to 16, labels 0 to 9."""
    with np.load(FILE, allow_pickle=False) as stored:
        images, labels = stored["images"], stored["labels"]
    chosen = (np.arange(len(labels)) % 4 != 3) == train
    return Examples(images[chosen], labels[chosen].astype(np.int64))


def open_digits(word: str, location: Path | None) -> Dataset:
    """Return the embedded digits.

    Raises:
        LmctoolError: a path was given.
    """
    if location is not None:
        raise LmctoolError(f"{word!r} is embedded and takes no path, but got '{location}'")
    splits = {"train": lambda: load(True), "test": lambda: load(False)}
    return Dataset(splits, "embedded", classes=10, scale=1 / 16, mean=MEAN, std=STD)


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data digits``."""
    return DataFormat(open_digits, constants=lambda _: (MEAN, STD))
