"""What operations that go element by element, or sum over axes, demand of units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import fx

from lmctool.graph.operations import arguments, operation
from lmctool.symmetry.linear import norms, structure
from lmctool.symmetry.linear.blocking import blocking, by_itself
from lmctool.symmetry.linear.candidate import Leg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.symmetry.linear.flow import Flow, Legs


def addition(node: fx.Node, flow: Flow) -> Legs:
    """Add two values that both have the units."""
    if norms.gain_of(flow, node):
        return ()  # what multiplies by it takes the units from the parameter
    return added(node, flow, node.args[0], node.args[1])


def added(node: fx.Node, flow: Flow, *operands: object) -> Legs:
    """Return the units of the sum of operands."""
    return total(node, *map(flow.of, operands))


def total(node: fx.Node, *terms: Legs) -> Legs:
    """Return the units of a sum.

    A term without them adds one number to all units under an outer unit, or they could not be
    permuted; then maps must keep the vector of ones.
    """
    size = structure.broadcast_size(*(leg.labels for legs in terms for leg in legs))
    made = []
    for group in dict.fromkeys(leg.group for legs in terms for leg in legs):
        legs = [[leg for leg in each if leg.group is group] for each in terms]
        first, *others = (each for each in legs if each)
        if len(others) + 1 < len(legs):
            group.orthogonal = group.keeps_ones = True
        left = [[*each] for each in others]
        for leg in first:
            labels = leg.labels.expand(size)
            centred = leg.is_centred and len(others) + 1 == len(legs)
            for each in left:
                other = next((o for o in each if group.join(labels, o.labels, 1)), None)
                if other is not None:
                    each.remove(other)
                    centred = centred and other.is_centred
            made.append(Leg(group, labels, centred))
        if any(left) or any(len(each) != len(first) for each in others):
            group.block(f"what {operation(node)} adds lies otherwise on it ({node.name})")
    return tuple(leg for leg in made if not leg.group.blocked)


def multiplication(node: fx.Node, flow: Flow) -> Legs:
    """Multiply by what doesn't have the units, by a gain of each, or square each."""
    first, second = node.args[:2]
    if first is second:
        return norms.square(node, flow)
    for value, factor in ((first, second), (second, first)):
        gain = norms.gain_of(flow, factor) if flow.is_active(value) else None
        if gain is not None:
            flow.gains[node] = gain
            return tuple(_stretched(leg, node) for leg in flow.of(value))
    for operand, other in ((first, second), (second, first)):
        for leg in flow.of(operand):
            if any(each.group is leg.group for each in flow.of(other)):
                leg.group.block(f"mul multiplies its units one by one ({node.name})")
    return tuple(_stretched(leg, node) for each in (first, second) for leg in flow.of(each))


def division(node: fx.Node, flow: Flow) -> Legs:
    """Divide by what doesn't have the units."""
    for leg in flow.of(node.args[1]):
        leg.group.block(by_itself(node))
    return tuple(_stretched(leg, node) for leg in flow.of(node.args[0]))


def _stretched(leg: Leg, node: fx.Node) -> Leg:
    return Leg(leg.group, leg.labels.expand(structure.shape(node)), leg.is_centred)


def negation(node: fx.Node, flow: Flow) -> Legs:
    """Turn a value round."""
    return flow.of(node.args[0])


def filling(node: fx.Node, flow: Flow) -> Legs:
    """Set to 0 what a mask names, whatever the unit."""
    given = arguments(node)
    if given.get("value") == 0 and not flow.of(given.get("mask")):
        return tuple(_stretched(leg, node) for leg in flow.of(node.args[0]))
    return blocking(node, flow)


def choice(node: fx.Node, flow: Flow) -> Legs:
    """Choose between two values, or a value and 0, whatever the unit."""
    condition, first, second = node.args[:3]
    if flow.of(condition):
        return blocking(node, flow)
    values = [each for each in (first, second) if isinstance(each, fx.Node) or each != 0]
    return added(node, flow, *values)


def padding(node: fx.Node, flow: Flow) -> Legs:
    """Lay zeros around other axes: they are as good as units of 0."""
    given = arguments(node)
    mode, value = given.get("mode", "constant"), given.get("value")
    pads: Any = given["pad"]
    rank = len(structure.shape(node))
    dims = [rank - 1 - place // 2 for place, size in enumerate(pads) if size]
    made = []
    for leg in flow.of(node.args[0]):
        labels = leg.group.merged(leg.labels, dims) if mode == "constant" and not value else None
        if labels is None:
            leg.group.block(by_itself(node))
        else:
            made.append(Leg(leg.group, labels.expand(structure.shape(node)), leg.is_centred))
    return tuple(made)


def reduction(node: fx.Node, flow: Flow) -> Legs:
    """Sum over other axes."""
    dims = structure.reduced(node)
    size = structure.shape(node)
    made = []
    for leg in flow.of(node.args[0]):
        labels = leg.group.merged(leg.labels, dims)
        if labels is None:
            leg.group.block(f"{operation(node)} runs over its units ({node.name})")
        else:
            made.append(Leg(leg.group, labels.reshape(size), leg.is_centred))
    return tuple(made)


RULES: Mapping[str, Callable[[fx.Node, Flow], Any]] = {
    **dict.fromkeys(("add", "add_", "sub", "subtract", "rsub"), addition),
    **dict.fromkeys(("mul", "multiply"), multiplication),
    **dict.fromkeys(("div", "divide", "true_divide"), division),
    **dict.fromkeys(("neg", "negative"), negation),
    **dict.fromkeys(("pad", "constant_pad_nd"), padding),
    "masked_fill": filling,
    "where": choice,
    **dict.fromkeys(("mean", "sum"), reduction),
}
