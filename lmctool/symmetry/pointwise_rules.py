"""Rules of operations that treat every element alike, and of values that no operand tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.symmetry.axis import Axis
from lmctool.symmetry.axis_table import Axes, AxisTable, Raw, new_axes, sizes
from lmctool.symmetry.contraction_rules import broadcast
from lmctool.symmetry.unification import unify

if TYPE_CHECKING:
    from torch import fx


def pointwise(node: fx.Node, table: AxisTable) -> Raw | list[Raw]:
    """Tie the axes of all operands under broadcasting."""
    size, value = sizes(node), node.meta.get("val")
    operands = [operand for operand in node.all_input_nodes if table.raw(operand)]
    if len(operands) == 1 and len(table.raw(operands[0])) == len(size):
        whole = table.raw(operands[0])
    else:
        out = broadcast([table.of(operand) for operand in operands])
        missing = size[: len(size) - len(out)]
        whole = (*(Axis(size, blank=True) for size in missing), *out)
    return [whole] * len(value) if isinstance(value, list | tuple) else whole


def equality(node: fx.Node, table: AxisTable) -> Raw | list[Raw]:
    """Tell where two values are the same: two that name places may name those of one axis."""
    places = [each for operand in node.all_input_nodes if (each := table.places_in(operand))]
    if len(places) == 2:
        unify(places[0].axis, places[1].axis)
    else:
        for operand in node.all_input_nodes:
            table.fix_places(operand)
    return pointwise(node, table)


def constant(node: fx.Node, table: AxisTable) -> Any:
    """Make a value that is the same everywhere."""
    return new_axes(node, blank=True)


def positions(node: fx.Node, table: AxisTable) -> Any:
    """Make a value that depends on no operand but its size."""
    return new_axes(node, "it counts positions")


def no_axes(node: fx.Node, table: AxisTable) -> Axes:
    """Return no axes: the value is a number, or there is none."""
    return ()


def triangle(node: fx.Node, table: AxisTable) -> Axes:
    """Keep a triangle of the last two axes."""
    x = table.of(node.args[0])
    for axis in x[-2:]:
        axis.fix("a triangle of it is kept")
    return x
