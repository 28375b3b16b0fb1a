"""The array of bytes that an IDX file holds."""

from __future__ import annotations

import gzip
import math
from functools import partial
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from lmctool.api import LmctoolError
from lmctool.api.advanced import UNREADABLE, FileRows, ReadFile, StreamedRows, most_unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BYTE = np.dtype(np.uint8)
DEFLATE_MOST = 1032  # deflate cannot expand further than that: zlib's technical notes


def rows(path: Path, dims: int) -> FileRows | StreamedRows:
    """Return what reads the array of a file in pieces.

    Args:
        path: the file; ``.gz`` at its end says that it is compressed.
        dims: how many axes it must have.

    Raises:
        LmctoolError: it is no such file, or its header disagrees with its size.
    """
    file, offset = ReadFile(path), 4 + 4 * dims
    packed = path.suffix == ".gz"
    try:
        with _opened(path, 0) as stream:
            head = stream.read(offset)
    except UNREADABLE as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause}") from cause
    if head[:4] != bytes([0, 0, 8, dims]) or len(head) < offset:
        raise LmctoolError(f"'{path}' is not an IDX file of bytes with {dims} axes")
    shape = tuple(int(size) for size in np.frombuffer(head, ">u4", offset=4))
    due, size = math.prod(shape), file.size
    if packed and due <= min(size * DEFLATE_MOST, most_unpacked(size)):
        return StreamedRows(file, partial(_opened, path, offset), shape, BYTE)
    if packed or due != size - offset:
        raise LmctoolError(
            f"'{path}' is damaged: its header names {' x '.join(map(str, shape))} bytes and it"
            f" holds {'more' if size - offset > due else 'fewer'}; copy it again"
        )
    return FileRows(file, offset, shape, BYTE)


def read(path: Path, dims: int) -> NDArray[Any]:
    """Return the array of a file; see ``rows``."""
    found = rows(path, dims)
    return found[np.arange(len(found))]


def _opened(path: Path, skipped: int) -> IO[bytes]:
    """Return the stream of what a file holds, behind its first bytes."""
    opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115
    opened.read(skipped)
    return cast("IO[bytes]", opened)
