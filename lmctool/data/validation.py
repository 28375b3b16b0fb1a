"""What examples and constants must be before anything is measured on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.tokens import IGNORE_INDEX
from lmctool.errors import LmctoolError
from lmctool.plugin.records import Examples

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = ("uint8", "float16", "float32", "float64", "int64")


def sound(examples: Examples, classes: int, what: str) -> Examples:
    """Return the examples in native byte order, whole-number targets as int64.

    Classes in a column, (example, 1), become (example,); a column of tokens stays one.

    Args:
        examples: as a format loaded them.
        classes: number of classes or tokens, 0 where the targets are neither; of several targets
            an example, those of -100 are none.
        what: what to call them in an error.

    Raises:
        LmctoolError: inputs and targets differ in number, there are none, the inputs are of
            another dtype than uint8, float or int64 or not finite, or a target is no class.
    """
    _check_counts(examples.inputs, examples.targets, what)
    inputs, targets = _native(examples.inputs), _native(examples.targets)
    if inputs.dtype.name not in INPUTS:
        raise LmctoolError(f"{what} has inputs of {inputs.dtype}, not one of {', '.join(INPUTS)}")
    _check_finite(inputs, f"{what} has inputs")
    if targets.dtype.kind in "iub":
        targets = targets.astype(np.int64)
        if targets.shape == (len(targets), 1) and targets.shape != inputs.shape:
            targets = targets[:, 0]
        counted = targets if targets.ndim == 1 else targets[targets != IGNORE_INDEX]
        _check_classes(counted, classes, what)
    elif targets.dtype.kind == "f" and classes == 0:
        _check_finite(targets, f"{what} has targets")
    else:
        raise LmctoolError(
            f"{what} has targets of {targets.dtype}"
            + (f", not classes 0 to {classes - 1}" if classes else ", which are no numbers")
        )
    return Examples(inputs, targets)


def check_constants(
    mean: tuple[float, ...], std: tuple[float, ...], shape: tuple[int, ...]
) -> None:
    """Check that mean and standard deviation fit the channels of inputs of this shape.

    Raises:
        LmctoolError: their numbers differ from the channels, or a value is unusable.
    """
    if not mean and not std:
        return
    channels = shape[1] if len(shape) > 1 else 0
    if len(mean) != channels or len(std) != channels:
        raise LmctoolError(
            f"the inputs have {channels} channels, but the mean has {len(mean)} values and the"
            f" standard deviation {len(std)}; pass --mean and --std with {channels} each"
        )
    if not all(map(math.isfinite, mean)) or not all(0 < value < math.inf for value in std):
        raise LmctoolError(f"mean {mean} or standard deviation {std} is unusable; std is above 0")


def _native(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _check_counts(inputs: NDArray[Any], targets: NDArray[Any], what: str) -> None:
    if inputs.ndim == 0 or targets.ndim == 0:
        raise LmctoolError(f"{what} holds single values, not arrays of examples")
    if len(inputs) != len(targets):
        raise LmctoolError(f"{what} has {len(inputs)} inputs but {len(targets)} targets")
    if inputs.size == 0 or targets.size == 0:
        raise LmctoolError(f"{what} is empty: its inputs have shape {inputs.shape}")


def _check_finite(array: NDArray[Any], what: str) -> None:
    if array.dtype.kind == "f":
        bad = array.size - int(np.isfinite(array).sum())
        if bad:
            raise LmctoolError(f"{what} that are NaN or infinite, {bad} of {array.size}")


def _check_classes(targets: NDArray[np.int64], classes: int, what: str) -> None:
    if not targets.size:
        raise LmctoolError(f"{what} has no target that counts, so there is nothing to measure")
    least, most = int(targets.min()), int(targets.max())
    if classes and (least < 0 or most >= classes):
        raise LmctoolError(f"{what} has targets from {least} to {most}, not 0 to {classes - 1}")
