"""Tensors into one safetensors file, one after the other."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import TYPE_CHECKING

from lmctool.checkpoint.header import ITEM_SIZE, read_header
from lmctool.checkpoint.reading import safetensors_dtype
from lmctool.errors import LmctoolError
from lmctool.files.publish import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from torch import Tensor

    Form = tuple[str, tuple[int, ...]]

METADATA = "__metadata__"
LARGE = 1 << 27
"""Bytes of a tensor from which on none is made while it is written."""


def stream_tensors(
    path: Path,
    forms: Mapping[str, Form],
    make: Callable[[str], Tensor],
    metadata: Mapping[str, str],
    force: bool,
) -> None:
    """Write tensors that are made one at a time, and read the file's header again.

    While one is written the next one is made, so that two are in memory, but for large ones.

    The widest dtypes come first, so that every value lies at a multiple of its size; those of one
    width keep their order.

    Args:
        path: the file; it appears whole or not at all.
        forms: the dtype, in safetensors' words, and the shape of each tensor by stored name.
        make: makes the tensor of a name, on the CPU; called once for each, in the file's order.
        metadata: the file's metadata.
        force: replace an existing file.

    Raises:
        LmctoolError: the file cannot be written, or a tensor is not of its form or cannot have
            its name.
    """
    if METADATA in forms:
        raise LmctoolError(f"output '{path}' cannot hold a tensor called {METADATA!r}")
    ordered = dict(sorted(forms.items(), key=lambda item: -ITEM_SIZE[item[1][0]]))
    with publish(path, force) as draft:
        with draft.open("wb") as out:
            try:
                out.write(packed_header(ordered, {**metadata, "format": "pt"}))
            except UnicodeError as cause:
                raise LmctoolError(f"output '{path}' cannot be written: {cause}") from cause
            with ThreadPoolExecutor(1) as aside:
                written: Future[int] | None = None
                for name, form in ordered.items():
                    tensor = make(name)
                    dtype, shape = safetensors_dtype(tensor.dtype), tuple(tensor.shape)
                    if (dtype, shape) != form:
                        raise LmctoolError(
                            f"tensor {name!r} to be written to '{path}' is {dtype} of"
                            f" shape {shape} where {form[0]} of {form[1]} is due"
                        )
                    if written is not None:
                        written.result()
                    if tensor.nbytes > LARGE:
                        written = None
                        out.write(_bytes(tensor))
                    else:
                        written = aside.submit(out.write, _bytes(tensor))
                    del tensor  # its bytes are kept until they are written, and no longer
                if written is not None:
                    written.result()
        entries = read_header(draft).entries
        if {name: (entry.dtype, entry.shape) for name, entry in entries.items()} != ordered:
            raise LmctoolError(f"output '{path}' was not written as meant; is the disk sound?")


def packed_header(forms: Mapping[str, Form], metadata: Mapping[str, str]) -> bytes:
    """Return the first bytes of a file in which tensors of these forms follow one another.

    Raises:
        UnicodeError: a name or a text of the metadata is no UTF-8.
    """
    table: dict[str, object] = {METADATA: dict(metadata)}
    begin = 0
    for name, (dtype, shape) in forms.items():
        end = begin + prod(shape) * ITEM_SIZE[dtype]
        table[name] = {"dtype": dtype, "shape": shape, "data_offsets": (begin, end)}
        begin = end
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants tensors to begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text


def _bytes(tensor: Tensor) -> memoryview:
    import torch

    flat = tensor.detach().contiguous().flatten()
    data: memoryview = flat.view(torch.uint8).numpy().data
    return data
