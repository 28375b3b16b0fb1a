"""Two interleaved half circles in the plane with noise, generated (1,000 train, 500 test).

The upper half circle has its centre at (0, 0), the lower one at (1, 1/2); both have radius 1,
and Gaussian noise of standard deviation 0.1 is added to each coordinate.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl

if TYPE_CHECKING:
    from pathlib import Path


def moons(count: int, seed: int) -> Examples:
    """Return so many points, half of each class, the same for every seed everywhere."""
    import numpy as np

    random = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    angle = random.uniform(0, np.pi, count)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.where(targets[:, None] == 0, upper, lower)
    noisy = points + random.normal(0, 0.1, points.shape)
    return Examples(noisy.astype(np.float32), targets.astype(np.int64))


def open_moons(word: str, location: Path | None) -> Dataset:
    """Return the dataset; nothing is read from disk."""
    if location is not None:
        raise LmctoolError(f"data {word!r} is generated and takes no path, not '{location}'")
    splits = {"train": partial(moons, 1000, 0), "test": partial(moons, 500, 1)}
    return Dataset(splits, source="generated", classes=2)


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data two-moons``."""
    return DataFormat(open_moons)
