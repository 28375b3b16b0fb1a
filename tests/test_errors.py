"""Errors of the machine, told from those of a model and of its user."""

from __future__ import annotations

import errno

import pytest
import torch

from lmctool.errors import LmctoolError, machine_failure, out_of_memory

MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be reported"),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate`"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("Unable to find an engine to execute this computation"),
    RuntimeError("Triton Error [CUDA]: out of memory"),
]
"""Of a GPU's memory."""
HOST_MEMORY = [
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    RuntimeError("std::bad_alloc"),
    MemoryError(),
    MemoryError("Unable to allocate 8.00 TiB for an array"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]
FAILURES = [
    torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device"),
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    torch.AcceleratorError("CUDA error: all CUDA-capable devices are busy or unavailable"),
    RuntimeError("CUDA driver version is insufficient for CUDA runtime version"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("The NVIDIA driver on your system is too old (found version 11040)."),
    torch.cuda.DeferredCudaCallError("CUDA call failed lazily at initialization with error: x"),
]


class OutOfMemoryError(Exception):
    """One of a user's own, whose memory holds episodes."""


OTHERS = [
    RuntimeError("the robot ran out of memory slots"),
    RuntimeError("can't allocate memory cells: hidden_size is 0"),
    RuntimeError("no CUDA error: out of memory of the episode"),
    ValueError("CUDA error: out of memory"),
    OutOfMemoryError("the replay buffer is full"),
    KeyError("OutOfMemoryError"),
    OSError(errno.ENOENT, "No such file or directory"),
    RuntimeError("could not create a primitive"),
    RuntimeError("alloc_cpu() seems to have been called with negative number: 9"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x64 and 128x10)"),
    torch.AcceleratorError("CUDA error: operation not permitted when stream is capturing"),
    LmctoolError("CUDA error: out of memory"),
]


def name(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:40]}"


@pytest.mark.parametrize("error", [*MEMORY, *HOST_MEMORY], ids=name)
def test_every_wording_of_a_lack_of_memory_is_known(error: Exception) -> None:
    assert out_of_memory(error)
    instead = "--device cpu" if error in MEMORY else "another --device"
    assert f"fewer examples by --limit, {instead}, or" in machine_failure(error)


@pytest.mark.parametrize("error", FAILURES, ids=name)
def test_a_gpu_that_fails_is_told_in_its_own_words(error: Exception) -> None:
    assert not out_of_memory(error)
    assert machine_failure(error) == f"the GPU failed ({error}); try --device cpu"


@pytest.mark.parametrize("error", OTHERS, ids=name)
def test_words_of_users_are_not_taken_for_the_machines(error: Exception) -> None:
    assert not out_of_memory(error)
    assert machine_failure(error) == ""


def test_the_message_that_torch_itself_gives_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, device="cpu")
    assert out_of_memory(caught.value)


def capture(cause: Exception, end: Exception) -> Exception:
    """Return what comes out of a context whose end fails because of what happened within."""
    try:
        try:
            raise cause
        finally:
            raise end
    except Exception as error:
        return error


def test_what_took_the_place_of_a_lack_of_memory_is_known() -> None:
    lacking = torch.OutOfMemoryError("CUDA out of memory")
    ended = torch.AcceleratorError("CUDA error: operation failed in capture")
    assert not out_of_memory(ended)
    assert capture(lacking, ended) is ended
    assert out_of_memory(ended)


def test_a_lack_of_memory_that_lmctool_told_of_or_a_user_hid_is_none() -> None:
    told, hidden = LmctoolError("a batch of 4 examples does not fit in memory"), ValueError("no")
    told.__cause__ = torch.OutOfMemoryError("CUDA out of memory")
    hidden.__context__, hidden.__suppress_context__ = told.__cause__, True
    later = capture(told, RuntimeError("in a handler"))
    assert not any(map(out_of_memory, (told, hidden, later)))


def test_errors_that_refer_to_one_another_end() -> None:
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__cause__, other.__cause__ = other, one
    assert machine_failure(one) == ""
