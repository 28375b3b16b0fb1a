"""Files of named arrays: their list, and one array at a time, whole or in pieces.

A file is untrusted: nothing in it is executed, no other file is followed, and the size that it
claims for an array is compared with its own before memory is taken.
"""

from __future__ import annotations

import zipfile
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lmctool.checkpoint.header import read_header
from lmctool.data.file_rows import FileRows
from lmctool.data.hdf5_arrays import hdf5_arrays
from lmctool.data.npy import MAGIC, npy_array, npz_arrays
from lmctool.data.read_file import ReadFile
from lmctool.data.stored_array import StoredArray, guarded
from lmctool.errors import LmctoolError
from lmctool.files.input_files import check_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.plugin.records import Rows

Kind = Literal["npy", "npz", "safetensors", "hdf5"]


def container_kind(path: Path) -> Kind | None:
    """Return the kind of a file by its content, None where it is none of the four."""
    try:
        check_input(path, f"'{path}'")
        with path.open("rb") as file:
            head = file.read(9)
    except (OSError, LmctoolError):
        return None
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head.startswith(MAGIC):
        return "npy"
    if head.startswith(b"PK\x03\x04") and any(name.endswith(".npy") for name in _members(path)):
        return "npz"
    length = int.from_bytes(head[:8], "little")
    whole = 8 + length <= path.stat().st_size
    return "safetensors" if len(head) == 9 and head[8:] == b"{" and whole else None


def stored_arrays(path: Path) -> Mapping[str, StoredArray]:
    """Return every array of a file by its name (of HDF5 by its path), reading none.

    The one array of an npy file has the file's own name.

    Raises:
        LmctoolError: the file is of no known kind, damaged, or claims more than it can hold.
    """
    listing: Mapping[Kind, Callable[[Path], dict[str, StoredArray]]] = {
        "npy": npy_array,
        "npz": npz_arrays,
        "safetensors": _safetensors,
        "hdf5": hdf5_arrays,
    }
    check_input(path, f"'{path}'")
    kind = container_kind(path)
    if kind is None:
        raise LmctoolError(f"'{path}' is neither npy nor npz nor safetensors nor HDF5")
    return guarded(path, partial(listing[kind], path))


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as file:
            return file.namelist()
    except Exception:  # a damaged archive fails in any way it likes
        return []


def _safetensors(path: Path) -> dict[str, StoredArray]:
    file, header = ReadFile(path), read_header(path)
    arrays = {}
    for name, entry in header.entries.items():
        dtype = _numpy_dtype(entry.dtype)
        place = (header.start + entry.begin, entry.shape, dtype)
        read, rows = partial(_whole, path, *place), partial(_rows, file, *place)
        arrays[name] = StoredArray(
            entry.shape, dtype, partial(guarded, path, read), partial(guarded, path, rows)
        )
    return arrays


def _numpy_dtype(dtype: str) -> str:
    """Return numpy's name of a dtype of safetensors: U8 is uint8, F32 is float32."""
    kind = {"F": "float", "U": "uint", "I": "int"}.get(dtype[0])
    return f"{kind}{dtype[1:]}" if kind and dtype[1:].isdigit() else dtype.lower()


def _whole(path: Path, offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    values = np.fromfile(path, np.dtype(dtype), prod(shape), offset=offset)
    return values.reshape(shape)


def _rows(file: ReadFile, offset: int, shape: tuple[int, ...], dtype: str) -> Rows | NDArray[Any]:
    if not shape:
        return _whole(file.path, offset, shape, dtype)
    return FileRows(file, offset, shape, np.dtype(dtype))
