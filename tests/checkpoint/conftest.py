"""Checkpoints to read, sound and broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import torch
from safetensors.torch import save_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


class Save(Protocol):
    """Writes tensors under a file name, and returns the path."""

    def __call__(
        self, name: str, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
    ) -> Path:
        """Write one file."""


class Forge(Protocol):
    """Writes a file with a header of any kind, and returns the path."""

    def __call__(self, header: Any, data: bytes = b"", length: int | None = None) -> Path:
        """Write one file; a header that is no text is dumped as JSON."""


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a sound safetensors file."""

    def write(
        name: str, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        save_file(dict(tensors), path, metadata)
        return path

    return write


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    """Write a safetensors file whose header need not be true."""

    def write(header: Any, data: bytes = b"", length: int | None = None) -> Path:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        path = tmp_path / "forged.safetensors"
        size = len(text) if length is None else length
        path.write_bytes(size.to_bytes(8, "little") + text + data)
        return path

    return write


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    """Return one tensor of each kind that checkpoints hold."""
    numbers = torch.Generator().manual_seed(0)
    return {
        "layers.10.weight": torch.randn(3, 4, generator=numbers),
        "layers.2.weight": torch.randn(4, generator=numbers).to(torch.bfloat16),
        "layers.2.bias": torch.randn(4, generator=numbers).half(),
        "bn.running_mean": torch.randn(5, generator=numbers).double(),
        "bn.num_batches_tracked": torch.tensor(7),
        "mask": torch.tensor([True, False]),
    }
