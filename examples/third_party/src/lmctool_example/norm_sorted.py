"""Pair hidden units by the rank of their incoming weights' norm.

Crude beside activation matching, and instant: no data is read.  The norm of what comes into a
unit does not depend on the order of the layer before, so that one look at each group is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Aligner, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import Permutation, PermutationSpec, Run, Weights


def incoming(spec: PermutationSpec, weights: Weights, group: str) -> Tensor:
    """Return float64 of the shape of the group's move: the squared norm of what comes into a unit.

    That is (unit,), or (outer unit, unit) for units that lie inside of others, as in a head.
    """
    import torch

    total = torch.zeros(spec.units(group), dtype=torch.float64)
    for name, place in spec.uses(group):
        if place.axes == (0,) and name in weights:
            units = place.units(weights[name].double().cpu())
            total += units.square().sum(dim=1)
    return total.view(spec.shape(group))


def align(run: Run, a: Weights, b: Weights) -> Permutation:
    """Return the permutation that gives B's units the places of A's units of equal rank."""
    import torch

    from lmctool.api import Permutation

    spec = run.permutation_spec
    moves = {}
    for group in spec.groups:
        places = incoming(spec, a, group).argsort(-1)
        ranked = incoming(spec, b, group).argsort(-1)
        moves[group] = torch.empty_like(ranked).scatter(-1, places, ranked)
    return Permutation(spec, moves)


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align norm-sorted``."""
    return Aligner(align, needs=frozenset({"model"}))
