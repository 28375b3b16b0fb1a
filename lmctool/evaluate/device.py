"""The device of a run."""

from __future__ import annotations

import platform
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import conv2d

from lmctool.errors import LmctoolError, first_line
from lmctool.evaluate.arithmetic import arithmetic

if TYPE_CHECKING:
    from collections.abc import Callable

MPS = "mps"
"""The word for the GPU of an Apple machine, on which networks are evaluated and nothing else."""


def choose_device(word: str, note: Callable[[str], None] = lambda _: None) -> torch.device:
    """Return the device that a word names, a GPU with its number; it was tried.

    ``auto`` is the first GPU, and the CPU where there is none or it can't be used: a machine may
    have one that this build of torch is not made for, or that another program has for itself.  The
    latter is noted, and the record of a run says on which device it was.

    Args:
        word: ``auto``, ``cpu``, ``cuda`` (the first GPU), ``cuda:N`` or ``mps``, of which all but
            the networks is computed on the CPU.
        note: tells the user something worth knowing.

    Raises:
        LmctoolError: no such device here, or it cannot be used; says why.
    """
    if word == "auto":
        return _first_usable(note)
    name, _, number = word.partition(":")
    if name == "cuda" and (number.isdecimal() or word == "cuda"):
        return _gpu(word, int(number or 0))
    if word == MPS:
        _check_mps()
        return torch.device("cpu")
    if "," in word:
        raise LmctoolError(
            f"device {word!r} names several, but here one computes; try {word.partition(',')[0]}"
        )
    try:
        device = torch.device(word)
    except RuntimeError as cause:
        raise LmctoolError(
            f"no device is called {word!r}; try auto, cpu, cuda, cuda:1 or mps"
        ) from cause
    if device.type != "cpu":
        raise LmctoolError(f"device {word!r} is not supported; try auto, cpu, cuda, cuda:1 or mps")
    return device


def has_bfloat16() -> bool:
    """Tell whether the CPU multiplies in bfloat16 itself: by AVX-512 or AMX, or on ARM.

    Another one computes in float32 what it rounds to bfloat16 before and after.
    """
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return True
    arm = platform.machine().lower() in {"aarch64", "arm64"}
    return arm and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def check_precision(precision: str, device: torch.device, *, repeats: bool) -> str:
    """Return what is to be said of a precision on a device; empty for nothing.

    Args:
        precision: of matrix products and convolutions.
        device: where networks are computed.
        repeats: whether it is that of an earlier run, which is to be done again.

    Raises:
        LmctoolError: it is one that takes longer there and is less exact.
    """
    if precision != "bfloat16" or device.type != "cpu" or has_bfloat16():
        return ""
    if repeats:
        return (
            "this CPU has no instructions for bfloat16 and computes it by way of float32, which"
            " takes longer and rounds otherwise"
        )
    raise LmctoolError(
        "--precision bfloat16 was asked for, but this CPU has no instructions for it (avx512_bf16"
        " or AMX): it would take longer than float32 and be less exact; leave it out"
    )


def in_use(device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which a GPU is torch's current one, where work goes that names none."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def _first_usable(note: Callable[[str], None]) -> torch.device:
    """Return the first GPU, or the CPU; notes why a GPU that is there is passed over."""
    count, complaint = _gpus()
    device = torch.device("cuda", 0)
    if count and not (complaint := _trouble(device)):
        return device
    if complaint:
        note(f"the GPU cannot be used, so the CPU is: {complaint}")
    return torch.device("cpu")


def _gpu(word: str, number: int) -> torch.device:
    """Return a GPU by its number.

    Raises:
        LmctoolError: it isn't there, or cannot be used.
    """
    count, complaint = _gpus()
    if number >= count:
        if torch.version.cuda is None and torch.version.hip is None:
            complaint = f"torch {torch.__version__} is built without them"
        why = f" ({complaint})" if complaint else ""
        raise LmctoolError(
            f"device {word!r} was asked for, but torch finds {count} CUDA devices{why};"
            " try --device cpu"
        )
    device = torch.device("cuda", number)
    if complaint := _trouble(device):
        raise LmctoolError(f"device {word!r} cannot be used: {complaint}; try --device cpu")
    return device


def _check_mps() -> None:
    """Refuse a machine without the GPU of an Apple machine.

    Raises:
        LmctoolError: torch finds none here.
    """
    mps = torch.backends.mps
    if not mps.is_available():
        why = "" if mps.is_built() else f" (torch {torch.__version__} is built without them)"
        raise LmctoolError(
            f"device {MPS!r} was asked for, but torch finds no GPU of an Apple machine{why};"
            " try --device cpu"
        )


def _gpus() -> tuple[int, str]:
    """Return how many GPUs torch can use, and why it can't where it tells."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    texts = [str(each.message) for each in said if "CUDA" in str(each.message)]
    return count, texts[0].removeprefix("CUDA initialization: ").partition(". ")[0] if texts else ""


def _trouble(device: torch.device) -> str:
    """Return why a GPU cannot be used, found by using it; empty if it can.

    A product and a convolution need its driver, kernels that are made for it, both libraries that
    most networks need, and a little memory.
    """
    try:
        with arithmetic("float32", device):  # cuBLAS is told once, before it starts
            ones = torch.ones(1, 1, 8, 8, dtype=torch.float32, device=device)
            conv2d(ones @ ones, ones[..., :3, :3])
            torch.cuda.synchronize(device)
    except Exception as error:  # torch has many types for it
        return first_line(error)
    return ""
