"""The inputs of examples, all of them, whether they are an array or are read in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.plugin.records import Dataset


def inputs_of(dataset: Dataset, split: str = "test") -> NDArray[Any]:
    """Return all inputs of a split."""
    inputs = dataset.splits[split]().inputs
    whole: NDArray[Any] = inputs[np.arange(len(inputs))]
    return whole
