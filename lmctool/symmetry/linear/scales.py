"""Which units may be scaled: what writes them times s, what reads them divided by it."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from lmctool.symmetry.axis_form import groups_of
from lmctool.symmetry.derive import derive, value_forms
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.scale_powers import Powers
from lmctool.symmetry.linear.scale_rules import tell
from lmctool.symmetry.linear.spec import LinearGroup
from lmctool.symmetry.spec import Tap

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.axis_form import AxisForm
    from lmctool.symmetry.linear.scale_powers import Along, Slot
    from lmctool.symmetry.spec import PermutationSpec
    from lmctool.symmetry.unit_index import UnitIndex

NAMED = 3
"""How many operations a reason names."""


def scale_groups(
    graph: Graph,
    permutations: PermutationSpec,
    taken: Collection[str] = (),
    folded: Collection[str] = (),
) -> tuple[dict[str, LinearGroup], dict[str, str]]:
    """Return the groups of positive scales of a model, a scale for each unit.

    They are the units of permutation groups.  A scale acts on every network of the model, as long
    as its BatchNorms use their running statistics.

    Args:
        graph: the graph of the model.
        permutations: what may be permuted in it.
        taken: permutation groups on whose units other maps act, among which scales are.
        folded: tensors that are constants in networks in canonical form, and so do not scale.

    Returns:
        The groups, by the name of the permutation group; and for each other permutation group,
        but for outer ones and those that are taken, why no scale of its units keeps the function.
    """
    powers = Powers(graph, value_forms(graph))
    for node in graph.nodes:
        tensor = graph.tensors.get(node.name, "")
        if node.op == "call_function":
            tell(powers, node)
        elif not tensor or tensor in graph.buffers or tensor in folded:
            powers.close([node])
    derived = derive(graph)
    groups: dict[str, LinearGroup] = {}
    blocked: dict[str, str] = {}
    for group, size in permutations.groups.items():
        if group in taken or permutations.inner(group):
            continue
        if _uses(permutations, group) != _uses(derived, group):
            blocked[group] = "the spec file gives its units other places than the graph does"
        elif scaled := powers.of(group):
            outer = derived.per.get(group, "")
            groups[group] = LinearGroup(
                "scale",
                size,
                derived.groups.get(outer, 1),
                tuple(_places(derived, powers, group, scaled)),
                units=group,
                outer=outer,
                taps=tuple(_taps(graph, derived, powers, group, scaled)),
            )
        else:
            blocked[group] = _reason(powers, group)
    return groups, blocked


def _uses(spec: PermutationSpec, group: str) -> dict[str, tuple[AxisForm | None, ...]]:
    """Return the forms of the tensors that a group lies in."""
    return {
        name: forms
        for name, forms in spec.tensors.items()
        if any(group in groups_of(form) for form in forms)
    }


def _places(
    spec: PermutationSpec, powers: Powers, group: str, scaled: Mapping[Slot, int]
) -> Iterator[Place]:
    """Give the places in tensors that scale."""
    for name, forms in _uses(spec, group).items():
        for index, slot in _located(spec, group, forms, powers.stored(name)):
            if scaled[slot]:
                yield Place(name, index, scaled[slot])


def _taps(
    graph: Graph, spec: PermutationSpec, powers: Powers, group: str, scaled: Mapping[Slot, int]
) -> Iterator[Tap]:
    """Give the values that are the first to scale as their units do."""
    for node in graph.nodes:
        if node.op != "call_function" or not any(powers.axes(node)):
            continue
        sources = node.all_input_nodes
        if node.target is operator.getitem:
            sources = sources[0].all_input_nodes
        computed = [powers.axes(source) for source in sources if source.op == "call_function"]
        slots = (each.slot for axes in computed for along in axes for each in along)
        if not any(scaled.get(slot) for slot in slots):
            for index, slot in _located(spec, group, powers.forms[node.name], powers.axes(node)):
                if scaled[slot] == 1:
                    yield Tap(node.name, index)


def _located(
    spec: PermutationSpec, group: str, forms: tuple[AxisForm | None, ...], axes: list[Along]
) -> Iterator[tuple[UnitIndex, Slot]]:
    """Give every place of a group on the axes of a tensor or value, and whose power it has."""
    slots = [each.slot for along in axes for each in along if each.slot.group == group]
    return zip(spec.unit_indices([group], forms)[group], slots, strict=True)


def _reason(powers: Powers, group: str) -> str:
    """Say why no scale acts on a group."""
    if group in powers.shapeless:
        return "its units lie in blocks of another axis"
    stops = list(powers.stops.get(group, ()))[:NAMED]
    return f"no scale of its units passes {', '.join(stops) or 'what combines them'}"
