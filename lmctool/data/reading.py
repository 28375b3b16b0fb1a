"""The pass in which inputs are read: each piece is checked, digested and put where it belongs."""

from __future__ import annotations

import hashlib
from math import prod
from typing import TYPE_CHECKING, Any

import torch

from lmctool.data.placement import place
from lmctool.data.rows import examples_at, native
from lmctool.data.validation import nonfinite, refuse_nonfinite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.data.stored_inputs import StoredInputs
    from lmctool.plugin.data_records import Rows

PIECE = 1 << 24
"""Bytes of inputs that are read at once where no batch size says how many."""


def read_inputs(
    rows: Rows | NDArray[Any],
    index: NDArray[np.int64],
    device: torch.device,
    what: str,
    *,
    taken: int,
    check: Callable[[Tensor], None],
) -> tuple[Tensor | StoredInputs, hashlib._Hash]:
    """Return chosen inputs where they are worked on, and the digest of their content.

    Args:
        rows: (example, ...) the stored ones.
        index: which of them, rising, one at least.
        device: where the work is done.
        what: what to call them in an error.
        taken: the bytes of other inputs that are on the device already.
        check: called with each piece, in the host's memory; raises where a model cannot take it.

    Raises:
        LmctoolError: they cannot be read or kept, or are not finite.
    """
    shape = (len(index), *rows.shape[1:])
    goal = place(rows, index, device, taken, what)
    digest = hashlib.sha256(title(native(rows.dtype), shape))
    bad = total = 0
    for part in parts(shape, rows.dtype.itemsize):
        piece = examples_at(rows, index[part], what)
        bad, total = bad + nonfinite(piece), total + piece.size
        digest.update(piece.data)
        check(torch.from_numpy(piece))
        goal.write(part.start, piece)
    refuse_nonfinite(bad, total, f"{what} has inputs")
    return goal.inputs, digest


def parts(shape: tuple[int, ...], itemsize: int) -> Iterator[slice]:
    """Give the parts of inputs of a shape that are read at once, in order, an example at least."""
    step = max(1, PIECE // (prod(shape[1:]) * itemsize))
    return (slice(start, min(start + step, shape[0])) for start in range(0, shape[0], step))


def title(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return what stands before the bytes of an array in the digest of its content."""
    return f"{dtype.str} {shape} ".encode()
