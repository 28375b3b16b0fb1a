"""Tensors that a file stores under two names, as ``safetensors`` and pickles do of tied ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.checkpoint.checkpoint import Checkpoint
    from lmctool.checkpoint.tensor_location import TensorLocation

LEAST_AXES = 2
"""Axes of a tensor whose bytes can tell that it is tied: fresh biases are all alike."""
HEAD = 64
"""Bytes that are compared before all of a tensor is."""


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
    if (a.file, a.offset) == (b.file, b.offset):
        return True
    if _head(a) != _head(b):
        return False
    return all(one == other for one, other in zip(a.pieces(), b.pieces(), strict=True))


def _head(location: TensorLocation) -> bytes:
    """Return the first bytes of a tensor, in which most differ."""
    with location.file.open("rb") as file:
        file.seek(location.offset)
        return file.read(min(HEAD, location.entry.end - location.entry.begin))


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
    size = (location.entry.end - location.entry.begin) // location.count
    first = _head(location)[:size]
    return all(piece == first * (len(piece) // size) for piece in location.pieces())
