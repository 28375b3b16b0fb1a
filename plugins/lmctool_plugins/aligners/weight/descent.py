"""Coordinate descent over the groups of a permutation spec, and where it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from lmctool_plugins.aligners.weight.likeness import Likeness

SWEEPS = 100
"""Sweeps over all groups after which descent ends even if units still move."""


def anchor(likeness: Likeness) -> None:
    """Put the groups in order one after the other, each by what is in order already.

    Inputs and outputs never move, so that the weights of the first layers tell their units
    apart whatever the order of all others.  Units in order anchor those of the next layers in
    turn.  Of the groups left, the one with the greatest share of anchored weights is next.
    """
    left = dict.fromkeys(likeness.families)
    likeness.include(())
    while left:
        family = max(left, key=likeness.share)
        del left[family]
        move = likeness.best(family)
        if move is not None:
            likeness.move(family, move)
        likeness.include({g for known in likeness.families if known not in left for g in known})


def descend(likeness: Likeness, generator: torch.Generator) -> None:
    """Match group after group until none moves: Algorithm 1 of Ainsworth et al. 2022.

    A group is visited again only after one beside it moved.

    Args:
        likeness: what is to be matched; its permutation changes.
        generator: draws the order of the groups in each sweep.
    """
    import torch

    likeness.include(likeness.spec.groups)
    waiting = set(likeness.families)
    for _ in range(SWEEPS):
        order = torch.randperm(len(likeness.families), generator=generator)
        for family in [likeness.families[number] for number in order.tolist()]:
            if family not in waiting:
                continue
            waiting.remove(family)
            move = likeness.best(family)
            if move is not None:
                likeness.move(family, move)
                waiting |= likeness.beside(family)
        if not waiting:
            return
