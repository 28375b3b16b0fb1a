"""The arithmetic of a run: how torch's switches stand while it computes, and what is said of it."""

from __future__ import annotations

import os
import warnings
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from lmctool.errors import UnjudgedError
from lmctool.evaluate.switches import (
    ALGORITHMS,
    BENCHMARK,
    DETERMINISTIC,
    FILLING,
    SWITCHES,
    WORDS,
    kept,
    set_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.evaluate.switches import Switch

Precision = Literal["float32", "tf32", "bfloat16"]

WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
"""What cuBLAS needs to be told before it starts, to sum in the same order each time."""
NO_FIXED_ORDER = ".*(does not have a deterministic implementation|non-deterministic algorithm)"
"""What torch warns of where an operation of a GPU sums in any order."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """What is computed with: a precision on a device, and how the switches that matter stand."""

    precision: Precision
    device: torch.device
    switches: Mapping[Switch, object]

    def check(self) -> None:
        """Check that the switches are as they were set.

        Raises:
            UnjudgedError: one is not.
        """
        for switch, value in self.switches.items():
            now = switch.read()
            if now != value:
                raise UnjudgedError(
                    f"{switch.name} was {value!r} for this run, and code of the model or of a"
                    f" plugin changed it to {now!r} while numbers were computed, so that they are"
                    " of no one arithmetic; let it leave that switch alone (--precision chooses"
                    " the precision of products)"
                )


_settings: list[_Setting] = []
"""Those in force, each within the one before it."""


def describe(precision: Precision, device: torch.device) -> dict[str, int | str]:
    """Return the attributes that say with which arithmetic a run computes on a device.

    But for the precision that was asked for, they are read back while it is in force.
    """
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    with arithmetic(precision, device):
        words = [word.read() for word in WORDS if word.decides(device)]
        found: dict[str, Any] = {
            "device": str(device),
            "device.name": name,
            "precision": precision,
            "tf32": int("tf32" in words),
            "cudnn.deterministic": int(DETERMINISTIC.read() is True),
            "cudnn.benchmark": int(BENCHMARK.read() is True),
            "threads": torch.get_num_threads(),
        }
        if device.type == "cuda":
            found["deterministic_algorithms"] = int(torch.are_deterministic_algorithms_enabled())
    return found


@contextmanager
def arithmetic(precision: Precision, device: torch.device) -> Iterator[None]:
    """Compute as a run asks for, repeatable where it can be.

    Torch's switches hold for the whole process: they are set inside, and put back behind, also
    after an error.  One may lie within another.  On a CPU float32 is computed in full, whatever
    the precision of a GPU.

    Raises:
        UnjudgedError: code inside, or in the one around it, has changed a switch that numbers of
            the device depend on.
    """
    if _settings:
        _settings[-1].check()
        if (_settings[-1].precision, _settings[-1].device) == (precision, device):
            yield
            _settings[-1].check()
            return
    with kept(), _without_autocast(device), _quiet(device):
        _set(precision, device)
        values = {switch: switch.read() for switch in SWITCHES if switch.decides(device)}
        _settings.append(_Setting(precision, device, values))
        try:
            yield
            _settings[-1].check()
        finally:
            _settings.pop()


def _set(precision: Precision, device: torch.device) -> None:
    """Set the switches that repeatable numbers need."""
    gpu = device.type == "cuda"
    set_words("tf32" if gpu and precision == "tf32" else "ieee")
    DETERMINISTIC.write(True)
    BENCHMARK.write(False)
    if gpu:
        os.environ.setdefault(*WORKSPACE)
        ALGORITHMS.write("warn")
        FILLING.write(False)


def _without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return what ends a cast that a program computes under; a run's own casts lie within it."""
    if _settings or not _casts(device):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def _casts(device: torch.device) -> bool:
    """Tell whether operations on a device are cast to another dtype as things stand."""
    kind = device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


@contextmanager
def _quiet(device: torch.device) -> Iterator[None]:
    """Keep torch from telling of operations that have no fixed order on a GPU."""
    if device.type != "cuda":
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_FIXED_ORDER, UserWarning)
        yield


@contextmanager
def computing(precision: Precision, device: torch.device) -> Iterator[None]:
    """Compute networks on a device as a run asks for: its arithmetic, and what it casts to."""
    with arithmetic(precision, device), casting(precision, device):
        yield


def casting(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which networks run: autocast under ``bfloat16``, else nothing."""
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def exact_products(device: torch.device) -> Iterator[None]:
    """Compute in full where numbers decide, whatever the precision of a run.

    Products are as exact as their dtype, and nothing is cast.
    """
    with ExitStack() as stack:
        if _casts(device):
            stack.enter_context(torch.autocast(device.type, enabled=False))
        if rounding(torch.float32, device) != torch.float32:
            stack.enter_context(arithmetic("float32", device))
        yield


def rounding(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Return the dtype that products of a dtype are as exact as on a device, as things stand.

    TF32 has as many digits as float16.
    """
    words = [word.read() for word in WORDS if word.decides(device)]
    tf32 = device.type == "cuda" and "tf32" in words
    return torch.float16 if tf32 and dtype == torch.float32 else dtype
