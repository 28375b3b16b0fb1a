"""Inputs that stay in a file: a batch of them is read when it is asked for."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch

from lmctool.data.rows import examples_at, native
from lmctool.weights.transfer import dtype_of, pinned

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.plugin.data_records import Rows

HOST = torch.device("cpu")


class StoredInputs:
    """Inputs of a split in place of a tensor of them, whose words it knows as far as they are used.

    Attributes:
        shape: (example, ...).
        dtype: of the values.
        device: the host, where they are read to.
    """

    device = HOST

    def __init__(self, rows: Rows, index: NDArray[np.int64], goal: torch.device, what: str) -> None:
        """Take what reads them.

        Args:
            rows: reads the stored ones.
            index: (example,) which of these, rising.
            goal: where batches are worked on; those for a GPU are in pinned memory.
            what: what to call them in an error.
        """
        self.shape = torch.Size((len(index), *rows.shape[1:]))
        self.dtype = dtype_of(np.empty(0, native(rows.dtype)))
        self._rows, self._index, self._goal, self._what = rows, index, goal, what

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of all values."""
        return self.numel() * self.dtype.itemsize

    def numel(self) -> int:
        """Return the number of values."""
        return prod(self.shape)

    def part(self, positions: NDArray[np.int64]) -> StoredInputs:
        """Return some of the inputs, none of them read.

        Args:
            positions: (example,) which of these, rising.
        """
        return StoredInputs(self._rows, self._index[positions], self._goal, self._what)

    def __getitem__(self, key: slice | Tensor) -> Tensor:
        """Return some examples, read anew.

        Args:
            key: which, as positions or as a slice.

        Raises:
            LmctoolError: they cannot be read any more, or are no longer what they were.
        """
        chosen = self._index[key if isinstance(key, slice) else key.numpy()]
        places, order = np.unique(chosen, return_inverse=True)
        found = examples_at(self._rows, places, self._what)
        if not np.array_equal(places, chosen):
            found = found[order]
        if self._goal.type != "cuda":
            return torch.from_numpy(found)
        kept = pinned(found.shape, self.dtype, self._goal)
        kept.numpy()[...] = found
        return kept
