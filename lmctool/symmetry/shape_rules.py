"""Rules of operations that rename, reorder, repeat or drop axes."""

from __future__ import annotations

from typing import Any

from torch import fx

from lmctool.graph.operations import arguments, aten, operation
from lmctool.symmetry.axis import Axis, product
from lmctool.symmetry.axis_table import Axes, AxisTable, Raw, UnknownFormError, sizes


def identity(node: fx.Node, table: AxisTable) -> Raw:
    """Pass the axes on."""
    return table.raw(node.args[0])


def dropout(node: fx.Node, table: AxisTable) -> Raw | list[Raw]:
    """Pass the axes on; where units are dropped at random, the numbers drawn tell them apart."""
    x, given = table.raw(node.args[0]), arguments(node)
    if given.get("train", given.get("training")) is not False:  # None drops, too
        for axis in table.of(node.args[0]):
            axis.fix("random numbers tell its units apart")
    return [x, x] if isinstance(node.meta.get("val"), list | tuple) else x


def transposition(node: fx.Node, table: AxisTable) -> Raw:
    """Reorder the axes."""
    x = table.raw(node.args[0])
    return tuple(x[dimension] for dimension in new_order(node, len(x)))


def new_order(node: fx.Node, rank: int) -> list[int]:
    """Return which dimension of its operand each dimension of a reordered value is."""
    if node.target is aten.permute.default:
        return [int(dim) for dim in node.args[1]]  # type: ignore[union-attr,arg-type]
    order = list(range(rank))
    first, second = (int(dim) for dim in node.args[1:3]) if len(node.args) > 1 else (-1, -2)  # type: ignore[arg-type]
    if rank > 1:
        order[first], order[second] = order[second], order[first]
    return order


def expansion(node: fx.Node, table: AxisTable) -> Raw:
    """Pass axes on; along what is repeated the value is the same."""
    return _stretched(table.raw(node.args[0]), sizes(node))


def copy(node: fx.Node, table: AxisTable) -> Raw:
    """Write one value over all of another."""
    return _stretched(table.raw(node.args[1]), sizes(node))


def _stretched(x: Raw, shape: tuple[int, ...]) -> Raw:
    padded = (Axis(1),) * (len(shape) - len(x)) + x
    return tuple(
        axis if axis.size == size else Axis(size, blank=True)
        for axis, size in zip(padded, shape, strict=True)
    )


def tiling(node: fx.Node, table: AxisTable) -> Axes:
    """Lay copies of an axis one after the other: the copy is the outer factor."""
    x, shape = table.of(node.args[0]), sizes(node)
    padded = (Axis(1),) * (len(shape) - len(x)) + x
    return tuple(
        product((Axis(size // axis.size, blank=True), axis))
        for axis, size in zip(padded, shape, strict=True)
    )


def repeat_interleave(node: fx.Node, table: AxisTable) -> Axes:
    """Repeat each unit of an axis in place: the copy is the inner factor."""
    x, shape = table.of(node.args[0]), sizes(node)
    if len(x) != len(shape) or isinstance(arguments(node)["repeats"], fx.Node):
        raise UnknownFormError
    return tuple(
        product((axis, Axis(size // axis.size, blank=True)))
        for axis, size in zip(x, shape, strict=True)
    )


def reduction(node: fx.Node, table: AxisTable) -> Any:
    """Drop the reduced axes: a sum doesn't mind the order of what it adds."""
    x, shape = table.of(node.args[0]), sizes(node)
    dropped = dimensions(node, len(x))
    keeps_rank = len(shape) == len(x)
    left = tuple(
        Axis(1) if position in dropped else axis
        for position, axis in enumerate(x)
        if keeps_rank or position not in dropped
    )
    value = node.meta.get("val")
    return [left] * len(value) if isinstance(value, list | tuple) else left


def reduced(node: fx.Node, x: Axes) -> list[Axis]:
    """Return the axes that a reduction runs over."""
    return [x[dim] for dim in sorted(dimensions(node, len(x)))]


def dimensions(node: fx.Node, rank: int) -> set[int]:
    """Return which dimensions a reduction runs over; all where none is named."""
    norms = (
        aten.linalg_vector_norm.default,
        aten.norm.ScalarOpt_dim,
        aten.norm.ScalarOpt_dim_dtype,
    )
    position = 2 if node.target in norms else 1  # their order comes before their dimensions
    named = next((node.kwargs[name] for name in ("dim", "dims") if name in node.kwargs), None)
    dims: Any = node.args[position] if len(node.args) > position else named
    if isinstance(dims, bool) or dims is None:  # as in mean() and std(unbiased)
        return set(range(rank))
    positions = [dims] if isinstance(dims, int) else list(dims) or list(range(rank))
    return {int(dim) % rank for dim in positions} if rank else set()


def softmax(node: fx.Node, table: AxisTable) -> Axes:
    """Pass the axes on; what is divided by holds all of them but one."""
    x = table.of(node.args[0])
    dim = int(node.args[1]) % len(x) if x else 0  # type: ignore[arg-type]
    # The divisors are a value that the graph doesn't show, and that lacks the axis: so no atom
    # on another axis has that one as a companion.
    table.hidden.append((*x[:dim], *x[dim + 1 :]))
    return x


def is_read(node: fx.Node, place: int) -> bool:
    """Tell whether anything reads one of the several values of a node."""
    return any(user.args[1:2] == (place,) and user.users for user in node.users)


def asks_places(node: fx.Node) -> bool:
    """Tell whether anything reads the second value of a node: the places of what it picked."""
    return is_read(node, 1)


def ordered(node: fx.Node, table: AxisTable) -> Any:
    """Fix the axes that an operation runs along in order, and pass the others on."""
    x = table.of(node.args[0])
    reason = f"operation {operation(node)} runs along it"
    position = 2 if node.target is aten.roll.default else 1
    named = node.kwargs.get("dim", node.kwargs.get("dims", -1))
    argument: Any = node.args[position] if len(node.args) > position else named
    numbers = [argument] if isinstance(argument, int) else argument
    dims = {int(dim) % max(len(x), 1) for dim in numbers} or set(range(len(x)))
    for dim in dims & set(range(len(x))):
        x[dim].fix(reason)
    return tuple(
        Axis(size, reason) if dim in dims else axis
        for dim, (axis, size) in enumerate(zip(x, sizes(node), strict=True))
    )
