"""Tensors from the host's memory onto a device."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

SIZE = 1 << 25
"""Bytes of pinned memory in each of two buffers."""


class Transfer:
    """Sends tensors and arrays to a device; while a GPU copies one, the next is made ready.

    A GPU copies by itself from pinned memory alone, which the host has little of.  So all goes
    through two buffers of it in turn, neither of which is filled again before what it held has
    arrived.  Work on the device's current stream finds what was sent; nobody has to wait for it.
    """

    def __init__(self, device: str | torch.device, size: int = SIZE) -> None:
        """Take the device, and the bytes of a buffer; they are made when they are needed."""
        self.device = torch.device(device)
        self._size = self._used = size
        self._buffer: Tensor | None = None
        self._filled: deque[tuple[Tensor, torch.cuda.Event]] = deque()

    def tensor(self, value: Tensor) -> Tensor:
        """Return a tensor of the host on the device, contiguous; on the host as it is."""
        if self.device.type != "cuda":
            return value.to(self.device)
        there = torch.empty(value.shape, dtype=value.dtype, device=self.device)
        self._send(value.contiguous().flatten().view(torch.uint8).numpy(), there)
        return there

    def array(self, value: NDArray[Any]) -> Tensor:
        """Return a copy of a contiguous array on the device."""
        if self.device.type != "cuda":
            # a copy: arrays read from files may be read-only, which torch cannot express
            return torch.tensor(value, device=self.device)
        there = torch.empty(value.shape, dtype=dtype_of(value), device=self.device)
        self.fill(there, value)
        return there

    def fill(self, there: Tensor, value: NDArray[Any]) -> None:
        """Copy a contiguous array into a contiguous tensor of a GPU."""
        self._send(value.reshape(-1).view(np.uint8), there)

    def _send(self, source: NDArray[np.uint8], there: Tensor) -> None:
        goal, begin = there.flatten().view(torch.uint8), 0
        while begin < len(source):
            buffer = self._room()
            end = min(len(source), begin + len(buffer))
            part = buffer[: end - begin]
            part.numpy()[:] = source[begin:end]
            goal[begin:end].copy_(part, non_blocking=True)
            self._used += len(part)
            begin = end

    def _room(self) -> Tensor:
        """Return what is left of the buffer in use, or another one that nothing is copied from."""
        if self._buffer is None or self._used == self._size:
            if self._buffer is not None:
                copied = torch.cuda.current_stream(self.device).record_event()
                self._filled.append((self._buffer, copied))
            if len(self._filled) == 2:
                self._buffer, copied = self._filled.popleft()
                copied.synchronize()
            else:
                self._buffer = pinned(self._size, torch.uint8, self.device)
            self._used = 0
        return self._buffer[self._used :]


def pinned(shape: int | tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return an empty tensor of the host that a GPU can copy from by itself."""
    with torch.cuda.device(device):
        return torch.empty(shape, dtype=dtype, pin_memory=True)


def dtype_of(array: NDArray[Any]) -> torch.dtype:
    """Return torch's dtype of an array's values."""
    return torch.from_numpy(np.empty(0, dtype=array.dtype)).dtype
