"""Where the inputs of a split are: on the device, in the host's memory, or in a file."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lmctool.data.rows import native
from lmctool.data.spilled_rows import SpilledRows
from lmctool.data.stored_inputs import StoredInputs
from lmctool.errors import out_of_memory
from lmctool.weights.transfer import Transfer, dtype_of, pinned

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.plugin.data_records import Rows

    Write = Callable[[int, NDArray[Any]], None]

SHARE = 0.5
"""Share of a GPU's memory that the inputs of all splits may take together."""
HELD = 1 << 28
"""Bytes of inputs up to which those of a file are held in the host's memory."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where inputs go.

    Attributes:
        inputs: they themselves, once all are written.
        write: ``write(start, examples)`` is told them in order, a piece at a time.
    """

    inputs: Tensor | StoredInputs
    write: Write


def place(
    rows: Rows | NDArray[Any],
    index: NDArray[np.int64],
    device: torch.device,
    taken: int,
    what: str,
) -> Place:
    """Return where chosen inputs go.

    On a GPU that has room they are there.  Those that are few, or that the host holds anyway, are
    in its memory; of many a file is read batch by batch, which is a temporary one where reading
    them from their own takes work.

    Args:
        rows: (example, ...) the stored ones.
        index: which of them, rising.
        device: where the work is done.
        taken: the bytes of the inputs that are on the device already.
        what: what to call them in an error.

    Raises:
        LmctoolError: there is no room for the temporary file.
    """
    shape, dtype = (len(index), *rows.shape[1:]), native(rows.dtype)
    size = prod(shape) * dtype.itemsize
    empty = np.empty(0, dtype)
    if device.type == "cuda" and fits(taken + size, device):
        try:
            return _on_gpu(torch.empty(shape, dtype=dtype_of(empty), device=device))
        except RuntimeError as error:  # others use the GPU too
            if not out_of_memory(error):
                raise
    if isinstance(rows, np.ndarray) or size <= HELD:
        if device.type == "cuda":
            return _in_memory(pinned(shape, dtype_of(empty), device))
        return _in_memory(torch.empty(shape, dtype=dtype_of(empty)))
    if not rows.costly:
        return Place(StoredInputs(rows, index, device, what), lambda *_: None)
    spilled = SpilledRows(shape, dtype)
    inputs = StoredInputs(spilled, np.arange(len(index)), device, what)
    return Place(inputs, lambda _, examples: spilled.write(examples))


def fits(size: int, device: torch.device) -> bool:
    """Tell whether so many bytes of inputs may lie on a GPU, whatever else does at the time."""
    return size <= SHARE * int(torch.cuda.get_device_properties(device).total_memory)


def _on_gpu(there: Tensor) -> Place:
    transfer = Transfer(there.device)

    def write(start: int, examples: NDArray[Any]) -> None:
        transfer.fill(there[start : start + len(examples)], examples)

    return Place(there, write)


def _in_memory(held: Tensor) -> Place:
    array = held.numpy()

    def write(start: int, examples: NDArray[Any]) -> None:
        array[start : start + len(examples)] = examples

    return Place(held, write)
