"""Tensors out of safetensors files, and their dtypes in the words of both sides."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, UnjudgedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
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


@cache
def torch_dtypes() -> Mapping[str, torch.dtype]:
    """Return torch's dtype for each of safetensors' words."""
    import torch

    return {word: getattr(torch, name) for word, name in TORCH_NAMES.items()}


def word(dtype: torch.dtype) -> str | None:
    """Return safetensors' word for a dtype of torch, or None when it has none."""
    return next((known for known, own in torch_dtypes().items() if own == dtype), None)


def read_tensors(file: Path, names: Iterable[str]) -> Iterator[Tensor]:
    """Yield tensors of one file as stored, in the order of ``names``.

    They may share memory with the file: copy what is to outlive it.

    Raises:
        LmctoolError: the file cannot be read any more.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            for name in names:
                yield opened.get_tensor(name)
    except (SafetensorError, OSError) as cause:
        raise LmctoolError(f"'{file}' cannot be read: {cause}") from cause


def computable(tensor: Tensor, name: str, file: Path, dtype: torch.dtype | None) -> Tensor:
    """Return a copy that arithmetic can be done on: floating values in ``dtype``, finite.

    Raises:
        UnjudgedError: it holds NaN or infinite values.
        LmctoolError: its dtype is a storage format (float8, complex), or a value does not fit.
    """
    import torch

    if not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor.clone()
    if word(tensor.dtype) not in COMPUTABLE:
        raise LmctoolError(
            f"tensor {name!r} of '{file}' is stored as {word(tensor.dtype)}, in which weights"
            " cannot be interpolated; save it as float16, bfloat16 or float32"
        )
    refuse_nonfinite(tensor, name, f"'{file}'")
    # A copy even in the same dtype: a file that changes under a memory map kills the process.
    values = tensor.to(dtype or torch.float32, copy=True)
    if not torch.isfinite(values).all():
        raise LmctoolError(
            f"tensor {name!r} of '{file}' holds values too large for {values.dtype};"
            " pass --dtype float64"
        )
    return values


def refuse_nonfinite(tensor: Tensor, name: str, where: str) -> None:
    """Raise UnjudgedError when a floating tensor holds NaN or infinite values."""
    import torch

    finite = torch.isfinite(tensor)
    if not finite.all():
        count = int((~finite).sum())
        raise UnjudgedError(
            f"tensor {name!r} of {where} holds {count} values that are NaN or infinite,"
            f" of {tensor.numel()}"
        )
