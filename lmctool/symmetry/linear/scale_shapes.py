"""What operations that move, cut and reduce axes say of powers of scales."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import arguments
from lmctool.symmetry.axis_table import sizes
from lmctool.symmetry.linear.scale_relations import passed, taken, zeros_before
from lmctool.symmetry.shape_rules import dimensions, new_order

if TYPE_CHECKING:
    from torch import fx

    from lmctool.symmetry.linear.scale_powers import Powers, Rule, Slot


def pooled(spatial: int) -> Rule:
    """Return the rule of an operation that combines neighbours along the last axes."""

    def rule(powers: Powers, call: fx.Node, out: fx.Node) -> None:
        x: Any = call.args[0]
        pairs = zip(powers.axes(out)[:-spatial], powers.axes(x)[:-spatial], strict=True)
        passed(powers, pairs)

    return rule


def reduction(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Reduce axes to their sum, mean or greatest unit."""
    x: Any = call.args[0]
    axes, made = powers.axes(x), powers.axes(out)
    dropped = dimensions(call, len(axes))
    kept = [dim for dim in range(len(axes)) if dim not in dropped]
    places = kept if len(made) == len(axes) else range(len(kept))
    passed(powers, ((made[place], axes[dim]) for place, dim in zip(places, kept, strict=True)))


def view(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Flatten or cut axes: units stay in their order."""
    x: Any = call.args[0]
    before, after = _slots(powers, x), _slots(powers, out)
    for group in before.keys() & after.keys():
        if len(before[group]) == len(after[group]):
            for slot, other in zip(before[group], after[group], strict=True):
                powers.state({slot: 1, other: -1})


def transposition(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Reorder the axes."""
    x: Any = call.args[0]
    axes = powers.axes(x)
    order = new_order(call, len(axes))
    passed(powers, zip(powers.axes(out), (axes[dim] for dim in order), strict=True))


def padding(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Lay zeros around a value."""
    x: Any = call.args[0]
    if (starts := zeros_before(call)) is not None:
        taken(powers, whole=out, part=x, starts=starts)


def slicing(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Take consecutive units of an axis, or units at steps of one that has no group."""
    x: Any = call.args[0]
    given = arguments(call)
    dim, start = given["dim"] % len(sizes(x)), given["start"] or 0
    if isinstance(start, int) and (given["step"] == 1 or not powers.axes(x)[dim]):
        begin = min(start % sizes(x)[dim] if start < 0 else start, sizes(x)[dim])
        taken(powers, whole=x, part=out, starts={dim: begin})


def splitting(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Take one of the consecutive pieces of an axis."""
    x: Any = call.args[0]
    dim = arguments(call)["dim"] % len(sizes(x))
    place: Any = out.args[1]
    before = sum(int(piece.shape[dim]) for piece in call.meta["val"][:place])
    taken(powers, whole=x, part=out, starts={dim: before})


def selection(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Take one unit of an axis."""
    x: Any = call.args[0]
    axes = powers.axes(x)
    dim = arguments(call)["dim"] % len(axes)
    passed(powers, zip(powers.axes(out), axes[:dim] + axes[dim + 1 :], strict=True))


def concatenation(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Lay values one after the other along an axis."""
    operands: Any = call.args[0]
    rank = len(sizes(out))
    dim = arguments(call)["dim"] % rank
    if any(len(sizes(operand)) != rank for operand in operands):
        return  # an empty operand may have one axis
    if any(len(powers.axes(operand)) != rank for operand in operands):
        powers.close([out])  # of a stack, whose tensors have no axes of their own
        return
    ends = accumulate((sizes(operand)[dim] for operand in operands), initial=0)
    for operand, begin in zip(operands, ends, strict=False):
        taken(powers, whole=out, part=operand, starts={dim: begin})


def gating(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Multiply one half of an axis by the sigmoid of the other, which stays."""
    x: Any = call.args[0]
    dim = arguments(call)["dim"] % len(sizes(x))
    size = sizes(out)[dim]
    for at, (made, along) in enumerate(zip(powers.axes(out), powers.axes(x), strict=True)):
        half = [part for each in along if (part := each.within(0, size))] if at == dim else along
        powers.relate((made, 1), (half, -1))


def _slots(powers: Powers, value: fx.Node) -> dict[str, list[Slot]]:
    """Return the places of each group in a value, in their order."""
    slots: dict[str, list[Slot]] = {}
    for stretch in (each for along in powers.axes(value) for each in along):
        slots.setdefault(stretch.slot.group, []).append(stretch.slot)
    return slots
