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
    rows = [
        (name, group.kind, _extent(group), str(len({place.tensor for place in group.places})))
        for name, group in spec.groups.items()
    ]
    form = spec.canonical
    notes = [f"{name}: {reason}" for name, reason in spec.blocked.items()]
    if spec.blocked:
        notes.insert(0, "no larger group acts on these:")
    if not form.is_empty:
        notes.append(
            "maps but scales act on networks in canonical form (lmctool convert --fold-norms):"
            f" {len(form.norms)} norms folded into what reads them, {len(form.centred)} streams"
            f" centred, biases of {len(form.key_biases)} keys dropped, of {len(form.value_biases)}"
            " values moved on"
        )
    notes += [
        f"{name} is untied from {first} (lmctool convert --untie)" for name, first in ties.items()
    ]
    columns = ("group", "kind", "units", "tensors")
    return Table("Linear symmetry", columns, tuple(rows), tuple(notes))


def _extent(group: LinearGroup) -> str:
    """Return how many units a map acts on, and how many maps there are."""
    size = f"{group.size} in each of {group.count}" if group.count > 1 else str(group.size)
    return f"{size}, keeping ones" if group.keeps_ones else size
