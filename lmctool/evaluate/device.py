"""The device and the arithmetic of a run."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal

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


def configure(precision: Precision, device: torch.device) -> dict[str, int | str]:
    """Set the arithmetic that a run asks for, repeatable where it can be, and say what was set."""
    tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return {
        "device": str(device),
        "device.name": name,
        "precision": precision,
        "tf32": int(tf32),
        "cudnn.deterministic": 1,
        "cudnn.benchmark": 0,
        "threads": torch.get_num_threads(),
    }


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
