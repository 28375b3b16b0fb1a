"""What the loader of a split returns, which may be somebody's plugin, as examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.given.array_like import as_array
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Examples

if TYPE_CHECKING:
    from collections.abc import Callable

NEEDED = "return lmctool.api.Examples(inputs, targets) or the pair of both, as arrays or tensors"


def loaded(load: Callable[[], object], what: str) -> Examples:
    """Return the examples that a loader returns: as such, or as a pair of inputs and targets.

    Args:
        load: the loader.
        what: what to call it in an error.

    Raises:
        LmctoolError: it raises anything, or returns something else.
    """
    try:
        value = load()
    except LmctoolError:
        raise
    except Exception as cause:  # a stranger's code
        raise LmctoolError(f"{what} failed: {type(cause).__name__}: {cause}") from cause
    if isinstance(value, Examples):
        pair: tuple[Any, Any] = value.inputs, value.targets
    elif isinstance(value, tuple | list) and len(value) == 2:
        pair = value[0], value[1]
    elif isinstance(value, Mapping) and value.keys() >= {"inputs", "targets"}:
        pair = value["inputs"], value["targets"]
    else:
        raise LmctoolError(f"{what} returned {type(value).__name__!r}, not examples; {NEEDED}")
    inputs, targets = (part if read_in_pieces(part) else as_array(part, what) for part in pair)
    return Examples(inputs, targets)


def read_in_pieces(value: Any) -> bool:
    """Tell whether a value is ``Rows`` or ``Images``: neither an array, a tensor nor a list."""
    whole = isinstance(value, np.ndarray | list | tuple | str | Mapping)
    pieces = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    return pieces and not whole and not hasattr(value, "detach")
