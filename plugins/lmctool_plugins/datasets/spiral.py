r"""Two interleaved spirals in the plane, generated (10,000 train and 5,000 test points).

Vlaar and Frankle 2022, appendix A, train two-layer perceptrons on a binary "spiral data set".
From the paper: the numbers of points, a parameter t drawn from the uniform distribution, and a
second class whose trigonometric arguments are shifted by pi.  Their equation 3 was not at hand;
ours is a choice (four turns, no noise, as many points of each class):

    x = 2 sqrt(t) (cos(8 pi sqrt(t) + c pi), sin(8 pi sqrt(t) + c pi)),   t ~ U(0, 1)

with c = 0 or 1 the class.  The square root spreads the points evenly over the disc's area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RADIUS, TURNS = 2.0, 4
SIZES = {"train": 10_000, "test": 5_000}
SEEDS = {"train": 2022, "test": 2023}


def points(t: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the points of both spirals.

    Args:
        t: (example,) positions on the spiral, 0 at its centre and 1 at its outer end.
        classes: (example,) 0 or 1: which spiral.

    Returns:
        (example, 2) coordinates, at most 2 from the origin.
    """
    root = np.sqrt(t)
    angle = 2 * np.pi * TURNS * root + np.pi * classes
    place = RADIUS * root * np.stack([np.cos(angle), np.sin(angle)])
    return np.ascontiguousarray(place.T, dtype=np.float32)


def load(split: str) -> Examples:
    """Return one split, the same at every call: inputs (example, 2), targets 0 and 1 in turn."""
    size = SIZES[split]
    t = np.random.Generator(np.random.PCG64(SEEDS[split])).random(size)
    classes = np.arange(size, dtype=np.int64) % 2
    return Examples(points(t, classes), classes)


def open_spiral(word: str, location: Path | None) -> Dataset:
    """Return the spirals.

    Raises:
        LmctoolError: a path was given.
    """
    if location is not None:
        raise LmctoolError(f"{word!r} is generated and takes no path, but got '{location}'")
    splits = {"train": lambda: load("train"), "test": lambda: load("test")}
    return Dataset(splits, "generated", classes=2, task="binary")


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data spiral``."""
    return DataFormat(open_spiral)
