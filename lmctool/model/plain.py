"""The plain module in what Python code hands over or returns as a model."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim.swa_utils import AveragedModel

from lmctool.checkpoint.names import WRAPPERS
from lmctool.errors import LmctoolError

AROUND = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)
"""What keeps the module that it is around as ``module``."""


def plain(model: Any, said: str) -> nn.Module:
    """Return a model as a module whose parts can be followed, without what is put around it.

    Args:
        model: what the code has.
        said: what it is, in words that go before what is wrong with it, for errors.

    Raises:
        LmctoolError: it is no module, has no numbers yet, or is a program instead of modules.
    """
    if not isinstance(model, nn.Module):
        raise LmctoolError(f"{said} {type(model).__name__!r}, not a torch.nn.Module")
    module = model
    while (inner := _inner(module)) is not None:
        module = inner
    if isinstance(module, torch.jit.ScriptModule):
        raise LmctoolError(
            f"{said} a TorchScript program, whose parts cannot be followed; take the module that"
            " it was made of"
        )
    tensors = [*module.parameters(), *module.buffers()]
    if any(map(is_lazy, tensors)):
        raise LmctoolError(
            f"{said} a model with lazy layers, whose sizes are open until it has seen an example;"
            " call it once before"
        )
    if any(tensor.is_meta for tensor in tensors):
        raise LmctoolError(f"{said} a model on the meta device, without numbers")
    return module


def _inner(module: nn.Module) -> nn.Module | None:
    """Return the module that another is put around for training, or None."""
    if isinstance(module, AROUND):
        inner: nn.Module = module.module
        return inner
    return next((part for name, part in module.named_children() if name in WRAPPERS), None)
