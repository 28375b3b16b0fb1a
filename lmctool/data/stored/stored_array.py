"""One array in a file: what is known of it without reading it, and the ways to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.files.hdf5 import obstacle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Rows

    T = TypeVar("T")

EXPANSION = 1100
"""Deflate expands at most 1032 times; more is a claim, not data."""


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array in a file.

    Attributes:
        shape: of the array.
        dtype: numpy's name of its dtype.
        read: returns all of it.
        rows: returns what reads it in pieces, along its first axis; all of it where the file
            does not lend itself to that.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[Any]]
    rows: Callable[[], Rows | NDArray[Any]]


def guarded(path: Path, read: Callable[[], T]) -> T:
    """Return what is read of a file.

    Raises:
        LmctoolError: whatever a library says of it, each with its own types.
    """
    try:
        return read()
    except LmctoolError:
        raise
    except Exception as cause:
        raise LmctoolError(f"'{path}' cannot be read: {obstacle(cause) or cause}") from cause


def claim(path: Path, name: str, shape: tuple[int, ...]) -> LmctoolError:
    """Return what is said of a file that names more values than it can hold."""
    return LmctoolError(f"'{path}' names {shape} values of {name!r} and cannot hold so many")
