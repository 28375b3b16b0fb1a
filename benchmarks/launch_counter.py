"""A count of the kernels that a device is asked to launch, and of what waits for it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ALLOCATIONS = frozenset(
    {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view"}
)
WAITS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}


class Launches(TorchDispatchMode):
    """Counts, by the name of the operation, what is launched on a device and what waits for it.

    Attributes:
        device: the device; one of the kind "meta" stands for a GPU that isn't there.
        kernels: operations that compute something there, or copy something there.
        waits: operations whose outcome the host has to know: numbers, sizes, copies to the host.
    """

    def __init__(self, device: torch.device) -> None:
        """Begin with none."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.device = device
        self.kernels: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation imports all of torch.compile

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Count an operation, and do it."""
        name = func._schema.name.partition("::")[2]
        on_device = any(map(self._on_device, tree_leaves((args, kwargs))))
        if on_device and WAITS & set(func.tags) and (name != "index" or _masks(args[1])):
            self.waits[name] += 1
        if on_device and name == "_to_copy" and self._leaves(kwargs.get("device")):
            self.waits[name] += 1
            if self.device.type == "meta":  # there is nothing to copy
                return torch.zeros_like(args[0], **kwargs)
        result = func(*args, **(kwargs or {}))
        lands = any(map(self._on_device, tree_leaves(result)))
        if lands and not func.is_view and name not in ALLOCATIONS:
            self.kernels[name] += 1
        return result

    def _leaves(self, goal: str | torch.device | None) -> bool:
        return goal is not None and torch.device(goal) != self.device

    def _on_device(self, value: object) -> bool:
        return isinstance(value, Tensor) and value.device == self.device


def _masks(indices: list[Tensor | None]) -> bool:
    """Tell whether there is a mask among indices: how many it picks has to be counted first."""
    return any(each is not None and each.dtype == torch.bool for each in indices)
