"""The linear groups of a model as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.symmetry.linear.spec import LinearGroup, LinearSpec


def describe_linear(spec: LinearSpec, ties: Mapping[str, str]) -> Table:
    """Return which linear maps act on the units of a model, and why no more do.

    Args:
        spec: what keeps the function of the model's networks in canonical form.
        ties: tensors that were untied for it, each with the first name of what it shared.
    """
    rows: list[tuple[str, ...]] = [
        (name, group.kind, _extent(group), spec.blocked.get(name) or _tensors(group))
        for name, group in spec.groups.items()
    ]
    rows += [
        (name, "permutation" if name in spec.permutations.groups else "none", "", reason)
        for name, reason in spec.blocked.items()
        if name not in spec.groups
    ]
    form = spec.canonical
    folded = f"{len(form.norms)} norms folded into what reads them"
    moved = (
        f"{len(form.key_biases)} biases of keys dropped, {len(form.value_biases)} of values moved"
    )
    notes = (
        "maps act on networks in canonical form (lmctool convert --fold-norms): "
        f"{folded}, {len(form.centred)} streams centred, {moved}",
        *(
            f"{name} is untied from {first} (lmctool convert --untie)"
            for name, first in ties.items()
        ),
    )
    return Table(
        "Linear symmetry", ("group", "kind", "units", "acts on, or why no more"), tuple(rows), notes
    )


def _extent(group: LinearGroup) -> str:
    """Return how many units a map acts on, and how many maps there are."""
    size = f"{group.size} in each of {group.count}" if group.count > 1 else str(group.size)
    return f"{size}, keeping ones" if group.keeps_ones else size


def _tensors(group: LinearGroup) -> str:
    names = dict.fromkeys(place.tensor for place in group.places)
    return f"{len(names)} tensors" if len(names) > 3 else ", ".join(names)
