"""All inputs of a split, whether they are an array or are read in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rows import whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Dataset


def inputs_of(dataset: Dataset, split: str = "test") -> NDArray[Any]:
    """Return all inputs of a split."""
    return whole(dataset.splits[split]().inputs)
