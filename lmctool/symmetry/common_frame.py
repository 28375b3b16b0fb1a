"""One order of hidden units for many networks, and the check that it is one.

Each network i has a permutation P_i into the frame, so that the way from i to j is P_i and then the
inverse of P_j, and going around any cycle moves no unit.  Pairwise alignments don't have that
(Crisostomi et al. 2024, arXiv:2405.17897).  The frame is found as MergeMany finds it (Ainsworth et
al. 2022, arXiv:2209.04836, Algorithm 3): each network in turn is aligned with the mean of the
others, here in the order given, from networks that are aligned with the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from torch import Tensor

from lmctool.symmetry.permutation import Permutation

Weights = Mapping[str, Tensor]
Align = Callable[[Weights, Weights], Permutation]
SWEEPS = 20
"""Sweeps over all networks after which the search ends even if units still move."""
ROUNDING = 1e-10
"""What a move must gain, as a share of the greatest inner product there could be."""


@dataclass(frozen=True, slots=True)
class CommonFrame:
    """A common order of the units of many networks.

    Attributes:
        permutations: P_i of each network, into the frame.
        spreads: the sum of the networks' squared distances to their mean: as they are, aligned
            with the first, and after each sweep.
        settled: whether the last sweep moved no unit; true where none was asked for.
    """

    permutations: tuple[Permutation, ...]
    spreads: tuple[float, ...]
    settled: bool

    def between(self, source: int, target: int) -> Permutation:
        """Return the permutation that brings one network's units into the order of another's."""
        return self.permutations[source].then(self.permutations[target].inverse())


def common_frame(
    networks: Sequence[Weights], align: Align, counted: Collection[str], sweeps: int = SWEEPS
) -> CommonFrame:
    """Return a common frame of networks.

    A move is kept only where it lowers the sum of squared distances to the mean by more than
    rounding explains, whatever the aligner goes by; so the sum never rises, and the search ends.

    Args:
        networks: two or more, on one device.
        align: ``align(a, b)`` returns the permutation that brings B's units into A's order.
        counted: the floating tensors that the spread is over.
        sweeps: at most so many; without any the frame is the order of the first network.
    """
    first, *others = networks
    matched = [align(first, other) for other in others]
    found = [Permutation(matched[0].spec, {}), *matched]
    held: list[Weights] = [p.apply(each) for p, each in zip(found, networks, strict=True)]
    spreads = [spread(networks, counted), spread(held, counted)]
    moved = False
    for _ in range(sweeps):
        moved = False
        for index, own in enumerate(held):
            rest = _mean([each for other, each in enumerate(held) if other != index])
            move = align(rest, own)
            after = move.apply(own)
            if _gain(rest, own, after, counted) > ROUNDING:
                held[index], found[index], moved = after, found[index].then(move), True
        spreads.append(spread(held, counted))
        if not moved:
            break
    return CommonFrame(tuple(found), tuple(spreads), settled=not moved)


def spread(networks: Sequence[Weights], counted: Collection[str]) -> float:
    """Return the sum of the squared distances of networks to their mean, in float64.

    Args:
        networks: one or more.
        counted: the floating tensors that take part.
    """
    total = 0.0
    for name in counted:
        values = [each[name].double() for each in networks]
        mean = sum(values[1:], values[0]) / len(values)
        total += sum(float((value - mean).square().sum()) for value in values)
    return total


def displaced(maps: Callable[[int, int], Permutation], count: int) -> int:
    """Return the most units that leave their place on any way i -> j -> i or i -> j -> k -> i.

    Where it is 0 no longer cycle moves a unit either: each is put together from these.

    Args:
        maps: ``maps(i, j)`` brings network i's units into the order of network j's.
        count: how many networks there are.
    """
    way = {pair: maps(*pair) for pair in permutations(range(count), 2)}
    cycles = [
        way[i, j].then(back)
        for i, j in way
        if i < j
        for back in (way[j, i], *(way[j, k].then(way[k, i]) for k in range(i + 1, count) if k != j))
    ]
    return max((sum(map(cycle.moved, cycle.moves)) for cycle in cycles), default=0)


def _mean(networks: Sequence[Weights]) -> Weights:
    """Return the mean of networks, summed in float64; integer buffers are the first's."""
    first, *others = networks
    return {
        name: (sum((n[name].double() for n in others), own.double()) / len(networks)).to(own.dtype)
        if own.is_floating_point()
        else own
        for name, own in first.items()
    }


def _gain(rest: Weights, before: Weights, after: Weights, counted: Collection[str]) -> float:
    """Return how much closer a network comes to the mean of the others by a move.

    Its own norm stays, so this is the rise of its inner product with that mean; as a share of
    the greatest inner product that the two norms allow.
    """
    rise, own, others = 0.0, 0.0, 0.0
    for name in counted:
        mean, old = rest[name].double(), before[name].double()
        rise += float((mean * (after[name].double() - old)).sum())
        own += float(old.square().sum())
        others += float(mean.square().sum())
    return rise / ((own * others) ** 0.5 or 1.0)
