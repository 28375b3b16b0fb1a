"""Matching: the moves that bring B's units to the units of A they are most similar to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.symmetry.assignment_solver import solver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.symmetry.spec import PermutationSpec

MOST = 10**11
"""An assignment of n units takes at most about n**3 steps; for more steps than these in all, pairs
of outer units are weighed by a bound."""


def assignment(similarity: Tensor) -> Tensor:
    """Return (unit of A,) int64: the unit of B for each, by the greatest sum of similarities.

    Args:
        similarity: (unit of A, unit of B) any real numbers, on any device.
    """
    cost = similarity.to("cpu", torch.float64, copy=True).neg_()  # scipy would copy it twice
    _, columns = solver()(cost.numpy())
    return torch.from_numpy(columns).long()


def origins(spec: PermutationSpec, moves: Mapping[str, Tensor], group: str) -> Tensor:
    """Return (unit,) int64: which unit of B goes to each place of a group.

    Of an inner group the units under all units of its outer group, one after the other; its move
    alone doesn't say that, as it counts the units of the outer unit that came to each place.

    Args:
        spec: what may be permuted.
        moves: the moves of a ``Permutation``; a group that is left out stays.
        group: the group.
    """
    size = spec.groups[group]
    move = moves.get(group, torch.arange(size))
    if group not in spec.per:
        return move
    outer = spec.per[group]
    starts = moves.get(outer, torch.arange(spec.groups[outer])) * size
    return (starts[:, None] + move).flatten()


def match(spec: PermutationSpec, similarity: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the moves of greatest sum of similarities, by group.

    A plain group is one assignment.  Units of an outer group are paired by what the best
    assignments of their inner units reach, and by their own similarity where there is one; the
    inner units then move as in the pairs.  That is exact, but for outer groups of large inner
    ones (experts), whose pairs are weighed by the sum of each inner unit's greatest similarity;
    the inner assignments of the chosen pairs are exact there, too.

    Args:
        spec: what may be permuted.
        similarity: for each group (unit of A, unit of B); of an inner group the units under all
            units of its outer group, one after the other.  A group that is left out stays, as
            inner units do in pairs that others chose.

    Returns:
        The moves of a ``Permutation``, int64 on the CPU.
    """
    moves: dict[str, Tensor] = {}
    for group in spec.groups:
        if group in spec.per:
            continue
        inner = {name: similarity[name] for name in spec.inner(group) if name in similarity}
        scores = similarity.get(group)
        if inner:
            moves |= _nested(spec, group, scores, inner)
        elif scores is not None:
            moves[group] = assignment(scores)
    return moves


def _nested(
    spec: PermutationSpec, group: str, scores: Tensor | None, inner: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the moves of an outer group and of its inner groups."""
    count = spec.groups[group]
    worth = torch.zeros(count, count, dtype=torch.float64)
    if scores is not None:
        worth = scores.double().cpu()
    blocks = {name: _blocks(value, count) for name, value in inner.items()}
    for pairs in blocks.values():
        worth = worth + _worth(pairs)
    outer = assignment(worth)
    inner_moves = {
        name: torch.stack([assignment(pairs[a, b]) for a, b in enumerate(outer.tolist())])
        for name, pairs in blocks.items()
    }
    return {group: outer, **inner_moves}


def _blocks(similarity: Tensor, count: int) -> Tensor:
    """Return (outer of A, outer of B, unit of A, unit of B)."""
    size = len(similarity) // count
    return similarity.cpu().view(count, size, count, size).transpose(1, 2)


def _worth(pairs: Tensor) -> Tensor:
    """Return (outer of A, outer of B): the greatest sum that each pair reaches, or a bound."""
    count, size = pairs.shape[1:3]
    if count**2 * size**3 > MOST:
        return pairs.amax(-1).sum(-1).double()
    rows = torch.arange(size)
    sums = [[p[rows, assignment(p)].sum().double() for p in row] for row in pairs]
    return torch.stack([torch.stack(row) for row in sums])
