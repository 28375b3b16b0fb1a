"""Tensors that a file stores under two names, as ``safetensors`` and pickles do of tied ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lmctool.checkpoint.checkpoint import Checkpoint
    from lmctool.checkpoint.tensor_location import TensorLocation

LEAST_AXES = 2
"""Axes of a tensor whose bytes can tell that it is tied: fresh biases are all alike."""
HEAD = 64
"""Values that are compared before all of a tensor is."""


def twins(checkpoints: Sequence[Checkpoint], name: str) -> frozenset[str]:
    """Return the other names of a tensor: those whose bytes are its own wherever it is stored.

    A matrix alone can be tied, and one whose values are not all the same.  None is found where
    checkpoints that have the tensor disagree, or where one that lacks it has several of the
    others, unlike each other.
    """
    having = [checkpoint for checkpoint in checkpoints if name in checkpoint.locations]
    shared = frozenset.intersection(*(_equal(checkpoint, name) for checkpoint in having))
    for checkpoint in checkpoints:
        own = [checkpoint.locations[other] for other in shared if other in checkpoint.locations]
        if any(not same_bytes(own[0], other) for other in own[1:]):
            return frozenset()
    return shared


def same_bytes(a: TensorLocation, b: TensorLocation) -> bool:
    """Tell whether two tensors are the same, with their dtypes and shapes."""
    if (a.entry.dtype, a.entry.shape) != (b.entry.dtype, b.entry.shape):
        return False
    ends = (HEAD, None)  # most differ in their first values
    return all(
        _bytes(one) == _bytes(other)
        for end in ends
        for one, other in zip(a.blocks(0, end), b.blocks(0, end), strict=True)
    )


def _bytes(block: Tensor) -> bytes:
    import torch

    return block.contiguous().view(torch.uint8).numpy().tobytes()


def _equal(checkpoint: Checkpoint, name: str) -> frozenset[str]:
    location = checkpoint.locations[name]
    if len(location.entry.shape) < LEAST_AXES or _is_constant(location):
        return frozenset()
    return frozenset(
        other
        for other, its in checkpoint.locations.items()
        if other != name and same_bytes(location, its)
    )


def _is_constant(location: TensorLocation) -> bool:
    """Tell whether all values are the same, or there is none."""
    if not location.count:
        return True
    first = _bytes(next(location.blocks(0, 1)))
    return all(piece == first * (len(piece) // len(first)) for piece in location.pieces())
