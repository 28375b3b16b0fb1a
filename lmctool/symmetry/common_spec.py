"""What may be permuted alike in several models that have most of their tensors in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lmctool.symmetry.axis_form import groups_of
from lmctool.symmetry.stacks import members

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from lmctool.symmetry.axis_form import AxisForm
    from lmctool.symmetry.spec import PermutationSpec, Tap

    Forms = Mapping[str, tuple[AxisForm | None, ...]]


def common_spec(
    first: PermutationSpec, others: Sequence[PermutationSpec], left_out: Collection[str]
) -> PermutationSpec:
    """Return the part of a spec that other models' specs have too.

    A group stays if some tensor that counts holds it, every model has it with the same size, and
    it lies alike in all tensors that count.  A move of such groups is one of each model, whatever
    else that model has: there the other groups stay, and what is left out is permuted along.

    Args:
        first: the spec of the model whose units the others' are brought into the order of.
        others: the specs of the other models.
        left_out: the tensors that are not compared.
    """
    tensors = {
        name: forms
        for name, forms in first.tensors.items()
        if {*(members(name) or (name,))}.isdisjoint(left_out)
        and all(name in other.tensors for other in others)
    }
    held = {group for forms in tensors.values() for form in forms for group in groups_of(form)}
    unlike = {
        group
        for other in others
        for group in (*_resized(first, other), *_displaced(tensors, other))
    }
    groups = {g: size for g, size in first.groups.items() if g in held and g not in unlike}
    groups = {g: n for g, n in groups.items() if first.per.get(g, g) in groups}

    def taps(own: str) -> dict[str, tuple[Tap, ...]]:
        return {g: tuple(_shared(g, own, first, others)) for g in groups}

    per = {group: outer for group, outer in first.per.items() if group in groups}
    return replace(
        first,
        groups=groups,
        tensors=tensors,
        per=per,
        taps=taps("taps"),
        pretaps=taps("pretaps"),
    )


def _resized(first: PermutationSpec, other: PermutationSpec) -> Iterator[str]:
    """Give the groups that another model lacks, or has in another size or under another group."""
    for group, size in first.groups.items():
        if other.groups.get(group) != size or other.per.get(group) != first.per.get(group):
            yield group


def _displaced(tensors: Forms, other: PermutationSpec) -> Iterator[str]:
    """Give the groups of axes that don't have the same form in another model."""
    for name, forms in tensors.items():
        for own, others in zip(forms, other.tensors[name], strict=True):
            if own != others:
                yield from (*groups_of(own), *groups_of(others))


def _shared(
    group: str, kind: str, first: PermutationSpec, others: Sequence[PermutationSpec]
) -> Iterator[Tap]:
    """Give the values that show a group in all models, under one name."""
    nodes = [{tap.node for tap in getattr(other, kind).get(group, ())} for other in others]
    for tap in getattr(first, kind).get(group, ()):
        if all(tap.node in own for own in nodes):
            yield tap
