"""A model's folder, as its own library writes it, opened again as any user's is."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.config import Config
from lmctool.graph.outputs import scored_output
from lmctool.model.resolve import resolve_model

if TYPE_CHECKING:
    from benchmarks.zoo.entry import Entry

ROUNDING = 1e-5
"""The greatest difference, relative to the greatest output, of weights that lie elsewhere."""


def opens(entry: Entry) -> bool | None:
    """Tell whether the folder that the library writes opens as a network of the same outputs.

    Returns:
        None for a library that writes no folders.

    Raises:
        LmctoolError: the folder does not open.
    """
    if entry.written is None:
        return None
    batch = entry.batch(2)
    with TemporaryDirectory() as name, torch.no_grad():
        expected = entry.written(Path(name), batch)
        checkpoint = open_checkpoint(Path(name))
        model = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
        model.module.load_state_dict(checkpoint.weights(), strict=False)
        found = scored_output(model.module(*batch))
    return bool((found - expected).abs().max() <= ROUNDING * expected.abs().max())
