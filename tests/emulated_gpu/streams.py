"""CUDA's streams, events and graphs on a CPU: what is captured is noted, and done again.

A capture does what it notes, as a real one does not; its outputs are right without any replay.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

NOT_PERMITTED = "CUDA error: operation not permitted when stream is capturing"


@dataclass(eq=False)
class Stream:
    """A stream of one device."""

    device: torch.device

    def wait_stream(self, _: Stream) -> None:
        """Do nothing: all is done at once."""


class Noting(TorchDispatchMode):
    """Notes every operation, and refuses to wait."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[tuple[Any, Any, Any, Any]] = []
        self.spoiled = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, and note it."""
        if func is torch.ops.aten._local_scalar_dense.default:
            self.spoiled = True
            raise RuntimeError(NOT_PERMITTED)
        value = func(*args, **(kwargs or {}))
        self.steps.append((func, args, kwargs or {}, value))
        return value


@dataclass(eq=False)
class Machine:
    """Two devices, and what happened on them.

    Attributes:
        current: the current stream of each device.
        device: the current device.
        captures: how many captures ended.
        replays: how many replays were asked for.
        catches: whether a capture catches what is done on a stream of the current device.
        event_seconds: how long whatever lies between two events is said to take.
    """

    current: dict[int, Stream] = field(
        default_factory=lambda: {n: Stream(torch.device("cuda", n)) for n in range(2)}
    )
    device: int = 0
    captures: int = 0
    replays: int = 0
    catches: bool = True
    event_seconds: float = 0.0

    def index(self, device: object) -> int:
        """Return the number of a device; that of tensors on the CPU is 1, not the first."""
        which = torch.device(device) if isinstance(device, str) else device
        if isinstance(which, torch.device):
            return 1 if which.type == "cpu" else (which.index or 0)
        return self.device if which is None else int(which)  # type: ignore[call-overload]

    @contextmanager
    def on(self, device: object) -> Iterator[None]:
        """Stand in for ``torch.cuda.device``."""
        before, self.device = self.device, self.index(device)
        try:
            yield
        finally:
            self.device = before

    def set_stream(self, stream: Stream) -> None:
        """Stand in for ``torch.cuda.set_stream``."""
        self.device = self.index(stream.device)
        self.current[self.device] = stream


class OnStream:
    """Stands in for ``torch.cuda.stream``; one that is never left restores nothing."""

    def __init__(self, machine: Machine, stream: Stream) -> None:
        self.machine = machine
        self.stream = stream

    def __enter__(self) -> None:
        """Make the stream the current one, and its device the current device."""
        self.before = self.machine.device, dict(self.machine.current)
        self.machine.set_stream(self.stream)

    def __exit__(self, *_: object) -> None:
        """Put both back."""
        self.machine.device, self.machine.current = self.before


class Graph:
    """Stands in for ``torch.cuda.CUDAGraph``."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.noting = Noting()

    def capture_begin(self, *_: object, **__: object) -> None:
        """Begin to note what is done."""
        self.noting.__enter__()  # type: ignore[no-untyped-call]

    def capture_end(self) -> None:
        """End; an operation that was refused has spoiled the capture, as CUDA has it."""
        self.noting.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        if self.noting.spoiled:
            raise RuntimeError("CUDA error: operation failed due to a previous error")
        # the kernels of a device go to its own stream: a stream of another one catches nothing
        if not self.machine.catches or self.machine.device != 1:
            self.noting.steps.clear()
        self.machine.captures += 1

    def replay(self) -> None:
        """Do again what was noted, into the same memory."""
        self.machine.replays += 1
        with torch.no_grad():
            for func, args, kwargs, value in self.noting.steps:
                again = func(*args, **kwargs)
                for new, old in zip(tree_leaves(again), tree_leaves(value), strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class Event:
    """Stands in for ``torch.cuda.Event``."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def record(self) -> None:
        """Do nothing."""

    def synchronize(self) -> None:
        """Do nothing."""

    def elapsed_time(self, _: Event) -> float:
        """Return milliseconds that the device is said to have taken."""
        return 1000 * self.machine.event_seconds


def install(patch: pytest.MonkeyPatch) -> Machine:
    """Let tensors on the CPU be those of ``cuda:1``, a device that is not the current one."""
    machine = Machine()
    standing: dict[str, Any] = {
        "device": machine.on,
        "current_stream": lambda device=None: machine.current[machine.index(device)],
        "stream": lambda stream: OnStream(machine, stream),
        "set_stream": machine.set_stream,
        "Stream": lambda device=None: Stream(torch.device("cuda", machine.index(device))),
        "CUDAGraph": lambda: Graph(machine),
        "Event": lambda enable_timing=False: Event(machine),
        "synchronize": lambda *_: None,
        "empty_cache": lambda: None,
    }
    for name, value in standing.items():
        patch.setattr(torch.cuda, name, value)
    # the one that torch made, once for all captures, is of the device that was current then
    default = Stream(torch.device("cuda", 0))
    patch.setattr(torch.cuda.graph, "default_capture_stream", default)
    patch.setattr(torch._C, "_host_emptyCache", lambda: None, raising=False)
    return machine
