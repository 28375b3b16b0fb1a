"""The permutation spec of a model: which units may move, and which tensors move with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Fixed:
    """Units that stay where they are."""

    size: int


@dataclass(frozen=True, slots=True)
class Free:
    """The units of one permutation group, in its order."""

    group: str
    size: int


@dataclass(frozen=True, slots=True)
class Product:
    """An axis that runs over all its parts, the last fastest (a flattened axis)."""

    parts: tuple[AxisForm, ...]

    @property
    def size(self) -> int:
        """The number of units."""
        return prod(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class Concat:
    """An axis that has the units of its parts one after the other."""

    parts: tuple[AxisForm, ...]

    @property
    def size(self) -> int:
        """The number of units."""
        return sum(part.size for part in self.parts)


AxisForm = Fixed | Free | Product | Concat


@dataclass(frozen=True, slots=True)
class Block:
    """Where a group lies on an axis: ``axis[start:][outer, unit, inner]``."""

    group: str
    start: int
    outer: int
    size: int
    inner: int

    def units(self, value: Tensor, axis: int) -> Tensor:
        """Return (unit, rest) of a tensor that has the block on an axis."""
        axis %= value.ndim
        part = value.narrow(axis, self.start, self.outer * self.size * self.inner)
        before, after = part.shape[:axis], part.shape[axis + 1 :]
        split = part.reshape(*before, self.outer, self.size, self.inner, *after)
        return split.movedim(axis + 1, 0).reshape(self.size, -1)


@dataclass(frozen=True, slots=True)
class Tap:
    """A value of the graph that shows the units of a group."""

    node: str
    axis: int
    block: Block

    def units(self, value: Tensor) -> Tensor:
        """Return the value as (unit, sample): every other axis is a sample."""
        return self.block.units(value, self.axis)


@dataclass(frozen=True, slots=True)
class PermutationSpec:
    """What may be permuted in a model without a change of its function.

    Attributes:
        groups: the size of each permutation group, in the order of the graph.
        tensors: for each tensor, for each of its axes, the form of the axis, or None where no
            unit of it may move.
        taps: for each group, the values that show its units.
        fixed: why, for each tensor and axis that cannot move: ``(tensor, axis) -> reason``.
    """

    groups: Mapping[str, int]
    tensors: Mapping[str, tuple[AxisForm | None, ...]]
    taps: Mapping[str, tuple[Tap, ...]] = field(default_factory=dict)
    fixed: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def uses(self, group: str) -> Iterator[tuple[str, int, Block]]:
        """Give every tensor and axis that a group's units lie on, and where on it."""
        for name, axes in self.tensors.items():
            for axis, form in enumerate(axes):
                if form is not None:
                    for block in blocks(form):
                        if block.group == group:
                            yield name, axis, block


def blocks(form: AxisForm, start: int = 0, outer: int = 1, inner: int = 1) -> Iterator[Block]:
    """Give where each group lies on an axis.

    A group inside a concatenation inside a product has no single place of this shape, and is
    left out; ``index`` handles every form.
    """
    match form:
        case Free(group, size):
            yield Block(group, start, outer, size, inner)
        case Product(parts):
            for position, part in enumerate(parts):
                before = prod(p.size for p in parts[:position])
                after = prod(p.size for p in parts[position + 1 :])
                if not isinstance(part, Concat):
                    yield from blocks(part, start, outer * before, inner * after)
        case Concat(parts):
            for part in parts:
                yield from blocks(part, start, outer, inner)
                start += part.size


def index(form: AxisForm, moves: Mapping[str, Tensor]) -> Tensor:
    """Return (unit,) int64: which unit of the axis goes to each place.

    Args:
        form: the axis.
        moves: for each group, which of its units goes to each place; a group that isn't there
            stays.
    """
    match form:
        case Free(group, size):
            return moves[group] if group in moves else torch.arange(size)
        case Product(parts):
            whole = index(parts[0], moves)
            for part in parts[1:]:
                whole = (whole[:, None] * part.size + index(part, moves)[None, :]).flatten()
            return whole
        case Concat(parts):
            pieces, start = [], 0
            for part in parts:
                pieces.append(index(part, moves) + start)
                start += part.size
            return torch.cat(pieces)
        case Fixed(size):
            return torch.arange(size)


def show(form: AxisForm | None) -> str:
    """Return the form as text: ``conv1``, ``(conv1 4)``, ``a+b``, ``_`` for what is fixed."""
    match form:
        case None:
            return "_"
        case Fixed(size):
            return f"_{size}"
        case Free(group, _):
            return group
        case Product(parts):
            return f"({' '.join(show(part) for part in parts)})"
        case Concat(parts):
            return "+".join(show(part) for part in parts)
