"""The permutation spec of a model, derived from its graph."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from lmctool.graph.operations import BATCH_NORM, NONLINEAR
from lmctool.symmetry.axis import Axis
from lmctool.symmetry.known import Known, fresh
from lmctool.symmetry.rules import value_axes
from lmctool.symmetry.shape_rules import item
from lmctool.symmetry.spec import (
    AxisForm,
    Concat,
    Fixed,
    Free,
    PermutationSpec,
    Product,
    Tap,
    blocks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from torch import fx

    from lmctool.graph.capture import Graph


def derive(graph: Graph) -> PermutationSpec:
    """Return everything that may be permuted in a model without a change of its function."""
    known = Known()
    tensors = _tensors(graph, known)
    for node in graph.nodes:
        if node.op == "call_function":
            picks = node.target is operator.getitem
            known.axes[node] = item(node, known) if picks else value_axes(node, known)
    for operand in graph.nodes[-1].all_input_nodes:
        for axis in known.of(operand):
            axis.fix("it is the model's output")
    names = _in_order(graph, known, _groups(tensors))
    forms = {
        name: tuple(_form(axis, names) if _moves(axis, names) else None for axis in axes)
        for name, axes in tensors.items()
    }
    groups = {name: axis.size for axis, name in names.items()}
    return PermutationSpec(
        groups=groups,
        tensors=forms,
        taps=_taps(graph, known, names),
        fixed={
            (name, position): next((leaf.reason for leaf in axis.leaves() if leaf.reason), "")
            for name, axes in tensors.items()
            for position, axis in enumerate(axes)
            if forms[name][position] is None and axis.size > 1
        },
    )


def _tensors(graph: Graph, known: Known) -> dict[str, tuple[Axis, ...]]:
    """Give axes to every placeholder, and return those of the model's tensors by name."""
    tensors: dict[str, tuple[Axis, ...]] = {}
    for node in graph.nodes:
        if node.op != "placeholder":
            continue
        if node.name in graph.constants:
            known.axes[node] = _constant(graph.constants[node.name])
        elif node.name not in graph.tensors:
            known.axes[node] = fresh(node, "it is the model's input")
        else:
            name = graph.tensors[node.name]
            original = graph.aliases.get(name, name)
            axes = tensors.get(original) or fresh(node, _unmovable(graph, node, name))
            known.axes[node] = tensors[name] = axes
    for alias, original in graph.aliases.items():
        if original in tensors:
            tensors[alias] = tensors[original]
    return tensors


def _unmovable(graph: Graph, node: fx.Node, name: str) -> str:
    """Say why no axis of a tensor may move, or nothing."""
    if not node.users:
        return "nothing reads it"
    norms = all(user.target in BATCH_NORM for user in node.users)
    return (
        "it is a buffer that no normalisation owns" if name in graph.buffers and not norms else ""
    )


def _constant(tensor: torch.Tensor) -> tuple[Axis, ...]:
    """Fix each axis of a constant unless the constant is the same all along it."""
    return tuple(
        Axis(size, "" if _uniform(tensor, dim) else "it meets a constant that tells units apart")
        for dim, size in enumerate(tensor.shape)
    )


def _uniform(tensor: torch.Tensor, dim: int) -> bool:
    return tensor.shape[dim] > 0 and bool((tensor == tensor.narrow(dim, 0, 1)).all())


def _groups(tensors: Mapping[str, tuple[Axis, ...]]) -> dict[Axis, str]:
    """Name every free atom after the first tensor that has it in front (its writer)."""
    names: dict[Axis, str] = {}
    taken: set[str] = set()
    for front in (True, False):
        for name, axes in tensors.items():
            for position, axis in enumerate(axes):
                if (position == 0) is not front:
                    continue
                leaves = list(axis.leaves())
                for place, leaf in enumerate(leaves):
                    if leaf.reason or leaf.size == 1 or leaf in names:
                        continue
                    label = name.rpartition(".")[0] or name
                    label += f"[{place}]" if len(leaves) > 1 else ""
                    label += "" if front else f":{position}"
                    while label in taken:
                        label += "'"
                    names[leaf] = label
                    taken.add(label)
    return names


def _in_order(graph: Graph, known: Known, names: Mapping[Axis, str]) -> dict[Axis, str]:
    """Put the groups in the order in which the graph computes values that hold them."""
    met = (
        leaf
        for node in graph.nodes
        if node.op == "call_function"
        for axis in known.of(node)
        for leaf in axis.leaves()
        if leaf in names
    )
    return {leaf: names[leaf] for leaf in dict.fromkeys([*met, *names])}


def _moves(axis: Axis, names: Mapping[Axis, str]) -> bool:
    return any(leaf in names for leaf in axis.leaves())


def _form(axis: Axis, names: Mapping[Axis, str]) -> AxisForm:
    root = axis.find()
    if root.kind == "atom":
        return Free(names[root], root.size) if root in names else Fixed(root.size)
    parts = tuple(_form(part, names) for part in root.parts)
    return Product(parts) if root.kind == "product" else Concat(parts)


def _taps(graph: Graph, known: Known, names: Mapping[Axis, str]) -> dict[str, tuple[Tap, ...]]:
    """Find the values that show each group: after a nonlinearity if any is, else anywhere."""
    natural: dict[str, list[Tap]] = {name: [] for name in names.values()}
    other: dict[str, list[Tap]] = {name: [] for name in names.values()}
    for node in graph.nodes:
        if node.op == "call_function":
            found = natural if node.target in NONLINEAR else other
            for tap in _shown(node, known, names):
                found[tap.block.group].append(tap)
    return {group: tuple(natural[group] or other[group][-1:]) for group in natural}


def _shown(node: fx.Node, known: Known, names: Mapping[Axis, str]) -> Iterator[Tap]:
    for position, axis in enumerate(known.of(node)):
        if _moves(axis, names):
            for block in blocks(_form(axis, names)):
                yield Tap(node.name, position, block)
