"""Going over a graph, operation by operation, to learn how the axes of its values are related."""

from __future__ import annotations

import operator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from torch import Tensor
from torch.utils._pytree import tree_leaves

from lmctool.graph.reparametrization import makes_weight
from lmctool.symmetry.axis import Axis, concat
from lmctool.symmetry.axis_table import AxisTable, TensorAxes, fix, told_apart
from lmctool.symmetry.buffers import activations, movable
from lmctool.symmetry.part_rules import getitem, tie_all
from lmctool.symmetry.rules import value_axes
from lmctool.symmetry.stacked_tensors import Joined, stacked_tensors
from lmctool.symmetry.stacks import members
from lmctool.symmetry.unification import CUT_APART

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from torch import fx

    from lmctool.graph.graph import Graph

FIXED = "the spec file fixes it"
"""Why no axis of a tensor may move that a spec file names."""
UNREAD = "nothing reads it"
"""Why no axis of a tensor may move that no operation of the graph reads."""
UNOWNED = "it is a buffer that no layer owns"
"""Why no axis of a buffer may move that may hold anything, unless a spec file says that it may."""
FIXED = "the spec file fixes it"
"""Why no axis of a tensor may move that a spec file names."""
PASSES = 8
"""How often a graph is gone over at most: a later cut says how an earlier view is made."""


def propagate(
    graph: Graph, fixed: Sequence[str], moved: Sequence[str]
) -> tuple[AxisTable, TensorAxes]:
    """Go over a graph until nothing more is learnt of where its views are cut.

    Returns:
        The axes of every value, and the axes of the model's tensors by name.
    """
    stacks = stacked_tensors(graph)
    table, computed = AxisTable(), that_matter(graph.nodes, stacks)
    for _ in range(PASSES):
        # From new axes each time: what a pass unified before it learnt of a cut can't be undone.
        before, loose = dict(table.view_cuts), table.loose | _that_clash(table)
        table = AxisTable(view_cuts=before.copy(), loose=loose)
        tensors = _tensors(graph, table, fixed, moved) | _stacks(graph, stacks, fixed)
        for name in {member for stack in tensors for member in members(stack)}:
            del tensors[name]
        for node in computed:
            if node in stacks:
                table.axes[node] = _joined_axes(stacks[node], tensors)
            elif node.op == "call_function":
                picks = node.target is operator.getitem
                table.axes[node] = getitem(node, table) if picks else value_axes(node, table)
        for operand in graph.nodes[-1].all_input_nodes:
            table.fix_places(operand)
            for axis in table.of(operand):
                axis.tell_apart("it is the model's output")
        for node in loose:
            for group in table.group_norms[node][1].find().parts[:1]:
                group.tell_apart("groups that it is normalised in end inside of it")
        if table.view_cuts == before and not _that_clash(table) - loose:
            break
    return table, tensors


def _that_clash(table: AxisTable) -> frozenset[fx.Node]:
    """Return the group normalisations whose groups end inside of what cannot be cut there."""
    return frozenset(
        node
        for node, axes in table.group_norms.items()
        if any(leaf.reason == CUT_APART for leaf in axes[1].leaves())
    )


def that_matter(nodes: Sequence[fx.Node], leaves: Container[fx.Node] = ()) -> list[fx.Node]:
    """Return the nodes that the outputs are computed from, or a number that chooses the path.

    A recording has others, too: the last states of a recurrent layer, say, that nobody asks for.
    What the leaves among them are computed from doesn't matter.
    """
    live: set[fx.Node] = set()
    for node in reversed(nodes):
        value = node.meta.get("val")
        tensors = [part for part in tree_leaves(value) if isinstance(part, Tensor)]
        writes = getattr(getattr(node.target, "_schema", None), "is_mutable", False)
        if node in live or node.op == "output" or not tensors or writes:
            live |= {node} if node in leaves else {node, *node.all_input_nodes}
    return [node for node in nodes if node in live]


def _tensors(
    graph: Graph, table: AxisTable, fixed: Sequence[str], moved: Sequence[str]
) -> TensorAxes:
    """Give axes to every placeholder, and return those of the model's tensors by name."""
    stored: dict[str, list[fx.Node]] = {}
    active = activations(graph.nodes, graph.inputs)
    placeholders = [node for node in graph.nodes if node.op == "placeholder"]
    for node in placeholders:
        if node.name in graph.tensors:  # tied names may have a placeholder each
            stored.setdefault(_first(graph, node), []).append(node)
    tensors: TensorAxes = {}
    for node in placeholders:
        if node.name in graph.constants:
            table.axes[node] = _constant(graph.constants[node.name])
        elif node.name not in graph.tensors:
            table.axes[node] = told_apart(node, "it is the model's input")
        else:
            first = _first(graph, node)
            if first not in tensors:
                reason = _unmovable(graph, first, stored[first], active, fixed, moved)
                tensors[first] = told_apart(node, reason)
            table.axes[node] = tensors[graph.tensors[node.name]] = tensors[first]
    for alias, original in graph.aliases.items():  # also those without a placeholder
        if original in tensors:
            tensors[alias] = tensors[original]
    return tensors


def _stacks(graph: Graph, stacks: Mapping[fx.Node, Joined], fixed: Sequence[str]) -> TensorAxes:
    """Give axes to every stack of tensors, by its name."""
    tensors: TensorAxes = {}
    shapes = graph.shapes
    for name in (name for joined in stacks.values() for name in joined.names()):
        first, *_ = inside = members(name)
        axes = tuple(map(Axis, (len(inside), *shapes[first])))
        if any(fnmatchcase(member, pattern) for member in inside for pattern in fixed):
            fix(axes, FIXED)
        tensors[name] = axes
    return tensors


def _joined_axes(joined: Joined, tensors: TensorAxes) -> tuple[Axis, ...]:
    """Return the axes of stacks that lie one after the other."""
    if joined.name:
        return tensors[joined.name]
    parts = [_joined_axes(part, tensors) for part in joined.parts]
    tied = tie_all(parts, joined.dim)
    tied[joined.dim] = concat(tuple(part[joined.dim] for part in parts))
    return tuple(tied)


def _first(graph: Graph, node: fx.Node) -> str:
    """Return the name that stands for a placeholder's tensor."""
    name = graph.tensors[node.name]
    return graph.aliases.get(name, name)


def _unmovable(
    graph: Graph,
    name: str,
    stored: Sequence[fx.Node],
    active: frozenset[fx.Node],
    fixed: Sequence[str],
    moved: Sequence[str],
) -> str:
    """Say why no axis of a tensor may move, or nothing."""
    if any(fnmatchcase(name, pattern) for pattern in fixed):
        return FIXED
    if not any(node.users for node in stored):
        return UNREAD
    if name in graph.buffers and not any(fnmatchcase(name, pattern) for pattern in moved):
        owned = movable(graph, name, stored, active) or makes_weight(name, graph.tensors.values())
        return "" if owned else UNOWNED
    return ""


def _constant(tensor: Tensor) -> tuple[Axis, ...]:
    """Tell the units of each axis of a constant apart unless it is the same all along it."""
    axes = tuple(Axis(size, blank=_uniform(tensor, dim)) for dim, size in enumerate(tensor.shape))
    for axis in axes:
        axis.tell_apart("it meets a constant that tells units apart")
    return axes


def _uniform(tensor: Tensor, dim: int) -> bool:
    return tensor.shape[dim] > 0 and bool((tensor == tensor.narrow(dim, 0, 1)).all())
