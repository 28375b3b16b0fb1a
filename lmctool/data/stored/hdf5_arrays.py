"""Arrays of an HDF5 file, whose library a damaged one can hang: all is first tried elsewhere."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lmctool.data.stored.file_rows import FileRows
from lmctool.data.stored.read_file import ReadFile
from lmctool.data.stored.stored_array import EXPANSION, StoredArray, claim, guarded
from lmctool.errors import LmctoolError
from lmctool.files.hdf5 import check_filters, open_hdf5
from lmctool.files.untrusted import harm_of, most_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Rows

T = TypeVar("T")
BLOCK = 1 << 22
"""Bytes of the chunks that are unpacked at once, at least."""


def hdf5_arrays(path: Path) -> dict[str, StoredArray]:
    """Return the arrays of a file by their paths in it."""
    return after_trial(partial(_listed, ReadFile(path)), path)


def after_trial(read: Callable[[], T], path: Path) -> T:
    """Read something of a file, after a trial of it.

    Raises:
        LmctoolError: that does harm.
    """
    if harm := harm_of(read, path.stat().st_size):
        raise LmctoolError(f"'{path}' is damaged: it {harm}")
    return read()


def _listed(file: ReadFile) -> dict[str, StoredArray]:
    import h5py

    arrays: dict[str, StoredArray] = {}

    def tried(work: Callable[[ReadFile, str], T], name: str) -> T:
        path = file.path
        return guarded(path, partial(after_trial, partial(work, file, name), path))

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            read, rows = partial(tried, _whole, name), partial(tried, _rows, name)
            arrays[name] = StoredArray(item.shape or (), str(item.dtype), read, rows)

    with open_hdf5(file.path) as content:
        content.visititems(add)  # follows no soft or external link
    return arrays


def _check(item: h5py.Dataset, path: Path, name: str) -> None:
    """Check that a file holds an array itself, can unpack it, and has room for it."""
    if item.is_virtual or item.external:
        raise LmctoolError(f"'{path}' keeps {name!r} in other files, which are not followed")
    check_filters(item)
    most = min(item.id.get_storage_size() * EXPANSION, most_unpacked(path.stat().st_size))
    if item.nbytes > most:
        raise claim(path, name, item.shape)


def _whole(file: ReadFile, name: str) -> NDArray[Any]:
    with open_hdf5(file.path) as content:
        item = content[name]
        _check(item, file.path, name)
        array: NDArray[Any] = item[()]
        return array


def _rows(file: ReadFile, name: str) -> Rows | NDArray[Any]:
    """Return what reads an array: from its place if it lies in one, else by its chunks."""
    from h5py import h5t

    with open_hdf5(file.path) as content:
        item = content[name]
        _check(item, file.path, name)
        plain = item.dtype.kind in "iuf" and h5t.py_create(item.dtype) == item.id.get_type()
        if plain and item.chunks:
            return ChunkedRows(file, name, item.shape, item.dtype, item.chunks)
        offset = item.id.get_offset() if plain and item.shape else None
        if offset is not None and item.nbytes <= item.id.get_storage_size():
            return FileRows(file, offset, item.shape, item.dtype)
    return _whole(file, name)


class ChunkedRows:
    """Examples of an array in chunks, which may be packed.

    Attributes:
        shape: (example, ...).
        dtype: of their values.
        costly: yes.
    """

    costly = True

    def __init__(
        self,
        file: ReadFile,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        chunks: tuple[int, ...],
    ) -> None:
        """Take the array's place; see ``h5py.Dataset.chunks``."""
        self.shape, self.dtype = shape, dtype
        self._file, self._name = file, name
        layer = chunks[0] * prod(shape[1:]) * dtype.itemsize
        self._step = chunks[0] * -(-BLOCK // max(1, layer))
        self._block: tuple[int, NDArray[Any]] | None = None

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.shape[0]

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the examples at rising places.

        Raises:
            LmctoolError: the file is damaged, cannot be read, or was changed.
        """
        path = self._file.path
        with self._file.reading():
            read = partial(self._read, places)
            found: NDArray[Any] = guarded(path, partial(after_trial, read, path))
        return found

    def _read(self, places: NDArray[np.int64]) -> NDArray[Any]:
        found = np.empty((len(places), *self.shape[1:]), self.dtype)
        with open_hdf5(self._file.path) as content:
            blocks = places // self._step
            for block in np.unique(blocks).tolist():
                start, there = block * self._step, blocks == block
                if self._block is None or self._block[0] != start:
                    self._block = start, content[self._name][start : start + self._step]
                found[there] = self._block[1][places[there] - start]
        return found
