"""Which units may be scaled: what writes them times s, what reads them divided by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.symmetry.axis_form import groups_of
from lmctool.symmetry.derive import derive, value_forms
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.scale_powers import Powers
from lmctool.symmetry.linear.scale_rules import tell
from lmctool.symmetry.linear.spec import LinearGroup
from lmctool.symmetry.propagate import that_matter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.axis_form import AxisForm
    from lmctool.symmetry.linear.scale_powers import Slot
    from lmctool.symmetry.spec import PermutationSpec

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
    for node in that_matter(graph.nodes):
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
            )
        else:
            blocked[group] = _reason(powers, group)
    return groups, blocked


def _uses(spec: PermutationSpec, group: str) -> dict[tuple[str, int], AxisForm]:
    """Return the axes of tensors that a group lies on, or its outer group, and their forms."""
    names = {group, spec.per.get(group, group)}
    return {
        (name, axis): form
        for name, forms in spec.tensors.items()
        for axis, form in enumerate(forms)
        if form is not None and not names.isdisjoint(groups_of(form))
    }


def _places(
    spec: PermutationSpec, powers: Powers, group: str, scaled: Mapping[Slot, int]
) -> Iterator[Place]:
    """Give the places in tensors that scale."""
    for name in dict.fromkeys(name for name, _ in _uses(spec, group)):
        along = (each for axis in powers.stored(name) for each in axis)
        slots = [each.slot for each in along if each.slot.group == group]
        indices = spec.unit_indices([group], spec.tensors[name])[group]
        for index, slot in zip(indices, slots, strict=True):
            if scaled[slot]:
                yield Place(name, index, scaled[slot])


def _reason(powers: Powers, group: str) -> str:
    """Say why no scale acts on a group."""
    if group in powers.shapeless:
        return "its units lie in blocks of another axis"
    stops = list(powers.stops.get(group, ()))[:NAMED]
    return f"no scale of its units passes {', '.join(stops) or 'what combines them'}"
