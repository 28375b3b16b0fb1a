"""The permutation spec of a model, derived from its graph."""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lmctool.graph.operations import operation
from lmctool.symmetry import taps
from lmctool.symmetry.axis import Axis
from lmctool.symmetry.form import AxisForm, Concat, Fixed, Free, Interleaving, Product, groups_of
from lmctool.symmetry.known import Known, fresh
from lmctool.symmetry.nesting import Nesting, nesting
from lmctool.symmetry.part_rules import item
from lmctool.symmetry.rules import value_axes
from lmctool.symmetry.spec import PermutationSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import torch
    from torch import fx

    from lmctool.graph.graph import Graph

Stored = dict[str, tuple[Axis, ...]]
NORMALISATIONS = frozenset(
    {
        *("batch_norm", "_native_batch_norm_legit_no_training", "_native_batch_norm_legit"),
        *("native_batch_norm", "cudnn_batch_norm", "instance_norm"),
    }
)
REPEATS = frozenset({"repeat", "expand", "view", "reshape", "_to_copy", "alias", "clone"})
PASSES = 8
"""How often a graph is gone over at most: what a later cut tells of an earlier view."""


def derive(
    graph: Graph, *, fixed: Sequence[str] = (), moved: Sequence[str] = ()
) -> PermutationSpec:
    """Return everything that may be permuted in a model without a change of its function.

    Args:
        graph: the graph of the model.
        fixed: patterns of tensor names that must stay as they are.
        moved: patterns of buffers that may move though no normalisation owns them, as the
            masks of pruned weights.
    """
    known, tensors = _walked(graph, fixed, moved)
    nested = nesting(known.values(), tensors.values())
    names = _in_order(graph, known, tensors, _groups(tensors, nested))
    wholes = {atom: nested.chain(atom) for atom in names}
    sizes = {name: _size(wholes[atom]) for atom, name in names.items()}
    form = _Forms(names, wholes)
    forms = {name: tuple(form(axis) for axis in axes) for name, axes in tensors.items()}
    spec = PermutationSpec(
        groups=sizes,
        tensors=forms,
        per={names[inner]: names[outer] for inner, outer in nested.outer(names).items()},
        fixed={
            (name, position): next((leaf.reason for leaf in axis.leaves() if leaf.reason), "")
            for name, axes in tensors.items()
            for position, axis in enumerate(axes)
            if forms[name][position] is None and axis.size > 1
        },
    )
    after, before = taps.find(graph, known, spec, form)
    return replace(spec, taps=after, pretaps=before)


def _walked(graph: Graph, fixed: Sequence[str], moved: Sequence[str]) -> tuple[Known, Stored]:
    """Go over the graph until nothing more is learnt of where its views are cut."""
    known = Known()
    for _ in range(PASSES):
        before = dict(known.cuts)
        known = Known(cuts=before.copy())
        tensors = _tensors(graph, known, fixed, moved)
        for node in graph.nodes:
            if node.op == "call_function":
                picks = node.target is operator.getitem
                known.axes[node] = item(node, known) if picks else value_axes(node, known)
        for operand in graph.nodes[-1].all_input_nodes:
            for axis in known.of(operand):
                axis.fix("it is the model's output")
        if known.cuts == before:
            break
    return known, tensors


def _tensors(graph: Graph, known: Known, fixed: Sequence[str], moved: Sequence[str]) -> Stored:
    """Give axes to every placeholder, and return those of the model's tensors by name."""
    readers: dict[str, list[fx.Node]] = {}
    placeholders = [node for node in graph.nodes if node.op == "placeholder"]
    for node in placeholders:
        if node.name in graph.tensors:  # tied names may have a placeholder each
            readers.setdefault(_first(graph, node), []).extend(node.users)
    tensors: Stored = {}
    for node in placeholders:
        if node.name in graph.constants:
            known.axes[node] = _constant(graph.constants[node.name])
        elif node.name not in graph.tensors:
            known.axes[node] = fresh(node, "it is the model's input")
        else:
            first = _first(graph, node)
            if first not in tensors:
                reason = _unmovable(graph, first, readers[first], fixed, moved)
                tensors[first] = fresh(node, reason)
            known.axes[node] = tensors[graph.tensors[node.name]] = tensors[first]
    for alias, original in graph.aliases.items():
        if original in tensors:
            tensors[alias] = tensors[original]
    return tensors


def _first(graph: Graph, node: fx.Node) -> str:
    """Return the name that stands for a placeholder's tensor."""
    name = graph.tensors[node.name]
    return graph.aliases.get(name, name)


def _unmovable(
    graph: Graph,
    name: str,
    readers: Sequence[fx.Node],
    fixed: Sequence[str],
    moved: Sequence[str],
) -> str:
    """Say why no axis of a tensor may move, or nothing."""
    if not readers:
        return "nothing reads it"
    if any(fnmatchcase(name, pattern) for pattern in fixed):
        return "the spec file fixes it"
    if name in graph.buffers and not any(fnmatchcase(name, pattern) for pattern in moved):
        return "" if _normalise(readers) else "it is a buffer that no normalisation owns"
    return ""


def _normalise(readers: Iterable[fx.Node]) -> bool:
    """Tell whether nothing but normalisations read a tensor, as it is or repeated."""
    return all(
        operation(reader) in NORMALISATIONS
        or (operation(reader) in REPEATS and _normalise(reader.users))
        for reader in readers
    )


def _constant(tensor: torch.Tensor) -> tuple[Axis, ...]:
    """Fix each axis of a constant unless the constant is the same all along it."""
    return tuple(
        Axis(size, "it meets a constant that tells units apart", blank=_uniform(tensor, dim))
        for dim, size in enumerate(tensor.shape)
    )


def _uniform(tensor: torch.Tensor, dim: int) -> bool:
    return tensor.shape[dim] > 0 and bool((tensor == tensor.narrow(dim, 0, 1)).all())


def _moves(atom: Axis) -> bool:
    return not atom.reason and not atom.blank and atom.size > 1


def _size(whole: list[Axis]) -> int:
    size = 1
    for atom in whole:
        size *= atom.size
    return size


def _groups(tensors: Mapping[str, tuple[Axis, ...]], nested: Nesting) -> dict[Axis, str]:
    """Name every group after the first tensor that has it in front (its writer)."""
    names: dict[Axis, str] = {}
    taken: set[str] = set()
    inside = set(nested.follower.values())
    for front in (True, False):
        for name, axes in tensors.items():
            for position, axis in enumerate(axes):
                if (position == 0) is not front:
                    continue
                leaves = [leaf for leaf in axis.leaves() if leaf not in inside]
                for place, leaf in enumerate(leaves):
                    if not _moves(leaf) or leaf in names:
                        continue
                    label = name.rpartition(".")[0] or name
                    label += f"[{place}]" if len(leaves) > 1 else ""
                    label += "" if front else f":{position}"
                    while label in taken:
                        label += "'"
                    names[leaf] = label
                    taken.add(label)
    return names


def _in_order(
    graph: Graph, known: Known, stored: Stored, names: Mapping[Axis, str]
) -> dict[Axis, str]:
    """Put the groups in the order in which the graph computes values that hold them.

    What lies in one tensor alone and in no value is no unit: weights of copies of a value, say.
    """
    met = (
        leaf
        for node in graph.nodes
        if node.op == "call_function"
        for axis in known.raw(node)
        if isinstance(axis, Axis)
        for leaf in axis.leaves()
        if leaf in names
    )
    lone = {
        leaf
        for leaf, count in Counter(
            leaf for axes in stored.values() for axis in axes for leaf in {*axis.leaves()}
        ).items()
        if count == 1
    }
    found = dict.fromkeys(met)
    return {leaf: names[leaf] for leaf in [*found, *(n for n in names if n not in {*found, *lone})]}


class _Forms:
    """Returns the form of an axis in named groups, or None where nothing on it moves."""

    def __init__(self, names: Mapping[Axis, str], wholes: Mapping[Axis, list[Axis]]) -> None:
        self.names = names
        self.wholes = wholes

    def __call__(self, axis: Axis) -> AxisForm | None:
        """Return the form of an axis."""
        form = self._form(axis)
        return form if any(groups_of(form)) else None

    def _form(self, axis: Axis) -> AxisForm:
        root = axis.find()
        if root.kind in ("concat", "interleaving"):
            inside = tuple(self._form(part) for part in root.parts)
            return Concat(inside) if root.kind == "concat" else Interleaving(inside)
        parts = tuple(self._parts([part.find() for part in root.parts or (root,)]))
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
                yield Free(self.names[first], _size(whole))
            else:
                yield Fixed(first.size)
