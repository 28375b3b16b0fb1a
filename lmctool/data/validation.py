"""What examples and constants must be before anything is measured on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.rows import native
from lmctool.data.tokens import IGNORE_INDEX
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Examples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Rows

INPUTS = ("uint8", "float16", "float32", "float64", "int64")


def sound(examples: Examples, classes: int, what: str) -> Examples:
    """Return examples as far as they can be told to be sound before they are read in pieces.

    Args:
        examples: as somebody's code gave them; images and masks of any size are not looked at.
        classes: number of classes or tokens, 0 where the targets are neither.
        what: what to call them in an error.

    Raises:
        LmctoolError: they are not, as ``check_inputs`` and ``sound_targets`` say, or an array of
            inputs is not finite.
    """
    inputs, shape = examples.inputs, getattr(examples.inputs, "shape", None)
    if shape is not None:
        check_inputs(inputs, examples.targets, what)
    if isinstance(inputs, np.ndarray):
        refuse_nonfinite(nonfinite(inputs), inputs.size, f"{what} has inputs")
    targets = examples.targets
    if isinstance(targets, np.ndarray):
        targets = sound_targets(targets, shape or (), classes, what)
    return Examples(inputs, targets)


def check_inputs(inputs: Rows | NDArray[Any], targets: NDArray[Any], what: str) -> None:
    """Check what is known of inputs before they are read.

    Args:
        inputs: (example, ...) as a format has them.
        targets: (example, ...).
        what: what to call them in an error.

    Raises:
        LmctoolError: inputs and targets differ in number, there are none, or the inputs are of
            another dtype than uint8, float or int64.
    """
    if len(inputs.shape) == 0 or targets.ndim == 0:
        raise LmctoolError(f"{what} holds single values, not arrays of examples")
    if len(inputs) != len(targets):
        raise LmctoolError(f"{what} has {len(inputs)} inputs but {len(targets)} targets")
    if math.prod(inputs.shape) == 0 or targets.size == 0:
        raise LmctoolError(f"{what} is empty: its inputs have shape {inputs.shape}")
    if inputs.dtype.name not in INPUTS:
        raise LmctoolError(f"{what} has inputs of {inputs.dtype}, not one of {', '.join(INPUTS)}")


def sound_targets(
    targets: NDArray[Any], inputs: tuple[int, ...], classes: int, what: str
) -> NDArray[Any]:
    """Return targets in native byte order, whole numbers as int64.

    Classes in a column, (example, 1), become (example,); a column of tokens stays one.

    Args:
        targets: (example, ...) as a format loaded them.
        inputs: the shape of the inputs.
        classes: number of classes or tokens, 0 where the targets are neither; of several targets
            an example, those of -100 are none.
        what: what to call them in an error.

    Raises:
        LmctoolError: a target is no class.
    """
    targets = np.ascontiguousarray(targets, dtype=native(targets.dtype))
    if targets.dtype.kind in "iub":
        targets = targets.astype(np.int64)
        if targets.shape == (len(targets), 1) and targets.shape != inputs:
            targets = targets[:, 0]
        counted = targets if targets.ndim == 1 else targets[targets != IGNORE_INDEX]
        _check_classes(counted, classes, what)
    elif targets.dtype.kind == "f" and classes == 0:
        refuse_nonfinite(nonfinite(targets), targets.size, f"{what} has targets")
    else:
        raise LmctoolError(
            f"{what} has targets of {targets.dtype}"
            + (f", not classes 0 to {classes - 1}" if classes else ", which are no numbers")
        )
    return targets


def class_count(targets: NDArray[Any]) -> int:
    """Return one more than the greatest class of targets, 0 where they are no classes."""
    return int(targets.max(initial=-1)) + 1 if targets.dtype.kind == "i" else 0


def nonfinite(array: NDArray[Any]) -> int:
    """Return how many values are NaN or infinite."""
    return array.size - int(np.isfinite(array).sum()) if array.dtype.kind == "f" else 0


def refuse_nonfinite(count: int, total: int, what: str) -> None:
    """Refuse values some of which are NaN or infinite.

    Raises:
        LmctoolError: there are such.
    """
    if count:
        raise LmctoolError(f"{what} that are NaN or infinite, {count} of {total}")


def check_constants(
    mean: tuple[float, ...], std: tuple[float, ...], shape: tuple[int, ...]
) -> None:
    """Check that mean and standard deviation fit the channels of inputs of this shape.

    A single value of each is that of every channel.

    Raises:
        LmctoolError: their numbers differ from the channels, or a value is unusable.
    """
    if not mean and not std:
        return
    channels = shape[1] if len(shape) > 1 else 0
    if len(mean) != len(std) or len(mean) not in {1, channels}:
        raise LmctoolError(
            f"the inputs have {channels} channels, but the mean has {len(mean)} values and the"
            f" standard deviation {len(std)}; pass --mean and --std with {channels} each, or one"
        )
    if not all(map(math.isfinite, mean)) or not all(0 < value < math.inf for value in std):
        raise LmctoolError(f"mean {mean} or standard deviation {std} is unusable; std is above 0")


def _check_classes(targets: NDArray[np.int64], classes: int, what: str) -> None:
    if not targets.size:
        raise LmctoolError(f"{what} has no target that counts, so there is nothing to measure")
    least, most = int(targets.min()), int(targets.max())
    if classes and (least < 0 or most >= classes):
        raise LmctoolError(f"{what} has targets from {least} to {most}, not 0 to {classes - 1}")
