"""The arithmetic of a run: torch's switches, which hold for the whole process."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

Precision = Literal["float32", "tf32", "bfloat16"]


def describe(precision: Precision, device: torch.device) -> dict[str, int | str]:
    """Return the attributes that say with which arithmetic a run computes on a device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return {
        "device": str(device),
        "device.name": name,
        "precision": precision,
        "tf32": int(precision == "tf32"),
        "cudnn.deterministic": 1,
        "cudnn.benchmark": 0,
        "threads": torch.get_num_threads(),
    }


@contextmanager
def arithmetic(precision: Precision) -> Iterator[None]:
    """Compute as a run asks for, repeatable where it can be.

    Torch's switches hold for the whole process: they are set inside, and put back behind, also
    after an error.  One may lie within another.
    """
    tf32 = precision == "tf32"
    before = _switches()
    try:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        yield
    finally:
        for place, name, value in before:
            setattr(place, name, value)


def _switches() -> list[tuple[object, str, object]]:
    """Return each switch of torch that ``arithmetic`` changes: where it is, its name, its value.

    Setting ``allow_tf32`` sets ``fp32_precision`` too, though not to the value it had; so the
    latter comes after it.  The former cannot be read where somebody has set only the latter.
    """
    backends: Any = torch.backends  # whose annotations lack some of its attributes
    matmul, cudnn = backends.cuda.matmul, backends.cudnn
    places = (
        (matmul, "allow_tf32"),
        (cudnn, "allow_tf32"),
        (matmul, "fp32_precision"),
        (cudnn.conv, "fp32_precision"),
        (cudnn.rnn, "fp32_precision"),
        (cudnn, "deterministic"),
        (cudnn, "benchmark"),
    )
    switches: list[tuple[object, str, object]] = []
    for place, name in places:
        with suppress(RuntimeError):
            switches.append((place, name, getattr(place, name)))
    return switches


@contextmanager
def computing(precision: Precision, device: torch.device) -> Iterator[None]:
    """Compute networks on a device as a run asks for: its arithmetic, and what it casts to."""
    with arithmetic(precision), casting(precision, device):
        yield


def casting(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which networks run: autocast under ``bfloat16``, else nothing."""
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def exact_products() -> Iterator[None]:
    """Keep matrix products out of TF32, whatever the precision of a run."""
    allowed = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = allowed


def rounding(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Return the dtype that products of a dtype are as exact as on a device, as things stand.

    TF32 has as many digits as float16.
    """
    matmul: Any = torch.backends.cuda.matmul
    tf32 = device.type == "cuda" and matmul.fp32_precision == "tf32"
    return torch.float16 if tf32 and dtype == torch.float32 else dtype
