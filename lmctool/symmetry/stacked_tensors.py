"""Where a graph puts tensors of a model side by side before anything else reads them.

A file may hold the matrices of a mixture's experts one by one, where the model multiplies all of
them at once.  What makes one tensor of them, expert after expert, is read as that tensor: a stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import operation
from lmctool.graph.sizes import size_of
from lmctool.symmetry.stacks import stack_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx

    from lmctool.graph.graph import Graph

PASSES = frozenset({"view", "_unsafe_view", "reshape", "unsqueeze", "alias", "clone"})
"""Operations between a tensor and its place in the stack."""


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """A stack of tensors, or several that lie one after the other along an axis.

    Attributes:
        name: the name of the stack; empty for several.
        dim: the axis, of several.
        parts: the several.
    """

    name: str = ""
    dim: int = 0
    parts: tuple[Joined, ...] = ()

    def names(self) -> Iterator[str]:
        """Give the name of each stack."""
        if self.name:
            yield self.name
        for part in self.parts:
            yield from part.names()


def stacked_tensors(graph: Graph) -> dict[fx.Node, Joined]:
    """Return the nodes that stack parameters of the model, which nothing else reads."""
    apart = {*graph.aliases, *graph.aliases.values(), *graph.buffers}
    names = {
        node: graph.tensors[node.name]
        for node in graph.nodes
        if node.name in graph.tensors and graph.tensors[node.name] not in apart
    }
    found: dict[fx.Node, Joined] = {}
    for node in graph.nodes:
        if operation(node) in ("cat", "stack") and _dim(node) == 0:
            front = (1,) if operation(node) == "cat" else ()
            columns: Any = node.args[0]
            joined = _joined(list(columns), front, names)
            if joined is not None:
                found[node] = joined
    return found


def _joined(
    columns: list[fx.Node], front: tuple[int, ...], names: dict[fx.Node, str]
) -> Joined | None:
    """Return what values are when they are stacked, each with these sizes in front of its own."""
    if any(len(each.users) > 1 or _shape(each)[: len(front)] != front for each in columns):
        return None
    if all(operation(each) == "cat" for each in columns):
        return _joined_parts(columns, front, names)
    sources = [_source(each) for each in columns]
    shapes = {_shape(source) for source in sources if source in names}
    if {(*front, *shape) for shape in shapes} != {*map(_shape, columns)} or len(shapes) > 1:
        return None
    name = stack_name([names.get(source, "") for source in sources])
    return Joined(name) if name else None


def _joined_parts(
    columns: list[fx.Node], front: tuple[int, ...], names: dict[fx.Node, str]
) -> Joined | None:
    """Return what concatenations are when they are stacked: a concatenation of stacks."""
    dims = {_dim(each) for each in columns}
    operands: list[Any] = [each.args[0] for each in columns]
    if len(dims) > 1 or dims <= {*range(len(front))} or len({*map(len, operands)}) > 1:
        return None
    parts = [_joined(list(row), front, names) for row in zip(*operands, strict=True)]
    known = tuple(part for part in parts if part is not None)
    dim = dims.pop() + 1 - len(front)
    return Joined(dim=dim, parts=known) if len(known) == len(parts) else None


def _source(node: fx.Node) -> fx.Node:
    """Return the value that a value is another form of, as far as nothing else reads it."""
    while operation(node) in PASSES:
        operand: Any = node.args[0]
        if len(operand.users) > 1:
            return node
        node = operand
    return node


def _dim(node: fx.Node) -> int:
    """Return the axis along which a node concatenates, counted from the first."""
    dim: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    return int(dim) % len(node.meta["val"].shape)


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(size_of(size) for size in node.meta["val"].shape)
