"""What a data set lists beside its examples: their targets, and what its classes are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.given.array_like import as_array, made_by
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("targets", "labels")
"""Where torchvision's data sets list their targets."""
TORCH = "torch.utils.data.dataset"


def stored_targets(data: Any, column: str) -> NDArray[Any] | None:
    """Return the targets that a data set lists, (example, ...), or None where it lists none.

    They may be others than those of its examples, which it can transform.

    Args:
        data: what is asked for examples by index.
        column: what the target of an example goes by; empty where its place tells.
    """
    if made_by(data, TORCH, "Subset"):
        whole = stored_targets(data.dataset, column)
        return None if whole is None else whole[np.asarray(data.indices, dtype=np.int64)]
    if made_by(data, TORCH, "ConcatDataset"):
        parts = [stored_targets(part, column) for part in data.datasets]
        known = [part for part in parts if part is not None]
        return np.concatenate(known) if len(known) == len(parts) else None
    if made_by(data, "datasets.arrow_dataset", "Dataset"):
        return _array(data.with_format(None)[column][:]) if column in data.column_names else None
    found = (getattr(data, name, None) for name in NAMES)
    return next((array for each in found if (array := _array(each)) is not None), None)


def class_names(data: Any, column: str) -> tuple[str, ...]:
    """Return what the classes of a data set are called, in the order of their numbers, if it says.

    Args:
        data: what is asked for examples by index.
        column: what the target of an example goes by.
    """
    if made_by(data, TORCH, "Subset"):
        return class_names(data.dataset, column)
    if made_by(data, TORCH, "ConcatDataset"):
        several = {class_names(part, column) for part in data.datasets}
        return several.pop() if len(several) == 1 else ()
    if made_by(data, "datasets.arrow_dataset", "Dataset"):
        names = getattr(data.features.get(column), "names", None)
    else:
        names = getattr(data, "classes", None)
    if not isinstance(names, list | tuple):
        return ()
    return tuple(map(str, names))


def _array(value: object) -> NDArray[Any] | None:
    if value is None:
        return None
    try:
        return as_array(value, "")
    except LmctoolError:
        return None
