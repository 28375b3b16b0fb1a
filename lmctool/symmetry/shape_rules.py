"""Rules of operations that move, join, cut or drop axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import aten
from lmctool.symmetry.axis import ANY, Axis, concat, cut, product, unify
from lmctool.symmetry.known import Axes, Known, fix, sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import fx


def reduction(node: fx.Node, known: Known) -> Axes:
    """Drop the reduced axes: a sum doesn't mind the order of what it adds."""
    x = known.of(node.args[0])
    dims: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    listed = [dims] if isinstance(dims, int) else list(dims or range(len(x)))
    dropped = {dim % len(x) for dim in listed}
    kept = len(sizes(node)) == len(x)
    return tuple(
        Axis(1) if position in dropped else axis
        for position, axis in enumerate(x)
        if kept or position not in dropped
    )


def view(node: fx.Node, known: Known) -> Axes:
    """Match axes of one size, and products of axes with the axes they become."""
    old, shape = list(known.of(node.args[0])), list(sizes(node))
    new: list[Axis] = []
    while old and shape and old[0].size == shape[0]:
        new.append(old.pop(0))
        shape.pop(0)
    if ANY in shape or any(axis.size == ANY for axis in old):
        fix(old, "it is flattened together with the batch")
        return (*new, *(Axis(size, "it is flattened with the batch") for size in shape))
    while old or shape:
        inside, outside = _together(old, shape)
        if len(inside) == len(outside) == 1:
            new.extend(inside)
            continue
        made = [Axis(size) for size in outside]
        unify(product(tuple(inside)), product(tuple(made)))
        new.extend(made)
    return tuple(new)


def _together(old: list[Axis], shape: list[int]) -> tuple[list[Axis], list[int]]:
    """Take the fewest axes off both fronts that have one number of elements."""
    inside: list[Axis] = []
    outside: list[int] = []
    left = right = 1
    while (not inside and not outside) or left != right:
        if old and (left <= right or not shape):
            inside.append(old.pop(0))
            left *= inside[-1].size
        else:
            outside.append(shape.pop(0))
            right *= outside[-1]
    while not old and shape:  # what is left has size 1
        outside.append(shape.pop(0))
    while not shape and old:
        inside.append(old.pop(0))
    return inside, outside


def permuted(node: fx.Node, known: Known) -> Axes:
    """Reorder the axes."""
    x = known.of(node.args[0])
    if node.target is aten.permute.default:
        order = [int(dim) for dim in node.args[1]]  # type: ignore[union-attr,arg-type]
    else:
        order = list(range(len(x)))
        first, second = (int(dim) for dim in node.args[1:3]) if len(node.args) > 1 else (0, 1)  # type: ignore[arg-type]
        order[first], order[second] = order[second], order[first]
    return tuple(x[position] for position in order)


def expanded(node: fx.Node, known: Known) -> Axes:
    """Pass axes on; what is repeated is new, and the same everywhere along itself."""
    x, shape = known.of(node.args[0]), sizes(node)
    padded = (Axis(1),) * (len(shape) - len(x)) + x
    return tuple(
        axis if axis.size == size else Axis(size) for axis, size in zip(padded, shape, strict=True)
    )


def sliced(node: fx.Node, known: Known) -> Axes:
    """Cut an axis where a slice starts and ends; a slice with steps fixes it."""
    x = list(known.of(node.args[0]))
    defaults = (None, 0, 0, None, 1)
    arguments: list[Any] = [*node.args, *defaults[len(node.args) :]]
    dim, start, step = int(arguments[1]), arguments[2], arguments[4]
    position, size = dim % len(x), sizes(node)[dim]
    axis = x[position]
    if size == axis.size:
        return tuple(x)
    if step == 1 and size != ANY and axis.size != ANY and isinstance(start, int):
        begin = start % axis.size if start < 0 else start
        head = cut(axis, begin) if begin else (None, axis)
        tail = head and (cut(head[1], size) if head[1].size > size else (head[1], None))
        if tail:
            x[position] = tail[0]
            return tuple(x)
    axis.fix("only some of its units are taken")
    x[position] = Axis(size, "only some of its units are taken")
    return tuple(x)


def padded(node: fx.Node, known: Known) -> Axes:
    """Lay constants around an axis; they are all alike, so they may move among themselves."""
    x = list(known.of(node.args[0]))
    mode = node.args[2] if len(node.args) > 2 else "constant"
    pads: Sequence[int] = node.args[1]  # type: ignore[assignment]
    constant = mode == "constant" or not isinstance(mode, str)
    for step in range(len(pads) // 2):
        before, after = pads[2 * step], pads[2 * step + 1]
        axis = x[-1 - step]
        if before == after == 0:
            continue
        if constant and before >= 0 and after >= 0 and axis.size != ANY:
            x[-1 - step] = concat((Axis(before), axis, Axis(after)))
        else:
            axis.fix("it is padded with its own units")
            x[-1 - step] = Axis(sizes(node)[-1 - step], "it is padded with units of its own")
    return tuple(x)


def concatenated(node: fx.Node, known: Known) -> Axes:
    """Lay axes one after the other, and tie all others."""
    operands: Sequence[fx.Node] = node.args[0]  # type: ignore[assignment]
    parts = [known.of(operand) for operand in operands]
    dim = int(node.args[1]) if len(node.args) > 1 else 0  # type: ignore[arg-type]
    position = dim % len(parts[0])
    for other in parts[1:]:
        for place, (a, b) in enumerate(zip(parts[0], other, strict=True)):
            if place != position and a.find() is not b.find():
                unify(a, b)
    joined = concat(tuple(part[position] for part in parts))
    return (*parts[0][:position], joined, *parts[0][position + 1 :])


def item(node: fx.Node, known: Known) -> Any:
    """Pick one of several values."""
    values = known.axes[node.args[0]]  # type: ignore[index]
    return values[node.args[1]]


def unchanged(node: fx.Node, known: Known) -> Axes:
    """Pass the axes on."""
    return known.of(node.args[0])


def size_of(node: fx.Node, known: Known) -> Axes:
    """Say nothing: a size is a number."""
    return ()
