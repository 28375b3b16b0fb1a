"""One order of hidden units for many networks, and the check of its cycle consistency.

Each network i has a permutation P_i into the frame, so that the way from i to j is P_i and then the
inverse of P_j.  That is cycle consistent: going around any cycle moves no unit.  Pairwise
alignments aren't (Crisostomi et al. 2024, arXiv:2405.17897).  The frame is found as MergeMany finds
it (Ainsworth et al. 2022, arXiv:2209.04836, Algorithm 3): each network in turn is aligned with the
mean of the others, here in the order given, from networks that are aligned with the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import permutations

from lmctool.symmetry.permutation import Permutation
from lmctool.weights.arithmetic import Weights

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
    pairwise = [align(first, other) for other in others]
    permutations = [Permutation(pairwise[0].spec, {}), *pairwise]
    pairs = zip(permutations, networks, strict=True)
    aligned: list[Weights] = [permutation.apply(network) for permutation, network in pairs]
    spreads = [spread(networks, counted), spread(aligned, counted)]
    moved = False
    for _ in range(sweeps):
        moved = False
        for index, network in enumerate(aligned):
            rest = _mean([each for other, each in enumerate(aligned) if other != index])
            move = align(rest, network)
            after = move.apply(network)
            if _gain(rest, network, after, counted) > ROUNDING:
                aligned[index], moved = after, True
                permutations[index] = permutations[index].then(move)
        spreads.append(spread(aligned, counted))
        if not moved:
            break
    return CommonFrame(tuple(permutations), tuple(spreads), settled=not moved)


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


def cycle_displacement(maps: Callable[[int, int], Permutation], count: int) -> int:
    """Return the most units that leave their place on any cycle i -> j -> i or i -> j -> k -> i.

    Where it is 0 the maps are cycle consistent: longer cycles are put together from these.

    Args:
        maps: ``maps(i, j)`` brings network i's units into the order of network j's.
        count: how many networks there are.
    """
    path = {pair: maps(*pair) for pair in permutations(range(count), 2)}
    cycles = [
        path[i, j].then(back)
        for i, j in path
        if i < j
        for back in (
            path[j, i],
            # from its first network only: begun at another, as many units of a cycle move
            *(path[j, k].then(path[k, i]) for k in range(i + 1, count) if k != j),
        )
    ]
    return max((sum(map(cycle.moved, cycle.moves)) for cycle in cycles), default=0)


def _mean(networks: Sequence[Weights]) -> Weights:
    """Return the mean of networks, summed in float64; integer buffers are the first's."""
    first, *others = networks
    mean = dict(first)
    for name, tensor in first.items():
        if tensor.is_floating_point():
            total = sum((network[name].double() for network in others), tensor.double())
            mean[name] = (total / len(networks)).to(tensor.dtype)
    return mean


def _gain(rest: Weights, before: Weights, after: Weights, counted: Collection[str]) -> float:
    """Return how much closer a network comes to the mean of the others by a move.

    Its own norm stays, so this is the rise of its inner product with that mean; as a share of
    the greatest inner product that the two norms allow.
    """
    rise, norm, mean_norm = 0.0, 0.0, 0.0
    for name in counted:
        mean, old = rest[name].double(), before[name].double()
        rise += float((mean * (after[name].double() - old)).sum())
        norm += float(old.square().sum())
        mean_norm += float(mean.square().sum())
    return rise / ((norm * mean_norm) ** 0.5 or 1.0)
