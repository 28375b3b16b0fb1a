"""A GPU made of the CPU's memory: code for one runs on any machine, and its mistakes are found.

Tensors that are moved to ``cuda:1`` say that they are there, graphs note and repeat what is done,
and ``cuda:0`` is there so that nothing may land on it by accident.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.graph.export import export_graph
from tests.emulated_gpu import streams
from tests.emulated_gpu.tensors import Kernels, Memory, Placement

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "cuda:1"
BYTES = 8 << 30


class Gpu:
    """An emulated GPU.

    Attributes:
        machine: its streams and graphs.
        kernels: what does its operations.
    """

    def __init__(self, machine: streams.Machine) -> None:
        self.machine = machine
        self.memory = Memory()
        self.kernels = Kernels(self.memory)

    @contextmanager
    def on(self) -> Iterator[Kernels]:
        """Let ``cuda:1`` be there."""
        with self.kernels, Placement(self.memory, self.kernels):
            yield self.kernels


def install(patch: pytest.MonkeyPatch) -> Gpu:
    """Return an emulated GPU, beside another one that is never used."""
    machine = streams.install(patch)
    properties = SimpleNamespace(
        name="emulated", L2_cache_size=50 << 20, total_memory=BYTES, major=9, minor=0
    )
    standing: dict[str, Any] = {
        "is_available": lambda: True,
        "device_count": lambda: 2,
        "current_device": lambda: machine.device,
        "set_device": lambda device: setattr(machine, "device", machine.index(device)),
        "get_device_name": lambda _=None: "emulated",
        "get_device_properties": lambda _=None: properties,
        "mem_get_info": lambda _=None: (BYTES, BYTES),
        "is_initialized": lambda: False,
    }
    for name, value in standing.items():
        patch.setattr(torch.cuda, name, value)
    patch.setattr(torch.Tensor, "record_stream", lambda *_: None)  # torch takes its own alone
    patch.setattr("lmctool.graph.export.export_graph", _on_the_host(export_graph))
    return Gpu(machine)


def _on_the_host(export: Any) -> Any:
    """Return an export that takes tensors for what they are; torch's would follow the modes."""

    def exported(*args: Any, **kwargs: Any) -> Any:
        with (
            pytest.MonkeyPatch.context() as patch,
            torch.utils._python_dispatch._disable_current_modes(),
            torch._C.DisableTorchFunction(),
        ):
            patch.setattr(torch.cuda, "is_available", lambda: False)
            return export(*args, **kwargs)

    return exported
