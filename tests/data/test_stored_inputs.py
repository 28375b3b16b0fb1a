"""Inputs that stay in a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lmctool.data.stored_inputs import StoredInputs
from tests.emulated_gpu.waits import pretended_gpu
from tests.rows import NotedRows

CPU = torch.device("cpu")
ARRAY = np.random.default_rng(0).integers(0, 256, (20, 3, 2, 2), dtype=np.uint8)
INDEX = np.array([0, 3, 4, 5, 9, 12, 18, 19])
TENSOR = torch.from_numpy(ARRAY[INDEX])
KEYS: list[Any] = [
    slice(None),
    slice(3),
    slice(2, 5),
    slice(6, 99),
    slice(None, None, 3),
    torch.tensor([5, 0, 3]),
    torch.tensor([2, 2, 7, 2]),
]


def stored(rows: Any = None, goal: torch.device = CPU) -> StoredInputs:
    return StoredInputs(rows or NotedRows(ARRAY), INDEX, goal, "split 'test'")


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_parts_are_those_of_a_tensor(key: Any) -> None:
    assert torch.equal(stored()[key], TENSOR[key])


@pytest.mark.parametrize("dtype", [">f4", np.float16, np.int64, np.uint8])
def test_what_is_known_of_a_tensor_is_known_of_them(dtype: Any) -> None:
    inputs = stored(NotedRows(ARRAY.astype(dtype)))
    tensor = torch.from_numpy(ARRAY[INDEX].astype(np.dtype(dtype).newbyteorder("=")))
    for name in ("shape", "dtype", "device", "ndim", "nbytes"):
        assert getattr(inputs, name) == getattr(tensor, name)
    assert (len(inputs), inputs.numel()) == (len(tensor), tensor.numel())
    assert torch.equal(inputs[:], tensor)


def test_only_what_is_asked_for_is_read_in_rising_order() -> None:
    rows = NotedRows(ARRAY)
    inputs = stored(rows)
    assert not rows.asked
    inputs[2:4]
    inputs[torch.tensor([5, 0, 5])]
    assert rows.asked == [[4, 5], [0, 12]]


def test_a_batch_for_a_gpu_is_in_pinned_memory() -> None:
    with pretended_gpu() as gpu:
        batch = stored(goal=torch.device("cuda:0"))[2:5]
        assert gpu.is_pinned(batch)
        assert batch.device == CPU
        assert torch.equal(batch, TENSOR[2:5])


def test_writing_into_a_batch_changes_nothing_that_is_stored() -> None:
    inputs = stored()
    inputs[:2].zero_()
    assert torch.equal(inputs[:], TENSOR)
