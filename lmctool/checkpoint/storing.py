"""Tensors into one safetensors file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.checkpoint.header import read_header
from lmctool.checkpoint.reading import word
from lmctool.errors import LmctoolError
from lmctool.publish import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], force: bool
) -> None:
    """Write tensors by stored name to one safetensors file, and read its header again.

    Tensors may share memory or be views; each is written in full.

    Raises:
        LmctoolError: a tensor cannot be stored, or the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    separate = _separate(tensors)
    with publish(path, force) as draft:
        try:
            save_file(separate, draft, {**metadata, "format": "pt"})
        except (SafetensorError, UnicodeError) as cause:
            raise LmctoolError(f"output '{path}' cannot be written: {cause}") from cause
        entries = read_header(draft).entries
        written = {name: (entry.dtype, entry.shape) for name, entry in entries.items()}
        meant = {name: (word(value.dtype), tuple(value.shape)) for name, value in tensors.items()}
        if written != meant:
            raise LmctoolError(f"output '{path}' was not written as meant; is the disk sound?")


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return contiguous tensors of which no two share memory."""
    seen: set[int] = set()
    separate: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        whole = tensor.detach().contiguous()
        place = whole.untyped_storage().data_ptr()
        separate[name] = whole.clone() if place in seen else whole
        seen.add(place)
    return separate
