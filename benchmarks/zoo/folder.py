"""A model's folder, as its own library writes it, opened again as any user's is."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from lmctool.checkpoint import open_checkpoint
from lmctool.config import Config
from lmctool.model.resolve import resolve_model

if TYPE_CHECKING:
    from torch import nn

    from benchmarks.zoo.entry import Entry


def opens(entry: Entry, module: nn.Module) -> bool | None:
    """Tell whether a folder of the model opens as a network of the same outputs.

    Args:
        entry: the model.
        module: the same, built, with its weights.

    Returns:
        None for a library that writes no folders.

    Raises:
        LmctoolError: the folder does not open.
    """
    if entry.save is None:
        return None
    with TemporaryDirectory() as name:
        entry.save(module, Path(name))
        checkpoint = open_checkpoint(Path(name))
        model = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
        model.module.load_state_dict(checkpoint.weights(), strict=False)
    with torch.no_grad():
        outputs = [tree_leaves(each(*entry.batch(2))) for each in (module, model.module.eval())]
    return all(map(_same, *outputs))


def _same(a: object, b: object) -> bool:
    """Tell whether two outputs are equal but for the rounding of weights that lie elsewhere."""
    tensors = isinstance(a, Tensor) and isinstance(b, Tensor)
    return not tensors or torch.allclose(a, b, rtol=0, atol=1e-5 * a.abs().max().item())
