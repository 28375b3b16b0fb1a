"""The device of a run."""

from __future__ import annotations

import torch

from lmctool.errors import LmctoolError


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
