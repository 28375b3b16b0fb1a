"""The size of batches: where it starts, and what is free when it halves."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate.batch_size import BatchSize, indivisible

FULL = torch.OutOfMemoryError


def test_the_memory_of_a_failed_batch_is_free_before_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emptied: list[int] = []
    held: list[weakref.ref[torch.Tensor]] = []
    size = BatchSize(None, automatic=8)
    size.on_halving.append(lambda: emptied.append(size.size))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(-size.size))

    def work(examples: int) -> int:
        assert not any(tensor() is not None for tensor in held)
        activation = torch.zeros(examples)
        held.append(weakref.ref(activation))
        if examples > 2:
            error = FULL("CUDA out of memory")
            error.frame = activation  # type: ignore[attr-defined]
            error.itself = error  # type: ignore[attr-defined]
            raise error
        return examples

    gc.disable()
    try:
        assert size.fitting(work) == 2
    finally:
        gc.enable()
    assert emptied == [4, -4, 2, -2]
    assert (size.size, size.before_halving) == (2, 8)


def test_a_size_that_fits_never_halved() -> None:
    size = BatchSize(None, automatic=8)
    assert size.fitting(lambda examples: examples) == 8
    assert size.before_halving is None


def test_a_size_that_is_repeated_is_not_settled_anew_and_still_halves() -> None:
    size = BatchSize(None, repeated=6)
    size.settle(100)
    assert size.size == 6

    def work(examples: int) -> int:
        if examples > 3:
            raise MemoryError
        return examples

    assert size.fitting(work) == 3


def test_a_size_that_the_user_chose_goes_before_one_that_is_repeated() -> None:
    size = BatchSize(5, repeated=6)
    assert size.size == 5 and size.fixed
    with pytest.raises(LmctoolError, match="a batch of 5 examples does not fit in memory; try"):
        size.fitting(lambda _: torch.empty(1 << 60))


def test_other_errors_of_an_indivisible_batch_are_left_alone() -> None:
    with pytest.raises(ValueError, match="broken"), indivisible(8, "--calib-batch"):
        raise ValueError("broken")
    with pytest.raises(LmctoolError, match="lower --calib-batch"), indivisible(8, "--calib-batch"):
        raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")


@pytest.mark.cuda
def test_the_memory_of_a_gpu_that_ran_out_is_free_again(gpu: torch.device) -> None:
    _, total = torch.cuda.mem_get_info(gpu)
    before = torch.cuda.memory_allocated(gpu)
    size = BatchSize(None, automatic=64)

    def work(examples: int) -> int:
        return torch.empty(examples * total // 32, dtype=torch.uint8, device=gpu).nbytes

    assert size.fitting(work) <= total // 2
    assert size.before_halving == 64
    assert torch.cuda.memory_allocated(gpu) == before
