"""Where in the value of a node the examples of a batch lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

TOLERANCE = 1e-2
"""How far values may lie apart, over the largest, that are one example's in two batches."""


@dataclass(frozen=True, slots=True)
class ExampleLayout:
    """The axis of a value along which the examples lie, alone or with positions.

    Attributes:
        axis: the axis.
        together: whether the positions of one example stand together there, as (example, position)
            flattened; else those of one position do.
    """

    axis: int
    together: bool

    def arranged(self, value: Tensor, channels: int, count: int) -> Tensor:
        """Return a value as (example, position, channel).

        Args:
            value: what a node computed.
            channels: the axis of its channels; a value of one axis has one channel.
            count: how many examples it is of.
        """
        if value.ndim == 1:
            value, channels = value[:, None], -1
        last = channels % value.ndim
        parts = value.shape[self.axis] // count
        sizes = (count, parts) if self.together else (parts, count)
        split = value.reshape(*value.shape[: self.axis], *sizes, *value.shape[self.axis + 1 :])
        own = self.axis if self.together else self.axis + 1
        return split.movedim((own, last + (last > self.axis)), (0, -1)).flatten(1, -2)


def example_layout(
    value: Tensor, cycled: Tensor, channels: int, count: int, *, compare: bool = True
) -> ExampleLayout | None:
    """Return where the examples lie in a value; None where it has no part for each of them.

    Args:
        value: what a node computed of a batch.
        cycled: what it computed of the same batch with its first example put last.
        channels: the axis of its channels.
        count: how many examples the batch has.
        compare: whether values tell; else the first axis that may hold them does.
    """
    if value.shape != cycled.shape or not value.is_floating_point():
        return None
    largest = float(value.abs().max()) if value.numel() else 0.0
    for layout in _possible(value, channels, count):
        before, after = (layout.arranged(each, channels, count) for each in (value, cycled))
        apart = (before.roll(-1, 0) - after).abs().max() if compare else torch.zeros(())
        if float(apart) <= TOLERANCE * largest:
            return layout
    return None


def _possible(value: Tensor, channels: int, count: int) -> Iterator[ExampleLayout]:
    """Yield the layouts that the shape allows, those first that are usual."""
    for axis, size in enumerate(value.shape):
        if value.ndim > 1 and axis == channels % value.ndim:
            continue
        if size and size % count == 0:
            yield ExampleLayout(axis, together=True)
            if size > count:
                yield ExampleLayout(axis, together=False)
