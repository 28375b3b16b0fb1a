"""Inner products of units of A and of B, over the places where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from lmctool.api.advanced import LinearGroup, Place, UnitIndex


@dataclass(frozen=True, eq=False)
class Products:
    """Inner products of units under each outer unit, by the power of their map in a place.

    Attributes:
        cross: (outer unit, unit of A, unit of B).
        of_a: (outer unit, unit, unit): of A's units with each other.
        of_b: of B's.
    """

    cross: dict[int, Tensor] = field(default_factory=dict)
    of_a: dict[int, Tensor] = field(default_factory=dict)
    of_b: dict[int, Tensor] = field(default_factory=dict)

    @property
    def total(self) -> Tensor:
        """The products of A's units with B's over all places, as an orthogonal map needs them."""
        first, *others = self.cross.values()
        return sum(others, first)


def products(
    group: LinearGroup,
    places: Iterable[Place],
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
) -> Products:
    """Return the products of the units of a linear group.

    Args:
        group: the linear group, of matrices.
        places: those of its places that count.
        a: the first network.
        b: the second.
    """
    found = Products()
    for place in places:
        mine, theirs = (matrices(group, place, weights[place.tensor]) for weights in (a, b))
        add(found.cross, place.power, mine @ theirs.mT)
        add(found.of_a, place.power, mine @ mine.mT)
        add(found.of_b, place.power, theirs @ theirs.mT)
    return found


def add(sums: dict[int, Tensor], power: int, part: Tensor) -> None:
    """Add a part to the sums of a power."""
    sums[power] = sums[power] + part if power in sums else part


def matrices(
    group: LinearGroup, place: Place, value: Tensor, finer: UnitIndex | None = None
) -> Tensor:
    """Return (outer unit, unit, rest) float64: what lies in a place, under each outer unit.

    Args:
        group: the linear group.
        place: where its units lie.
        value: the tensor.
        finer: where finer units lie beside them, into which the outer ones are split; the
            matrices are then (finer unit, unit, rest).
    """
    import torch

    units = place.index.units(value.double())
    if finer is None:
        return units.view(group.count, group.size, -1)
    count, copies = finer.positions.shape
    labels = torch.empty(int(finer.positions.max()) + 1, dtype=torch.int64)
    labels[finer.positions.flatten()] = torch.arange(count).repeat_interleave(copies)
    found = labels[place.index.positions].view(group.count, group.size, -1)
    order = found.argsort(dim=-1, stable=True).to(units.device)
    columns = units.view(*order.shape, -1)
    columns = columns.gather(2, order[..., None].expand_as(columns))
    parts = columns.view(group.count, group.size, count // group.count, -1)
    return parts.transpose(1, 2).flatten(0, 1)
