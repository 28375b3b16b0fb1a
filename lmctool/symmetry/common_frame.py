"""One frame for the units of many networks, and the check of its cycle consistency.

Each network i has a transform P_i into the frame, so that the way from i to j is P_i and then the
inverse of P_j.  That is cycle consistent: going around any cycle changes nothing.  Pairwise
alignments aren't (Crisostomi et al. 2024, arXiv:2405.17897).  The frame is found as MergeMany finds
it (Ainsworth et al. 2022, arXiv:2209.04836, Algorithm 3): each network in turn is aligned with the
mean of the others, here in the order given, from networks that are aligned with the first.  Where
the aligner finds orthogonal maps that is generalised Procrustes analysis (Gower 1975).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import permutations

from lmctool.symmetry.linear.transform import LinearTransform, identity_map, permutation_part
from lmctool.symmetry.transform import Transform
from lmctool.weights.arithmetic import Weights

Align = Callable[[Weights, Weights], Transform]
SWEEPS = 20
"""Sweeps over all networks after which the search ends even if units still move."""
ROUNDING = 1e-10
"""What a move must gain, as a share of the greatest inner product there could be."""
STAYS = 1e-6
"""How far a map may take a unit that is said to stay, relative to its numbers."""


@dataclass(frozen=True, slots=True)
class CommonFrame:
    """A common frame of the units of many networks.

    Attributes:
        transforms: P_i of each network, into the frame.
        spreads: the sum of the networks' squared distances to their mean: as they are, aligned
            with the first, and after each sweep.
        settled: whether the last sweep changed nothing; true where none was asked for.
    """

    transforms: tuple[Transform, ...]
    spreads: tuple[float, ...]
    settled: bool

    def between(self, source: int, target: int) -> Transform:
        """Return the transform that brings one network's units into the frame of another's."""
        return self.transforms[source].then(self.transforms[target].inverse())


def common_frame(
    networks: Sequence[Weights],
    align: Align,
    counted: Collection[str],
    sweeps: int = SWEEPS,
    pairwise: Sequence[Transform] = (),
) -> CommonFrame:
    """Return a common frame of networks.

    A move is kept only where it lowers the sum of squared distances to the mean by more than
    rounding explains, whatever the aligner goes by; so the sum never rises, and the search ends.

    Args:
        networks: two or more, on one device.
        align: ``align(a, b)`` returns the transform that brings B into the frame of A, of the
            same kind each time.
        counted: the floating tensors that the spread is over.
        sweeps: at most so many; without any the frame is that of the first network.
        pairwise: the transform that brings each of the others into the frame of the first, where
            they were found before.
    """
    first, *others = networks
    pairwise = pairwise or [align(first, other) for other in others]
    transforms = [pairwise[0].identity(), *pairwise]
    pairs = zip(transforms, networks, strict=True)
    aligned: list[Weights] = [transform.apply(network) for transform, network in pairs]
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
                transforms[index] = transforms[index].then(move)
        spreads.append(spread(aligned, counted))
        if not moved:
            break
    return CommonFrame(tuple(transforms), tuple(spreads), settled=not moved)


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


def cycle_displacement(maps: Callable[[int, int], Transform], count: int) -> int:
    """Return the most units that leave their place on any cycle i -> j -> i or i -> j -> k -> i.

    Where it is 0 the maps are cycle consistent: longer cycles are put together from these.

    Args:
        maps: ``maps(i, j)`` brings network i's units into the frame of network j's.
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
    return max(map(displaced, cycles), default=0)


def displaced(transform: Transform) -> int:
    """Return how many units are permuted, and how many more a map takes elsewhere."""
    permutation = permutation_part(transform)
    moved = sum(map(permutation.moved, permutation.moves))
    if not isinstance(transform, LinearTransform):
        return moved
    for name, matrices in transform.maps.items():
        group = transform.spec.groups[name]
        change = (matrices - identity_map(group)).abs().reshape(group.count, group.size, -1)
        turned = int((change.amax(-1) > STAYS * matrices.abs().max()).sum())
        moved += max(0, turned - permutation.moved(group.units))
    return moved


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

    By half the squared distance, as a share of the greatest inner product that the two norms
    allow.  Of a permutation that is the rise of its inner product with that mean.
    """
    rise, norm, mean_norm = 0.0, 0.0, 0.0
    for name in counted:
        mean, old, new = (each[name].double() for each in (rest, before, after))
        squares = float(old.square().sum())
        rise += float((mean * (new - old)).sum()) - (float(new.square().sum()) - squares) / 2
        norm += squares
        mean_norm += float(mean.square().sum())
    return rise / ((norm * mean_norm) ** 0.5 or 1.0)
