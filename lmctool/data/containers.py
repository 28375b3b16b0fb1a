"""Files of named arrays: their list, and one array at a time.

A file is untrusted: nothing in it is executed, no other file is followed, and the size that it
claims for an array is compared with its own before memory is taken.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.files.hdf5 import check_filters, obstacle, open_hdf5
from lmctool.files.input_files import check_input
from lmctool.files.untrusted import harm_of, most_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray

T = TypeVar("T")
Kind = Literal["npz", "safetensors", "hdf5"]
EXPANSION = 1100  # deflate expands at most 1032 times; more is a claim, not data
PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # as numpy packs; others expand without end


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array in a file: its shape and dtype, known without reading it, and how to read it."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[Any]]


def container_kind(path: Path) -> Kind | None:
    """Return the kind of a file by its content, None where it is none of the three."""
    try:
        check_input(path, f"'{path}'")
        with path.open("rb") as file:
            head = file.read(9)
    except (OSError, LmctoolError):
        return None
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head.startswith(b"PK\x03\x04") and any(name.endswith(".npy") for name in _members(path)):
        return "npz"
    length = int.from_bytes(head[:8], "little")
    whole = 8 + length <= path.stat().st_size
    return "safetensors" if len(head) == 9 and head[8:] == b"{" and whole else None


def stored_arrays(path: Path) -> Mapping[str, StoredArray]:
    """Return every array of a file by its name (of HDF5 by its path), reading none.

    Raises:
        LmctoolError: the file is of no known kind, damaged, or claims more than it can hold.
    """
    listing: Mapping[Kind, Callable[[Path], dict[str, StoredArray]]] = {
        "npz": _npz,
        "safetensors": _safetensors,
        "hdf5": partial(_after_trial, _hdf5),
    }
    check_input(path, f"'{path}'")
    kind = container_kind(path)
    if kind is None:
        raise LmctoolError(f"'{path}' is neither npz nor safetensors nor HDF5")
    return _guarded(path, lambda: listing[kind](path))


def _guarded(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except LmctoolError:
        raise
    except Exception as cause:  # three libraries, each with its own types
        raise LmctoolError(f"'{path}' cannot be read: {obstacle(cause) or cause}") from cause


def _after_trial(read: Callable[[Path], T], path: Path) -> T:
    """Read a file of HDF5, whose library a damaged one can hang, after a trial of it."""
    if harm := harm_of(partial(read, path), path.stat().st_size):
        raise LmctoolError(f"'{path}' is damaged: it {harm}")
    return read(path)


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as file:
            return file.namelist()
    except Exception:  # a damaged archive fails in any way it likes
        return []


def _npz(path: Path) -> dict[str, StoredArray]:
    arrays = {}
    file_size = path.stat().st_size
    with zipfile.ZipFile(path) as file:
        for member in file.infolist():
            if member.filename.endswith(".npy"):
                name = member.filename.removesuffix(".npy")
                if member.compress_type not in PACKED:
                    raise LmctoolError(f"'{path}' packs {name!r} in a way that numpy never does")
                shape, dtype = _npy_header(file, member)
                if dtype.hasobject:
                    raise LmctoolError(f"'{path}' has an array of objects, {name!r}")
                size = math.prod(shape) * dtype.itemsize
                packed = min(member.compress_size, file_size)
                if size > min(member.file_size, packed * EXPANSION, most_unpacked(file_size)):
                    raise _claim(path, name, shape)
                read = partial(_guarded, path, partial(_npz_array, path, name))
                arrays[name] = StoredArray(shape, str(dtype), read)
    return arrays


def _npy_header(
    file: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    return shape, dtype


def _npz_array(path: Path, name: str) -> NDArray[Any]:
    with np.load(path, allow_pickle=False) as file:
        array: NDArray[Any] = file[name]
        return array


def _safetensors(path: Path) -> dict[str, StoredArray]:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {
            name: StoredArray(
                tuple(part.get_shape()),
                _numpy_dtype(part.get_dtype()),
                partial(_guarded, path, partial(_safetensors_array, path, name)),
            )
            for name, part in slices.items()
        }


def _numpy_dtype(dtype: str) -> str:
    """Return numpy's name of a dtype of safetensors: U8 is uint8, F32 is float32."""
    kind = {"F": "float", "U": "uint", "I": "int"}.get(dtype[0])
    return f"{kind}{dtype[1:]}" if kind and dtype[1:].isdigit() else dtype.lower()


def _safetensors_array(path: Path, name: str) -> NDArray[Any]:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        array: NDArray[Any] = file.get_tensor(name)
        return array


def _hdf5(path: Path) -> dict[str, StoredArray]:
    import h5py

    arrays: dict[str, StoredArray] = {}

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            array = partial(_hdf5_array, name=name)
            read = partial(_guarded, path, partial(_after_trial, array, path))
            arrays[name] = StoredArray(item.shape or (), str(item.dtype), read)

    with open_hdf5(path) as file:
        file.visititems(add)  # follows no soft or external link
    return arrays


def _hdf5_array(path: Path, name: str) -> NDArray[Any]:
    with open_hdf5(path) as file:
        item = file[name]
        if item.is_virtual or item.external:
            raise LmctoolError(f"'{path}' keeps {name!r} in other files, which are not followed")
        check_filters(item)
        most = min(item.id.get_storage_size() * EXPANSION, most_unpacked(path.stat().st_size))
        if item.nbytes > most:
            raise _claim(path, name, item.shape)
        array: NDArray[Any] = item[()]
        return array


def _claim(path: Path, name: str, shape: tuple[int, ...]) -> LmctoolError:
    return LmctoolError(f"'{path}' names {shape} values of {name!r} and cannot hold so many")
