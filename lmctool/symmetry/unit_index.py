"""Where the units of a group lie in a tensor or a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.symmetry.axis_form import AxisForm, Blockwise, Concat, Free, Interleaving, Product

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


Labels = list[tuple[str, Tensor]]
"""Groups, each with its unit at every position, and -1 where none is."""
AxisLabels = list[tuple[tuple[int, ...], Labels]]
"""For each axis of a tensor the axes that tell its units apart, and its groups."""


@dataclass(frozen=True, slots=True, eq=False)
class UnitIndex:
    """Where each unit of a group lies along one axis of a tensor, or along two.

    Attributes:
        axes: the axes that tell the units apart; two where an inner group lies on another axis
            than its outer group, which then comes first.
        positions: (unit, place) int64: the positions of each unit along those axes, flattened;
            those of one column mean the same for every unit.
    """

    axes: tuple[int, ...]
    positions: Tensor
    _in_order: bool = field(init=False, repr=False)
    _copies: dict[torch.device, Tensor] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """See once whether the positions are 0, 1, 2 and so on."""
        flat = self.positions.flatten()
        object.__setattr__(self, "_in_order", torch.equal(flat, torch.arange(len(flat))))

    def units(self, value: Tensor) -> Tensor:
        """Return (unit, rest) of a tensor, as a view where the units lie in order."""
        flat = self._flat(value)
        positions = self.selection(len(flat), value.device)
        if positions is not None:
            flat = flat.index_select(0, positions)
        return flat.reshape(len(self.positions), -1)

    def replaced(self, value: Tensor, units: Tensor) -> Tensor:
        """Return a tensor with other numbers in the places of its units; gradients flow to both.

        Args:
            value: the tensor.
            units: (unit, rest) what ``units`` is to return of it.
        """
        flat = self._flat(value)
        positions = self.selection(len(flat), value.device)
        rows = units.reshape(self.positions.numel(), *flat.shape[1:])
        if positions is not None:
            rows = flat.index_copy(0, positions, rows)
        order = tuple(range(len(self.axes)))
        front = value.movedim(self.axes, order).shape
        return rows.reshape(front).movedim(order, self.axes).contiguous()

    def selection(self, size: int, device: torch.device) -> Tensor | None:
        """Return (unit * place,) the positions, on a device; None if they are all, and in order.

        They are copied to a GPU once: each copy would make the host wait for it.

        Args:
            size: how many positions there are along the axes.
            device: where they are to be.
        """
        if self._in_order and size == self.positions.numel():
            return None
        if device not in self._copies:
            self._copies[device] = self.positions.flatten().to(device)
        return self._copies[device]

    def order(self, move: Tensor, value: Tensor) -> Tensor:
        """Return (position,) int64: which position goes to each when the units move.

        Args:
            move: (unit,) int64: which unit goes to each place.
            value: the tensor.
        """
        size = prod(value.shape[axis] for axis in self.axes)
        order = torch.arange(size)
        order[self.positions.flatten()] = self.positions[move].flatten()
        return order

    def _flat(self, value: Tensor) -> Tensor:
        front = value.movedim(self.axes, tuple(range(len(self.axes))))
        return front.flatten(0, len(self.axes) - 1)


def axis_labels(forms: Sequence[AxisForm | None]) -> AxisLabels:
    """Return which units of which groups lie along each axis of a tensor; None fixes an axis."""
    return [_labels(axis, form) for axis, form in enumerate(forms)]


def unit_indices(
    labels: AxisLabels, group: str, size: int, outer: str | None
) -> Iterator[UnitIndex]:
    """Give each index of a group in a tensor: one for every time that it lies there.

    Args:
        labels: which units lie along each axis.
        group: the group.
        size: the number of its units (under each unit of the outer group).
        outer: the group under each unit of which it moves by itself, if there is one.
    """
    for axes, groups in labels:
        for units in (units for name, units in groups if name == group):
            beside = None if outer is None else _units_beside(groups, outer, units)
            if outer is None:
                yield UnitIndex(axes, _positions(units))
            elif beside is not None:  # numbered through over all outer units, as moves are
                joint = torch.where(units >= 0, beside * size + units, -1)
                yield UnitIndex(axes, _positions(joint))
            else:
                yield from _across(labels, axes[-1], units, outer, size)


def _labels(axis: int, form: AxisForm | None) -> tuple[tuple[int, ...], Labels]:
    """Return the axes that tell an axis's units apart, and its groups with their units there."""
    if not isinstance(form, Blockwise):
        return (axis,), occurrences(form) if form else []
    groups = []
    for block, part in enumerate(form.parts):
        for group, units in occurrences(part):
            whole = torch.full((len(form.parts), form.length, form.size), -1)
            whole[block] = units
            groups.append((group, whole.flatten(0, 1)))
    return (form.axis, axis), groups


def _across(
    labels: AxisLabels,
    axis: int,
    units: Tensor,
    outer: str,
    size: int,
) -> Iterator[UnitIndex]:
    """Give the index of an inner group whose outer group lies on another axis."""
    for other, (axes, groups) in enumerate(labels):
        outers = _units_beside(groups, outer) if other != axis and len(axes) == 1 else None
        if outers is not None:
            # positions count over both axes together, the outer group's first
            joint = outers[:, None] * size + units
            joint[(outers[:, None] < 0) | (units < 0)] = -1
            yield UnitIndex((other, axis), _positions(joint))
            return


def occurrences(form: AxisForm) -> Labels:
    """Return each group of an axis with (position,) int64: its unit there, -1 where it isn't."""
    match form:
        case Free(group, size):
            return [(group, torch.arange(size))]
        case Product(parts):
            pairs = []
            for place, part in enumerate(parts):
                before = prod(p.size for p in parts[:place])
                after = prod(p.size for p in parts[place + 1 :])
                pairs += [
                    (group, units.repeat_interleave(after).repeat(before))
                    for group, units in occurrences(part)
                ]
            return pairs
        case Concat(parts):
            pairs, start = [], 0
            for part in parts:
                for group, units in occurrences(part):
                    whole = torch.full((form.size,), -1)
                    whole[start : start + part.size] = units
                    pairs.append((group, whole))
                start += part.size
            return pairs
        case Interleaving(parts):
            pairs = []
            for turn, part in enumerate(parts):
                for group, units in occurrences(part):
                    whole = torch.full((form.size,), -1)
                    whole[turn :: len(parts)] = units
                    pairs.append((group, whole))
            return pairs
        case _:
            return []


def _units_beside(groups: Labels, group: str, units: Tensor | None = None) -> Tensor | None:
    """Return the units of a group that lie on an axis wherever others do."""
    found = [labels for name, labels in groups if name == group]
    if len(found) > 1 and int((torch.stack(found) >= 0).sum(0).max()) == 1:  # in parts of the axis
        found.append(torch.stack(found).amax(0))
    for labels in found:
        if units is None or bool((labels[units >= 0] >= 0).all()):
            return labels
    return None


def _positions(units: Tensor) -> Tensor:
    """Return (unit, place): where each unit lies, from the unit at each position of its axes."""
    units = units.flatten()
    # -1 sorts first, and is dropped; a stable sort leaves the places of a unit in their order
    order = units.argsort(stable=True)[int((units < 0).sum()) :]
    return order.reshape(int(units.max()) + 1, -1)
