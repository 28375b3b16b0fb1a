"""A small model made to mislead, with the units that a person finds free in it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Group = int | tuple[int, int]
"""The size of a group, or (outer, inner) where each outer unit has a permutation of its own."""
Body = Callable[..., Any]


class Net(nn.Module):
    """A body that is called with the module itself, which holds all that the body reads."""

    def __init__(self, body: Body, parts: dict[str, nn.Module | Tensor]) -> None:
        super().__init__()
        self.body = body
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                self.add_module(name, part)
            elif isinstance(part, nn.Parameter):
                self.register_parameter(name, part)
            else:
                self.register_buffer(name, part)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        return self.body(self, x) if y is None else self.body(self, x, y)


@dataclass(frozen=True, eq=False)
class Case:
    """A model, its inputs and the count by hand.

    Attributes:
        name: what it is.
        net: the model as its author would initialise it.
        shapes: the shape of one example of each input.
        tokens: the inputs are integers below this, where it isn't 0.
        batch: how many examples the model is captured with.
        free: the size of each group that may move.
        requested: the same when stored buffers may move too.
        fixed: what the reason of a fixed axis must say.
    """

    name: str
    net: Net
    shapes: tuple[tuple[int, ...], ...]
    tokens: int
    batch: int
    free: tuple[Group, ...]
    requested: tuple[Group, ...]
    fixed: str

    def module(self) -> Net:
        """Return a copy of the model that a test may change."""
        return copy.deepcopy(self.net).eval().requires_grad_(False)

    def inputs(self, examples: int, seed: int = 1) -> Any:
        """Return a batch: a tensor, or a tuple of tensors for several inputs."""
        generator = torch.Generator().manual_seed(seed)
        made = tuple(
            torch.randint(self.tokens, (examples, *shape), generator=generator)
            if self.tokens
            else torch.randn(examples, *shape, generator=generator)
            for shape in self.shapes
        )
        return made if len(made) > 1 else made[0]


def case(
    *shapes: tuple[int, ...],
    free: tuple[Group, ...],
    tokens: int = 0,
    batch: int = 3,
    requested: tuple[Group, ...] = (),
    fixed: str = "",
    **parts: Any,
) -> Callable[[Body], Case]:
    """Make a case of the function below: its name, and what its model computes."""

    def made(body: Body) -> Case:
        name = body.__name__
        return Case(name, Net(body, parts), shapes, tokens, batch, free, requested, fixed)

    return made


def cases(module: dict[str, object]) -> list[Case]:
    """Return the cases among the names of a module, in the order they stand there."""
    return [value for value in module.values() if isinstance(value, Case)]


def parameter(*shape: int) -> nn.Parameter:
    """Return a parameter of small random numbers."""
    return nn.Parameter(torch.randn(*shape, generator=torch.Generator().manual_seed(2)) / 4)
