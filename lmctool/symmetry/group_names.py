"""Names for groups of atoms, and the forms of axes in those names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

from torch import fx

from lmctool.symmetry.axis import Axis
from lmctool.symmetry.axis_form import (
    AxisForm,
    Blockwise,
    Concat,
    Fixed,
    Free,
    Interleaving,
    Product,
    groups_of,
)
from lmctool.symmetry.separation import Blocks
from lmctool.symmetry.stacks import RANGE, members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.inner_groups import InnerGroups

NodeAxes = Callable[[fx.Node], tuple[Axis | Blocks, ...]]
"""Returns the axes of a node's value."""
TensorForms = dict[str, tuple[Axis | Blocks, ...]]
UNREADABLE = re.compile(r"[\s()+|,{};]")
"""What a name cannot have in the text of a form."""
EVERY = "*"
"""What stands in a group's name for the numbers of the tensors of a stack."""


def group_names(tensors: TensorForms, nested: InnerGroups) -> dict[Axis, str]:
    """Name every group after the first tensor that has it in front (its writer).

    In front of a stack is the axis in front of its tensors.
    """
    names: dict[Axis, str] = {}
    labels: set[str] = set()
    inside = set(nested.successor.values())
    for front in (True, False):
        for name, axes in tensors.items():
            for position, axis in enumerate(axes):
                if (position == bool(members(name))) is not front:
                    continue
                leaves = dict.fromkeys(leaf for leaf in axis.leaves() if leaf not in inside)
                for place, leaf in enumerate(leaves):
                    if not leaf.moves or leaf in names:
                        continue
                    label = RANGE.sub(EVERY, name)
                    label = UNREADABLE.sub("-", label.rpartition(".")[0] or label)
                    label += f"[{place}]" if len(leaves) > 1 else ""
                    label += "" if front else f":{position}"
                    while label in labels:
                        label += "'"
                    names[leaf] = label
                    labels.add(label)
    return names


def in_graph_order(
    graph: Graph, values: NodeAxes, tensors: TensorForms, names: Mapping[Axis, str]
) -> dict[Axis, str]:
    """Put the groups in the order in which the graph computes values that hold them.

    What lies in one tensor alone and in no value is no unit: weights of copies of a value, say.
    """
    computed = dict.fromkeys(
        leaf
        for node in graph.nodes
        if node.op == "call_function"
        for axis in values(node)
        for leaf in axis.leaves()
        if leaf in names
    )
    lone = {
        leaf
        for leaf, count in Counter(
            leaf for axes in tensors.values() for axis in axes for leaf in {*axis.leaves()}
        ).items()
        if count == 1
    }
    others = [leaf for leaf in names if leaf not in {*computed, *lone}]
    return {leaf: names[leaf] for leaf in [*computed, *others]}


class Forms:
    """Returns the form of an axis in named groups, or None where nothing on it moves."""

    def __init__(self, names: Mapping[Axis, str], wholes: Mapping[Axis, list[Axis]]) -> None:
        """Take the name of each group, by its first atom, and all atoms that make it."""
        self.names = names
        self.wholes = wholes

    def __call__(self, axis: Axis | Blocks) -> AxisForm | None:
        """Return the form of an axis."""
        form: AxisForm
        if isinstance(axis, Blocks):
            form = Blockwise(axis.axis, axis.length, tuple(map(self._form, axis.parts)))
        else:
            form = self._form(axis)
        return form if any(groups_of(form)) else None

    def _form(self, axis: Axis) -> AxisForm:
        root = axis.find()
        if root.kind == "sorted":
            return Fixed(root.size)  # no unit has a place of its own there
        if root.kind in ("concat", "interleaving"):
            inside = tuple(self._form(part) for part in root.parts)
            return Concat(inside) if root.kind == "concat" else Interleaving(inside)
        parts = tuple(self._parts(root.factors()))
        return parts[0] if len(parts) == 1 else Product(parts)

    def _parts(self, atoms: list[Axis]) -> Iterator[AxisForm]:
        """Give the form of each part of a product, atoms that make one whole together."""
        while atoms:
            first = atoms.pop(0)
            whole = self.wholes.get(first, [])
            if first.kind != "atom":
                yield self._form(first)
            elif whole and whole[1:] == atoms[: len(whole) - 1]:
                del atoms[: len(whole) - 1]
                yield Free(self.names[first], prod(atom.size for atom in whole))
            else:
                yield Fixed(first.size)
