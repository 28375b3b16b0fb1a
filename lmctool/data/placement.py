"""Where the inputs of a split are: on the device, or in memory that it can copy from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lmctool.errors import out_of_memory
from lmctool.weights.transfer import Transfer, dtype_of, pinned

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

SHARE = 0.5
"""Share of a GPU's memory that the inputs of all splits may take together."""


def placed(inputs: NDArray[Any], device: torch.device, taken: int = 0) -> Tensor:
    """Return a copy of inputs on the device; in pinned memory where a GPU has no room for them.

    Args:
        inputs: (example, ...) contiguous.
        device: where the work is done.
        taken: the bytes of the inputs that are on the device already.
    """
    if fits(taken + inputs.nbytes, device):
        try:
            return Transfer(device).array(inputs)
        except RuntimeError as error:  # others use the GPU too
            if device.type != "cuda" or not out_of_memory(error):
                raise
    kept = pinned(inputs.shape, dtype_of(inputs), device)
    kept.numpy()[...] = inputs
    return kept


def fits(size: int, device: torch.device) -> bool:
    """Tell whether so many bytes of inputs may lie on a device, whatever else does at the time."""
    if device.type != "cuda":
        return True
    return size <= SHARE * int(torch.cuda.get_device_properties(device).total_memory)
