"""Matching family after family until none moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool_plugins.aligners.procrustes.families import families
from lmctool_plugins.aligners.procrustes.likeness import head_cosines, unit_cosines
from lmctool_plugins.aligners.procrustes.maps import nearest, orthogonal, scales
from lmctool_plugins.aligners.procrustes.products import products

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor

    from lmctool.api import LinearSpec, LinearTransform
    from lmctool.api.advanced import CrossMoments, LinearGroup, Tap
    from lmctool_plugins.aligners.procrustes.families import Family

SWEEPS = 10
"""Sweeps over all families after which descent ends even if something still moves."""
STILL = 1e-9
"""How much the numbers of a map may change where it stays."""
LEAST = 1e-300
"""What is divided by is no less: 0 over 0 stays 0."""


@dataclass(eq=False)
class Descent:
    """Matches family after family while all others stay.

    Attributes:
        spec: what may be changed.
        a: the tensors of A that count.
        b: those of B.
        moments: what activations show at the taps of groups; nothing where weights alone count.
        rigid: whether invertible maps are to be orthogonal, and rotations to scale nothing.
        moves: the permutation of each group so far.
        maps: the map of each linear group so far.
        known: the families that were settled, in their order.
    """

    spec: LinearSpec
    a: Mapping[str, Tensor]
    b: Mapping[str, Tensor]
    moments: Mapping[Tap, CrossMoments]
    rigid: bool
    moves: dict[str, Tensor] = field(default_factory=dict)
    maps: dict[str, Tensor] = field(default_factory=dict)
    known: list[Family] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the families."""
        self._families = families(self.spec)

    def transform(self, leaving: Collection[str] = ()) -> LinearTransform:
        """Return what was found so far, but for some groups."""
        from lmctool.api import LinearTransform, Permutation

        moves = {name: move for name, move in self.moves.items() if name not in leaving}
        maps = {name: each for name, each in self.maps.items() if name not in leaving}
        return LinearTransform(self.spec, Permutation(self.spec.permutations, moves), maps)

    def go(self) -> int:
        """Settle all families, then each again until none moves; return how many sweeps it took.

        In the first sweep that of the greatest share of weights is next whose other units are in
        order already: inputs and outputs stay, and so tell the units beside them apart.
        """
        left = dict.fromkeys(self._families)
        while left:
            family = max(left, key=self._share)
            del left[family]
            self.known.append(family)
            self.settle(family)
        for sweep in range(2, SWEEPS + 1):
            before = self.transform()
            for family in self.known:
                self.settle(family)
            if self._stays(before):
                return sweep
        return SWEEPS

    def settle(self, family: Family) -> None:
        """Pair the units of a family and find its maps, by all that lies beside known families."""
        from lmctool.api import Permutation, match

        others = self.transform((*family.permuted, *family.mapped)).apply_lazily(self.b)
        b = {name: others[name] for name in family.tensors if self._is_settled(name, family)}
        moves = match(self.spec.permutations, self._similarities(family, b))
        self.moves |= moves
        moved = Permutation(self.spec.permutations, moves).apply(b)
        for name in family.mapped:
            found = self._map(self.spec.groups[name], moved)
            if found is not None:
                self.maps[name] = found.cpu()

    def _similarities(self, family: Family, b: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return how alike units are: cosines of weights, and correlations of activations."""
        terms: dict[str, list[Tensor | None]] = {name: [] for name in family.permuted}
        for name in family.permuted:
            lying = [place for place in family.places(name) if place[0] in b]
            terms[name].append(unit_cosines(lying, self.a, b))
            taps = [t for t in self.spec.permutations.taps.get(name, ()) if t in self.moments]
            terms[name] += [self.moments[tap].correlation().double() / len(taps) for tap in taps]
        for group in family.heads:
            finest, finer = family.finest(group)
            here = [place for place in group.places if place.tensor in b]
            terms[finest].append(head_cosines(group, here, self.a, b, finer))
        present = {name: [t for t in each if t is not None] for name, each in terms.items()}
        return {name: sum(each[1:], each[0]) for name, each in present.items() if each}

    def _map(self, group: LinearGroup, b: Mapping[str, Tensor]) -> Tensor | None:
        """Return the map of a group that brings B nearest to A; None where nothing tells."""
        here = [place for place in group.places if place.tensor in b]
        if group.kind == "scale":
            return scales(group, here, self.a, b)
        weights = products(group, here, self.a, b) if here else None
        shown = [correlated(self.moments[tap]) for tap in group.taps if tap in self.moments]
        if not shown:
            return nearest(group, weights, rigid=self.rigid) if weights else None
        total = normed(sum(shown[1:], shown[0]))[None]
        if weights:
            total = total + normed(weights.total)
        return orthogonal(total, keeps_ones=group.keeps_ones)

    def _share(self, family: Family) -> float:
        """Return which share of the numbers of a family lies beside known families alone."""
        sizes = {name: self.a[name].numel() for name in family.tensors if name in self.a}
        known = sum(size for name, size in sizes.items() if self._is_settled(name, family))
        return known / (sum(sizes.values()) or 1)

    def _is_settled(self, name: str, family: Family) -> bool:
        """Tell whether a tensor counts, and all families in it but one are known."""
        holding = (each for each in self._families if name in each.tensors)
        return name in self.a and all(each is family or each in self.known for each in holding)

    def _stays(self, before: LinearTransform) -> bool:
        """Tell whether nothing moved since."""
        import torch

        moves, maps = before.permutation.moves, before.maps
        return all(torch.equal(move, moves[name]) for name, move in self.moves.items()) and all(
            torch.allclose(each, maps[name], STILL, STILL) for name, each in self.maps.items()
        )


def correlated(moments: CrossMoments) -> Tensor:
    """Return (unit of A, unit of B): covariances as shares of the whole spread of both networks."""
    spread = moments.variance_a.double().sum() * moments.variance_b.double().sum()
    return moments.covariance.double() / spread.sqrt().clamp_min(LEAST)


def normed(matrices: Tensor) -> Tensor:
    """Return matrices over their norm."""
    found: Tensor = matrices / matrices.norm().clamp_min(LEAST)
    return found
