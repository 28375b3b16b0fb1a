"""Values out of files, and the names of their dtypes in safetensors and in torch."""

from __future__ import annotations

import os
from functools import cache
from math import isfinite
from mmap import ACCESS_COPY, ALLOCATIONGRANULARITY, mmap
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, UnjudgedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import torch
    from torch import Tensor

TORCH_NAMES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "I16": "int16",
    "U16": "uint16",
    "F16": "float16",
    "BF16": "bfloat16",
    "I32": "int32",
    "U32": "uint32",
    "F32": "float32",
    "I64": "int64",
    "U64": "uint64",
    "F64": "float64",
    "C64": "complex64",
}
COMPUTABLE = {"F16", "BF16", "F32", "F64"}
"""The floating dtypes that weights may have."""
WHOLE = {"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64"}
"""The dtypes of counters, masks and tables, which are no weights."""
LITTLE = 1 << 18
"""Bytes that are read sooner than mapped."""
BLOCK = 1 << 17
"""Values that are read at once: with float64 copies they still lie in a processor's cache."""


@cache
def torch_dtypes() -> Mapping[str, torch.dtype]:
    """Return torch's dtype for each name of a dtype in safetensors."""
    import torch

    return {name: getattr(torch, torch_name) for name, torch_name in TORCH_NAMES.items()}


def safetensors_dtype(dtype: torch.dtype) -> str | None:
    """Return the name in safetensors of a dtype of torch, or None when it has none."""
    return next((name for name, each in torch_dtypes().items() if each == dtype), None)


def read_blocks(
    file: Path, offset: int, count: int, dtype: torch.dtype, size: int = BLOCK
) -> Iterator[Tensor]:
    """Yield values that lie one after another in a file, ``size`` at a time, flat.

    Nothing is mapped into memory, and a block lies where the one before it lay: what is to
    outlive it must be copied.

    Args:
        file: the file.
        offset: its byte that the first value begins at.
        count: how many values.
        dtype: of the values.
        size: values of one block; the last may have fewer.

    Raises:
        LmctoolError: the file cannot be read any more, or has become shorter.
    """
    import torch

    buffer = torch.empty(min(size, count), dtype=dtype)
    try:
        with file.open("rb", buffering=0) as opened:
            opened.seek(offset)
            for begin in range(0, count, size):
                block = buffer[: count - begin]
                room = block.view(torch.uint8).numpy().data
                while room:
                    read = opened.readinto(room)
                    if not read:
                        raise LmctoolError(f"'{file}' was changed while it was being read")
                    room = room[read:]
                yield block
    except OSError as cause:
        raise LmctoolError(f"'{file}' cannot be read: {cause.strerror}") from cause


def map_values(file: Path, offset: int, count: int, dtype: torch.dtype) -> Tensor:
    """Return values that lie one after another in a file, flat, without reading them yet.

    A few are read at once: what is mapped keeps a file open, and a checkpoint may have thousands.

    Args:
        file: the file; that it is long enough is checked here, and must stay so.
        offset: its byte that the first value begins at.
        count: how many values.
        dtype: of the values.

    Raises:
        LmctoolError: the file cannot be read any more, or has become shorter.
    """
    import torch

    if not count:
        return torch.empty(0, dtype=dtype)
    before = offset % ALLOCATIONGRANULARITY
    size = count * dtype.itemsize
    if size <= LITTLE:
        return next(read_blocks(file, offset, count, dtype, count))
    try:
        with file.open("rb") as opened:
            if os.fstat(opened.fileno()).st_size < offset + size:
                raise LmctoolError(f"'{file}' was changed while it was being read")
            # a private copy of what is never written takes no memory, and torch wants it writable
            place = mmap(opened.fileno(), before + size, access=ACCESS_COPY, offset=offset - before)
    except OSError as cause:
        raise LmctoolError(f"'{file}' cannot be read: {cause.strerror}") from cause
    return torch.frombuffer(place, dtype=dtype, count=count, offset=before)


def computable(tensor: Tensor, name: str, file: Path, dtype: torch.dtype | None) -> Tensor:
    """Return a copy that arithmetic can be done on: floating values in ``dtype``, finite.

    Raises:
        UnjudgedError: it holds NaN or infinite values.
        LmctoolError: its dtype is a storage format (float8, complex), or a value does not fit.
    """
    import torch

    if not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor.clone()
    refuse_storage_format(safetensors_dtype(tensor.dtype), name, file)
    refuse_nonfinite(tensor, name, f"'{file}'")
    # A copy even in the same dtype: a file that changes under a memory map kills the process.
    values = tensor.to(dtype or torch.float32, copy=True)
    refuse_too_large(values, name, file)
    return values


def refuse_too_large(values: Tensor, name: str, file: Path) -> None:
    """Raise LmctoolError when finite values of a tensor became infinite in another dtype."""
    if not is_finite(values):
        raise LmctoolError(
            f"tensor {name!r} of '{file}' holds values too large for {values.dtype};"
            " pass --dtype float64"
        )


def refuse_storage_format(dtype: str | None, name: str, file: Path) -> None:
    """Raise LmctoolError when a dtype that isn't whole numbers is none that weights may have."""
    if dtype not in COMPUTABLE:
        raise LmctoolError(
            f"tensor {name!r} of '{file}' is stored as {dtype}, in which weights"
            " cannot be interpolated; save it as float16, bfloat16 or float32"
        )


def refuse_nonfinite(tensor: Tensor, name: str, where: str) -> None:
    """Raise UnjudgedError when a floating tensor holds NaN or infinite values."""
    if not is_finite(tensor):
        raise nonfinite(int((~tensor.isfinite()).sum()), tensor.numel(), name, where)


def is_finite(tensor: Tensor) -> bool:
    """Tell whether a floating tensor holds no NaN and nothing infinite."""
    values = tensor.float() if tensor.element_size() == 1 else tensor  # float8 has no order
    # where there is a NaN, it is both the least and the greatest value
    return not values.numel() or all(isfinite(float(value)) for value in values.aminmax())


def nonfinite(count: int, total: int, name: str, where: str) -> UnjudgedError:
    """Return the error that says how many values of a tensor are NaN or infinite."""
    return UnjudgedError(
        f"tensor {name!r} of {where} holds {count} values that are NaN or infinite, of {total}"
    )
