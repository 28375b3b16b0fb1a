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
    """Return (unit,) float64: the squared norm of what comes into each unit of a group."""
    import torch

    total = torch.zeros(spec.groups[group], dtype=torch.float64)
    for name, axis, block in spec.uses(group):
        if axis == 0 and name in weights:
            units = block.units(weights[name].double().cpu(), axis)
            total += units.square().sum(dim=1)
    return total


def align(run: Run, a: Weights, b: Weights) -> Permutation:
    """Return the permutation that gives B's units the places of A's units of equal rank."""
    import torch

    from lmctool.api import Permutation

    spec = run.permutation_spec
    moves = {}
    for group, size in spec.groups.items():
        places = incoming(spec, a, group).argsort()
        moves[group] = torch.empty(size, dtype=torch.long)
        moves[group][places] = incoming(spec, b, group).argsort()
    return Permutation(spec, moves)


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align norm-sorted``."""
    return Aligner(align)
