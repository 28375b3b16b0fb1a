"""How alike the units of A and of permuted B are by their weights, kept true as B moves."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from lmctool.api import match
from lmctool.api.advanced import origins

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from torch import Tensor

    from lmctool.api import Permutation, PermutationSpec, Weights
    from lmctool.api.advanced import UnitIndex

Family = tuple[str, ...]
"""Groups that are matched together: a plain one, or an outer one and its inner ones."""
MOST = 1 << 24
"""Numbers in the matrices of all groups for which they are kept."""


class Likeness:
    """The inner products of units of A and of permuted B, group by group.

    With pi the present permutation, and the sum over the tensors that are counted for group g,

        S_g[i, j] = sum_T  <A_T at unit i of g, pi(B)_T at unit j of g>

    so that the trace of S_g is what these tensors add to <A, pi(B)>.  When another group moves,
    only the products with what moved are added.  Where the matrices of all groups have more than
    ``MOST`` numbers none is kept: that of a group is computed anew whenever it is looked at.
    So beside the two networks, which may pass, this holds them or one of them, and a few copies
    of one tensor at a time.

    Attributes:
        spec: what may be permuted.
        permutation: pi.
        families: the groups, as they are matched together.
        keeps: whether the matrices are kept.
        similarity: those that are, for each group (unit of A, unit of pi(B)), in the dtype of the
            weights.
    """

    def __init__(self, spec: PermutationSpec, a: Weights, b: Weights, start: Permutation) -> None:
        """Begin with no tensor counted.

        Args:
            spec: what may be permuted.
            a: the first network's tensors that take part.
            b: the second's.
            start: the permutation of B to begin with.
        """
        self.spec, self.permutation = spec, start
        self.a, self.b = a, b
        self.families = [(g, *spec.inner(g)) for g in spec.groups if g not in spec.per]
        self.places = {name: indices for name, indices in _places(spec).items() if name in a}
        self.keeps = sum(spec.units(group) ** 2 for group in spec.groups) <= MOST
        self.similarity: dict[str, Tensor] = {}
        self._family = {group: family for family in self.families for group in family}
        self._counted: set[tuple[str, str]] = set()
        norms = numbers(a[name].norm() for name in self.places)
        self._norms = {name: norm**2 for name, norm in zip(self.places, norms, strict=True)}

    def copy(self) -> Likeness:
        """Return another one of the same units, which may move by themselves."""
        other = copy(self)
        other.similarity = {group: each.clone() for group, each in self.similarity.items()}
        other._counted = set(self._counted)
        return other

    def include(self, known: Collection[str]) -> None:
        """Count each tensor for each of its groups beside which only known groups lie.

        Args:
            known: the groups of B that are in their order; that of others is taken to be unknown.
        """
        for name, indices in self.places.items():
            new = [group for group in indices if self._ready(name, group, known)]
            if new and self.keeps:
                self._add_all(name, new, self.similarity)
            self._counted |= {(name, group) for group in new}

    def _ready(self, name: str, group: str, known: Collection[str]) -> bool:
        family = self._family[group]
        itself = self._quadratic(name, family)
        beside = {g for g in self.places[name] if itself or g not in family}
        return (name, group) not in self._counted and beside <= set(known)

    def share(self, family: Family) -> float:
        """Return how much of the squared norm of the tensors that hold a family is counted."""
        norms = {name: self._norms[name] for name in self._holding(family)}
        counted = {name for name, group in self._counted if group in family}
        return sum(norms[name] for name in norms if name in counted) / (sum(norms.values()) or 1.0)

    def similarities(self, family: Family) -> dict[str, Tensor]:
        """Return (unit of A, unit of pi(B)) of each group of a family of which something counts."""
        if self.keeps:
            return {g: self.similarity[g] for g in family if g in self.similarity}
        found: dict[str, Tensor] = {}
        for name in self._holding(family):
            self._add_all(name, [g for g in family if (name, g) in self._counted], found)
        return found

    def best(self, family: Family) -> Permutation | None:
        """Return the move of pi(B) that serves a family best while all others stay, if any does.

        A move must raise <A, pi(B)> by more than rounding explains.
        """
        import torch

        from lmctool.api import Permutation

        similarities = self.similarities(family)
        moves = match(self.spec, similarities)
        move = Permutation(self.spec, moves)
        gain, slack = 0.0, 0.0
        for group, similarity in similarities.items():
            rows = torch.arange(len(similarity))
            picked = similarity[rows, origins(self.spec, moves, group)].sum(dtype=torch.float64)
            raised = picked - similarity.diagonal().sum(dtype=torch.float64)
            here, least, most = numbers([raised, *similarity.aminmax()])
            gain += here
            greatest = max(abs(least), abs(most))
            slack += 8 * torch.finfo(similarity.dtype).eps * greatest * len(similarity)
        if any(self._quadratic(name, family) for name in self._holding(family)):
            gain = self._gain(family, move)
        return move if gain > slack else None

    def _gain(self, family: Family, move: Permutation) -> float:
        """Return by how much a move of a family raises <A, pi(B)>, from the tensors themselves."""
        after = self.permutation.then(move)
        return sum(
            numbers(
                (self.a[name] * (self._permuted(name, after) - before)).double().sum()
                for name in self._holding(family)
                for before in [self._permuted(name, self.permutation)]
            )
        )

    def move(self, family: Family, move: Permutation) -> None:
        """Move units of a family in pi(B), and bring all that depends on it up to date."""
        before, self.permutation = self.permutation, self.permutation.then(move)
        if not self.keeps:
            return
        own = [
            pair
            for pair in sorted(self._counted)
            if pair[1] in family and self._quadratic(pair[0], family)
        ]
        for name, group in own:  # no mere reordering of columns
            self._change(name, group, -self._permuted(name, before))
        for group in family:
            if group in self.similarity:
                order = origins(self.spec, move.moves, group).to(self.similarity[group].device)
                self.similarity[group] = self.similarity[group].index_select(1, order)
        for name, group in own:
            self._change(name, group, self._permuted(name, self.permutation))
        for name in self._holding(family):
            beside = [
                g for g in self.places[name] if g not in family and (name, g) in self._counted
            ]
            if beside:
                change = self._permuted(name, self.permutation) - self._permuted(name, before)
                for group in beside:
                    self._change(name, group, change, sparse=True)

    def _add_all(self, name: str, groups: Sequence[str], to: dict[str, Tensor]) -> None:
        """Add the products of a tensor's units in several groups to the matrices of these."""
        if groups:
            mine, permuted = self.a[name], self._permuted(name, self.permutation)
            for group in groups:
                size = self.spec.units(group)
                similarity = to.setdefault(group, mine.new_zeros(size, size))
                self._add(similarity, self.places[name][group], mine, permuted)

    def _change(self, name: str, group: str, value: Tensor, *, sparse: bool = False) -> None:
        """Add the products of a tensor's units with those of a value to a matrix that is kept."""
        similarity, places = self.similarity[group], self.places[name][group]
        self._add(similarity, places, self.a[name], value, sparse=sparse)

    def _add(
        self,
        similarity: Tensor,
        places: Iterable[UnitIndex],
        tensor: Tensor,
        value: Tensor,
        *,
        sparse: bool = False,
    ) -> None:
        """Add the products of units of A's tensor with those of a value, ``sparse`` if mostly 0."""
        for place in places:
            mine, theirs = place.units(tensor), place.units(value)
            if sparse:
                columns = theirs.any(0).nonzero().flatten()
                mine, theirs = mine[:, columns], theirs[:, columns]
            similarity.addmm_(mine, theirs.T)

    def _permuted(self, name: str, permutation: Permutation) -> Tensor:
        """Return a tensor of B, permuted."""
        families = dict.fromkeys(self._family[group] for group in self.places[name])
        moving = [g for family in families for g in family if permutation.moved(g)]
        return permutation.permute(self.b[name], self.spec.tensors[name], moving)

    def beside(self, family: Family) -> set[Family]:
        """Return the families whose similarities change when one moves."""
        return {
            self._family[group]
            for name in self._holding(family)
            for group in self.places[name]
            if group not in family or self._quadratic(name, family)
        }

    def _holding(self, family: Family) -> Iterator[str]:
        """Yield the tensors that hold units of a family."""
        return (
            name for name, indices in self.places.items() if not indices.keys().isdisjoint(family)
        )

    def _quadratic(self, name: str, family: Family) -> bool:
        """Whether a family lies along several axes of a tensor, whose products are quadratic."""
        indices = self.places[name]
        return len({place.axes for group in family for place in indices.get(group, ())}) > 1


def numbers(values: Iterable[Tensor]) -> list[float]:
    """Return the numbers that values without axes hold; a GPU is waited for once for all."""
    import torch

    doubles = [value.double() for value in values]
    found: list[float] = torch.stack(doubles).cpu().tolist() if doubles else []
    return found


def _places(spec: PermutationSpec) -> dict[str, dict[str, list[UnitIndex]]]:
    """Return tensor -> group -> where its units lie; of an outer group what no inner one shows."""
    by_tensor: dict[str, dict[str, list[UnitIndex]]] = {}
    for group in sorted(spec.groups, key=spec.per.__contains__, reverse=True):  # inner ones first
        for name, place in spec.uses(group):
            indices = by_tensor.setdefault(name, {})
            inner = [other for name in spec.inner(group) for other in indices.get(name, ())]
            if not any(_shows(other, place) for other in inner):
                indices.setdefault(group, []).append(place)
    return {name: indices for name, indices in by_tensor.items() if indices}


def _shows(inner: UnitIndex, outer: UnitIndex) -> bool:
    """Whether a place of an inner group shows all units at a place of its outer group."""
    import torch

    along = inner.axes == outer.axes
    return (along and bool(torch.isin(outer.positions, inner.positions).all())) or (
        len(inner.axes) > 1 and inner.axes[0] == outer.axes[0]
    )
