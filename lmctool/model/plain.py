"""The plain module in what a user's own code returns as a model."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from lmctool.errors import LmctoolError


def plain(model: Any, spec: str) -> nn.Module:
    """Return a model as a module whose parts can be followed, without what spreads its batches.

    Args:
        model: what the code returned.
        spec: how the user named the code, for errors.

    Raises:
        LmctoolError: it is no module, has no numbers yet, or is a program instead of modules.
    """
    if not isinstance(model, nn.Module):
        raise LmctoolError(f"{spec!r} returned {type(model).__name__!r}, not a torch.nn.Module")
    module = model
    while isinstance(module, nn.DataParallel):
        module = module.module
    if isinstance(module, torch.jit.ScriptModule):
        raise LmctoolError(
            f"{spec!r} returned a TorchScript program, whose parts cannot be followed; return the"
            " module that it was made of"
        )
    tensors = [*module.parameters(), *module.buffers()]
    if any(map(is_lazy, tensors)):
        raise LmctoolError(
            f"{spec!r} returned a model with lazy layers, whose sizes are open until it has seen"
            " an example; call it once before it is returned"
        )
    if any(tensor.is_meta for tensor in tensors):
        raise LmctoolError(f"{spec!r} returned a model on the meta device, without numbers")
    return module
