"""Files of named arrays: their list, and one array at a time, whole or in pieces.

A file is untrusted: nothing in it is executed, no other file is followed, and the size that it
claims for an array is compared with its own before memory is taken.
"""

from __future__ import annotations

import pickle
import zipfile
from functools import partial
from typing import TYPE_CHECKING, Literal

from lmctool.checkpoint.pytorch_file import MAGIC as PYTORCH
from lmctool.data.stored.hdf5_arrays import hdf5_arrays
from lmctool.data.stored.npy import MAGIC as NPY
from lmctool.data.stored.npy import npy_array, npz_arrays
from lmctool.data.stored.stored_array import guarded
from lmctool.data.stored.tensor_arrays import pytorch_arrays, safetensors_arrays
from lmctool.errors import LmctoolError
from lmctool.files.input_files import check_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lmctool.data.stored.stored_array import StoredArray

Kind = Literal["npy", "npz", "safetensors", "pytorch", "hdf5"]
HEAD = 9
OLD_PYTORCH = pickle.dumps(PYTORCH, 2)[:HEAD]
"""What a file of torch from before 1.6 begins with."""


def container_kind(path: Path) -> Kind | None:
    """Return the kind of a file by its content, None where it is none of the five."""
    try:
        check_input(path, f"'{path}'")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except (OSError, LmctoolError):
        return None
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head.startswith(NPY):
        return "npy"
    if head.startswith(b"PK\x03\x04"):
        members = _members(path)
        if any(name.endswith(".npy") for name in members):
            return "npz"
        return "pytorch" if any(name.endswith("/data.pkl") for name in members) else None
    if head == OLD_PYTORCH:
        return "pytorch"
    length = int.from_bytes(head[:8], "little")
    whole = 8 + length <= path.stat().st_size
    return "safetensors" if len(head) == HEAD and head[8:] == b"{" and whole else None


def stored_arrays(path: Path) -> Mapping[str, StoredArray]:
    """Return every array of a file by its name (of HDF5 by its path), reading none.

    An array that is all of a file has the file's own name.

    Raises:
        LmctoolError: the file is of no known kind, damaged, or claims more than it can hold.
    """
    listing: Mapping[Kind, Callable[[Path], dict[str, StoredArray]]] = {
        "npy": npy_array,
        "npz": npz_arrays,
        "safetensors": safetensors_arrays,
        "pytorch": pytorch_arrays,
        "hdf5": hdf5_arrays,
    }
    check_input(path, f"'{path}'")
    kind = container_kind(path)
    if kind is None:
        raise LmctoolError(f"'{path}' is neither npy nor npz, safetensors, PyTorch's nor HDF5")
    return guarded(path, partial(listing[kind], path))


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as file:
            return file.namelist()
    except Exception:  # a damaged archive fails in any way it likes
        return []
