"""What is known of the axes of a graph's values while rules go over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from lmctool.symmetry.axis import ANY, Axis

Axes = tuple[Axis, ...]


@dataclass
class Known:
    """The axes of every value met so far, by node."""

    axes: dict[fx.Node, Any] = field(default_factory=dict)

    def of(self, value: object) -> Axes:
        """Return the axes of an operand; none for a number."""
        found = self.axes.get(value, ()) if isinstance(value, fx.Node) else ()
        return found if isinstance(found, tuple) else ()


Rule = Callable[[fx.Node, Known], Any]
"""Takes a node and what is known; relates axes, and returns those of the node's value."""


def fresh(node: fx.Node, reason: str = "") -> Axes:
    """Return new atoms for the axes of a node's value."""
    return tuple(Axis(size, reason) for size in sizes(node))


def sizes(node: fx.Node) -> tuple[int, ...]:
    """Return the sizes of a node's value; one that varies with the batch is ``ANY``."""
    value = node.meta.get("val")
    if not isinstance(value, torch.Tensor):
        return ()
    return tuple(size if isinstance(size, int) else ANY for size in value.shape)


def fix(axes: Sequence[Axis], reason: str) -> None:
    """Let no unit of these axes move."""
    for axis in axes:
        axis.fix(reason)
