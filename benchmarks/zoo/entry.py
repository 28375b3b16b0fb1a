"""A model of the catalogue: how to build it, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from pathlib import Path

Inputs = Callable[[int], Tensor | tuple[Tensor, ...]]
"""Makes a batch of so many examples, one for each input; the same one each time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One model.

    Attributes:
        name: what the table calls it; unique.
        library: which library defines it; ``own`` where it is written here.
        build: returns the model with any weights.
        inputs: makes a batch.
        units: how many units a count by hand finds free, or None where none was made.
        written: writes a folder as the library does, of its own network with weights of its own,
            and returns what that answers to a batch; None for a library that writes none.
    """

    name: str
    library: str
    build: Callable[[], nn.Module]
    inputs: Inputs
    units: int | None = None
    written: Callable[[Path, tuple[Tensor, ...]], Tensor] | None = None

    def batch(self, examples: int) -> tuple[Tensor, ...]:
        """Return a batch of so many examples for each input."""
        inputs = self.inputs(examples)
        return inputs if isinstance(inputs, tuple) else (inputs,)


def images(size: int = 64, channels: int = 3) -> Inputs:
    """Return what makes square images: (example, channels, size, size)."""

    def make(examples: int) -> Tensor:
        generator = torch.Generator().manual_seed(examples)
        return torch.randn(examples, channels, size, size, generator=generator)

    return make


def sequences(*shape: int) -> Inputs:
    """Return what makes real numbers of a shape: (example, *shape)."""

    def make(examples: int) -> Tensor:
        generator = torch.Generator().manual_seed(examples)
        return torch.randn(examples, *shape, generator=generator)

    return make


def tokens(length: int = 9, vocabulary: int = 50) -> Inputs:
    """Return what makes token ids: (example, length), none of them special."""

    def make(examples: int) -> Tensor:
        generator = torch.Generator().manual_seed(examples)
        return torch.randint(5, vocabulary, (examples, length), generator=generator)

    return make
