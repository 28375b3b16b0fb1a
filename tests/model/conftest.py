"""Checkpoints that are only names, shapes and metadata, and families of a stranger."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.plugin.records import Argument, ModelFamily


@dataclass
class Shapes:
    """What resolving a model asks of a checkpoint."""

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    path: Path = Path("a.safetensors")


@pytest.fixture
def saved() -> Callable[..., Any]:
    """Return a maker of checkpoints: ``saved(word, metadata=, config=, **arguments)``."""

    def make(
        word: str,
        metadata: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        **arguments: Argument,
    ) -> Shapes:
        with torch.device("meta"):
            module = registry.load(MODELS, word).build(word, **arguments)
        shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        return Shapes(shapes, metadata or {}, config)

    return make


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, ModelFamily], None]:
    """Return an installer of a stranger's family: ``install(word, family)``."""

    def add(word: str, family: ModelFamily) -> None:
        names, load = registry.names, registry.load
        monkeypatch.setattr(registry, "names", lambda group: [*names(group), word])
        monkeypatch.setattr(
            registry, "load", lambda group, name: family if name == word else load(group, name)
        )

    return add
