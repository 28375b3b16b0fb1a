"""The form of an axis of a tensor: which groups lie on it, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@dataclass(frozen=True, slots=True)
class Interleaving:
    """An axis that has the first unit of each of its parts, then the second of each, and so on."""

    parts: tuple[AxisForm, ...]

    @property
    def size(self) -> int:
        """The number of units."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class Blockwise:
    """An axis that has other units in each block of another axis of the tensor.

    Attributes:
        axis: the other axis.
        length: how many units of that one are a block.
        parts: the form in each block.
    """

    axis: int
    length: int
    parts: tuple[AxisForm, ...]

    @property
    def size(self) -> int:
        """The number of units in a block."""
        return self.parts[0].size


AxisForm = Fixed | Free | Product | Concat | Interleaving | Blockwise
ValueForms = Mapping[str, tuple[AxisForm | None, ...]]
"""For each value of a graph, by the name of its node, the form of each of its axes."""


def groups_of(form: AxisForm | None) -> Iterator[str]:
    """Give the name of each group on an axis, as often as it lies there."""
    match form:
        case Free(group, _):
            yield group
        case Product(parts) | Concat(parts) | Interleaving(parts) | Blockwise(_, _, parts):
            for part in parts:
                yield from groups_of(part)


def has_fixed(form: AxisForm | None) -> bool:
    """Tell whether some units of an axis stay where they are."""
    match form:
        case None | Fixed():
            return True
        case Product(parts) | Concat(parts) | Interleaving(parts) | Blockwise(_, _, parts):
            return any(map(has_fixed, parts))
    return False
