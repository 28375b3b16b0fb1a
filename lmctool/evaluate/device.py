"""The device and the arithmetic of a run."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Literal

import torch

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator

Precision = Literal["float32", "tf32", "bfloat16"]


def choose_device(word: str) -> torch.device:
    """Return the device that a word names; ``auto`` is the first GPU, or else the CPU.

    Raises:
        LmctoolError: no such device here.
    """
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(word)
    except RuntimeError as cause:
        raise LmctoolError(
            f"no device is called {word!r}; try auto, cpu, cuda or cuda:1"
        ) from cause
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise LmctoolError(f"device {word!r} was asked for, but torch finds {count} CUDA devices")
    if device.type not in {"cpu", "cuda"}:
        raise LmctoolError(f"device {word!r} is not supported; try auto, cpu, cuda or cuda:1")
    return device


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


def generator(seed: int, name: str) -> torch.Generator:
    """Return the generator of one named use of randomness, from the seed of a run."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
