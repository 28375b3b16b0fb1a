"""The arithmetic that a model casts to inside itself."""

from __future__ import annotations

from typing import Any

import torch

from lmctool.graph.dispatch_mode import DispatchMode


class Casts(DispatchMode):
    """Notes the dtypes that a model casts wider floats to inside itself.

    Attributes:
        dtypes: those seen so far.
    """

    def __init__(self) -> None:
        """Note nothing yet."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.dtypes: set[torch.dtype] = set()

    def narrowest(self, dtype: torch.dtype) -> torch.dtype:
        """Return the least exact of a dtype and those that were seen."""
        dtypes = sorted({dtype, *self.dtypes}, key=lambda each: torch.finfo(each).eps)
        return dtypes[-1]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation, and look at what it returns."""
        value = func(*args, **(kwargs or {}))
        if (
            func is torch.ops.aten._to_copy.default
            and args[0].is_floating_point()
            and value.is_floating_point()
            and value.dtype.itemsize < args[0].dtype.itemsize
        ):
            self.dtypes.add(value.dtype)
        return value
