"""Reading a pickle of plain values and byte arrays, where nothing of the file is executed.

The pickle may name only what numpy writes for an array, in the spellings of numpy 1 and 2, and
each of these names means a record or a function of this module, never numpy's own.
"""

from __future__ import annotations

import io
import math
import pickle
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.files.untrusted import harm_of

if TYPE_CHECKING:
    from collections.abc import Callable


class ByteArray:
    """An array as its pickle describes it: shape, dtype and bytes, checked by ``array`` alone."""

    state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take numpy's (version, shape, dtype, fortran, bytes)."""
        self.state = state

    def array(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Return the array.

        Raises:
            ValueError: it is no array of uint8, or has another number of bytes than its shape.
        """
        if len(self.state) != 5 or not isinstance(self.state[2], Dtype):
            raise ValueError("an array without shape, dtype and bytes")
        _, shape, dtype, fortran, raw = self.state
        if dtype.name not in {"u1", "|u1"} or not isinstance(raw, bytes | bytearray):
            raise ValueError(f"an array of {dtype.name!r}, not of uint8")
        if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
            raise ValueError(f"an array of shape {shape!r}")
        if len(raw) != math.prod(shape):
            raise ValueError(f"an array of shape {shape} with {len(raw)} bytes")
        return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if fortran else "C")


class Dtype:
    """A dtype as the pickle describes it, of which only the name counts."""

    def __init__(self, name: str | bytes, *_: object) -> None:
        """Take numpy's arguments of a dtype."""
        self.name = name.decode("latin1") if isinstance(name, bytes) else name

    def __setstate__(self, state: object) -> None:
        """Leave byte order and alignment aside: bytes have neither."""


def reconstruct(*_: object) -> ByteArray:
    """Stand for numpy's ``_reconstruct``, whose array is filled by its state."""
    return ByteArray()


def from_buffer(raw: bytes, dtype: Dtype, shape: tuple[int, ...], order: str) -> ByteArray:
    """Stand for numpy's ``_frombuffer``, which protocol 5 uses."""
    array = ByteArray()
    array.state = (1, shape, dtype, order == "F", raw)
    return array


def encode(text: str, encoding: str = "latin1") -> bytes:
    """Stand for ``_codecs.encode``, by which protocols 0 to 2 write bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes written as {encoding!r}")
    return text.encode("latin1")


ADMITTED: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "dtype"): Dtype,
    ("numpy", "ndarray"): ByteArray,
    ("_codecs", "encode"): encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): from_buffer for core in ("core", "_core")},
}


class Unpickler(pickle.Unpickler):
    """An unpickler that resolves the admitted names alone."""

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        """Return what stands for a name of the pickle.

        Raises:
            UnpicklingError: the name is not admitted.
        """
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which data has no need of")
        return ADMITTED[module, name]


def read_pickle(content: bytes, name: str) -> dict[str, Any]:
    """Return the dictionary that a pickle holds, its keys as text.

    Python 2's strings come as bytes.  Values that are arrays come as ``ByteArray``.

    Args:
        content: the pickle.
        name: of the file that it is from.

    Raises:
        LmctoolError: it is no pickle of a dictionary, or names anything that is not admitted.
    """
    # a pickle can ask for 64 GB, or for the hash of what takes years to walk through
    if harm := harm_of(partial(_loaded, content), len(content)):
        raise LmctoolError(f"'{name}' is damaged: it {harm}")
    try:
        value = _loaded(content)
    except Exception as cause:  # a malformed pickle raises nearly any type
        raise LmctoolError(f"'{name}' was not read as a pickled batch: {cause}") from cause
    if not isinstance(value, dict):
        raise LmctoolError(f"'{name}' holds a {type(value).__name__}, not a batch of examples")
    return {
        key.decode("latin1") if isinstance(key, bytes) else key: item
        for key, item in value.items()
        if isinstance(key, bytes | str)
    }


def _loaded(content: bytes) -> Any:
    return Unpickler(io.BytesIO(content), encoding="bytes").load()
