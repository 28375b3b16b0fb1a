"""The memory format of images and of weights, which operations hand on from one to the next."""

from __future__ import annotations

import torch
from torch import Tensor


def laid_out(inputs: Tensor, layout: torch.memory_format) -> Tensor:
    """Return a batch, or a weight, in a memory format if it has the axes of images, else as it is.

    Images of one channel lie in memory alike in both formats.  Their strides then decide what
    operations take them for, so that channels last has to be said by these.

    Args:
        inputs: (example, ...) a batch, or a weight.
        layout: the memory format.
    """
    if inputs.ndim != 4:
        return inputs
    images = inputs.contiguous(memory_format=layout)
    if layout != torch.channels_last or images.shape[1] != 1:
        return images
    height, width = images.shape[2:]
    return images.as_strided(images.shape, (height * width, 1, width, 1))
