"""Settings of torch under which the operations of a model show its layers."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def plain_attention() -> Iterator[None]:
    """Keep nn.MultiheadAttention from the fused operation that hides its projections."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)


@contextmanager
def plain_layers(module: nn.Module) -> Iterator[None]:
    """Keep attention and recurrent layers from fused operations that hide their weights' gates.

    A model is recorded under it and its recording run under it, for both are to see the same
    operations.  Recurrent layers have fused ones in oneDNN and cuDNN; only whether these are used
    is set here, and nothing of their arithmetic.
    """
    with ExitStack() as settings:
        settings.enter_context(plain_attention())
        if any(isinstance(part, nn.RNNBase) for part in module.modules()):
            for backend in (torch.backends.mkldnn, torch.backends.cudnn):
                settings.enter_context(_disabled(backend))
        yield


@contextmanager
def _disabled(backend: Any) -> Iterator[None]:
    enabled = backend.enabled
    backend.enabled = False
    try:
        yield
    finally:
        backend.enabled = enabled
