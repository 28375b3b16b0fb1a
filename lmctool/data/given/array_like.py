"""Arrays as people have them: of numpy, of torch and of other libraries, lists, and numbers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALUES = "iubfUST"
"""The kinds of dtype that values to measure on can have; targets may be text."""


def made_by(value: object, module: str, name: str) -> bool:
    """Tell whether a value is of a class of a library, which is not imported for that."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def is_image(value: object) -> bool:
    """Tell whether a value is an image of PIL."""
    return made_by(value, "PIL.Image", "Image")


def is_array(value: object) -> bool:
    """Tell whether a value is an array, a tensor or a table, of whatever library."""
    return hasattr(value, "__array__") and hasattr(value, "shape")


def as_array(value: Any, what: str) -> NDArray[Any]:
    """Return an array, a tensor, lists of them or of numbers, or a number as an array.

    Values of bfloat16, which numpy has not, become float32.

    Args:
        value: what somebody's code gave.
        what: what to call it in an error.

    Raises:
        LmctoolError: it is none of them, lists are of different lengths, or the values are neither
            numbers nor text.
    """
    try:
        array = _converted(value, what)
    except ValueError as cause:  # both libraries say it in words of their own
        raise LmctoolError(f"{what} is no array: its parts differ in shape") from cause
    except (TypeError, RuntimeError) as cause:
        raise LmctoolError(f"{what} is no array: {cause}") from cause
    if array is None:
        raise LmctoolError(f"{what} is {type(value).__name__!r}, not an array, tensor or number")
    if array.dtype.kind == "O" and all(isinstance(text, str) for text in array.flat):
        array = array.astype(np.str_)
    if array.dtype.kind not in VALUES:
        raise LmctoolError(f"{what} has values of {array.dtype}, which are no numbers")
    return array


def _converted(value: Any, what: str) -> NDArray[Any] | None:
    if isinstance(value, np.ndarray):
        return value
    if made_by(value, "torch", "Tensor"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        numbers: NDArray[Any] = value.numpy()
        return numbers
    if isinstance(value, list | tuple):
        arrays = value and is_array(value[0])
        return np.stack([as_array(part, what) for part in value]) if arrays else np.asarray(value)
    plain = isinstance(value, bool | int | float | str | np.generic)
    return np.asarray(value) if plain or hasattr(value, "__array__") else None
