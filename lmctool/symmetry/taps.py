"""The values of a graph that show the units of each group."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from torch import fx

from lmctool.graph.operations import (
    CONVOLUTION,
    LAYER_NORM,
    LINEAR,
    NONLINEAR,
    RMS_NORM,
    operation,
)
from lmctool.symmetry.axis_form import groups_of
from lmctool.symmetry.spec import Tap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.axis_form import ValueForms
    from lmctool.symmetry.spec import PermutationSpec

Taps = dict[str, tuple[Tap, ...]]
WRITERS = (
    LINEAR | CONVOLUTION | LAYER_NORM | RMS_NORM | {"mm", "bmm", "matmul", "einsum", "embedding"}
)
"""Operations whose values show a group that no nonlinearity does."""


def find_taps(graph: Graph, forms: ValueForms, spec: PermutationSpec) -> tuple[Taps, Taps]:
    """Return the values that show each group, after its nonlinearity and before it.

    Where no nonlinearity follows the group (a residual stream, queries and keys), both are the
    values that layers write; where there is none of these either, the last value that shows it
    and is computed from the inputs.
    An outer group is shown by its inner ones, unless no value shows these (those of experts,
    whose rows lie in an order that data decide).

    Args:
        graph: the graph.
        forms: the form of each axis of every value, by the name of its node.
        spec: the spec so far.
    """
    after: dict[str, list[Tap]] = {group: [] for group in spec.groups}
    before: dict[str, list[Tap]] = {group: [] for group in spec.groups}
    written: dict[str, list[Tap]] = {group: [] for group in spec.groups}
    last: dict[str, list[Tap]] = {group: [] for group in spec.groups}
    computed = {node for node in graph.nodes if node.name in graph.inputs}
    for node in graph.nodes:
        if not computed.isdisjoint(node.all_input_nodes):
            computed.add(node)
        if node.op != "call_function":
            continue
        node_taps = _node_taps(node, forms, spec)
        for group, taps in node_taps.items():
            if node.target in NONLINEAR:
                after[group] += taps
            elif operation(_computed(node)) in WRITERS:
                written[group] += taps
            if node in computed:
                last[group] = taps
        if node.target in NONLINEAR:
            for operand in node.all_input_nodes[:1]:
                for group, taps in _node_taps(operand, forms, spec).items():
                    before[group] += taps
    return _first_choice(spec, after, written, last), _first_choice(spec, before, written, last)


def _computed(node: fx.Node) -> fx.Node:
    """Return the operation that computes a value, where it returns others beside it."""
    operand = node.args[0] if node.target is operator.getitem and node.args[1] == 0 else node
    return operand if isinstance(operand, fx.Node) else node


def _first_choice(spec: PermutationSpec, *orders: Mapping[str, list[Tap]]) -> Taps:
    shown = {
        group: tuple(next((taps[group] for taps in orders if taps[group]), []))
        for group in spec.groups
    }
    for group in set(spec.per.values()):
        if any(shown[inner] for inner in spec.inner(group)):
            shown[group] = ()
    return shown


def _node_taps(node: fx.Node, forms: ValueForms, spec: PermutationSpec) -> dict[str, list[Tap]]:
    """Return where a node's value shows each group."""
    if node.op != "call_function" or isinstance(node.meta.get("val"), list | tuple):
        return {}
    axes = forms[node.name]
    names = dict.fromkeys(name for each in axes for name in groups_of(each))
    indices = spec.unit_indices(names, axes)
    return {name: [Tap(node.name, index) for index in indices[name]] for name in names}
