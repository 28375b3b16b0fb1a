"""Files of PyTorch for tests, and why one is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path

STATE = {"w": torch.arange(4.0), "b": torch.ones(2, dtype=torch.bfloat16)}


def pickled(folder: Path, content: object, zipped: bool = True) -> Path:
    """Write what torch.save writes."""
    path = folder / "in.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def error_text(path: Path) -> str:
    """Return why a file is not read."""
    with pytest.raises(LmctoolError) as caught:
        open_checkpoint(path)
    return str(caught.value).replace(f"'{path}'", "FILE")
