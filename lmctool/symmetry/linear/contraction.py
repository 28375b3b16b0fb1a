"""Sums of products: what one operand has as M on units that are summed, the other has as M^-T."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.graph.operations import operation
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.candidate import UNITS, Leg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor, fx

    from lmctool.symmetry.linear.flow import Legs

APART = "its units lie apart along an axis that is summed over"


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """An operand of a sum of products.

    Attributes:
        letters: a letter for each of its dimensions, the same where two are multiplied.
        legs: the units in it.
        size: its size.
        is_active: whether it depends on the inputs.
    """

    letters: str
    legs: Legs
    size: tuple[int, ...]
    is_active: bool

    def spread(self, sizes: Mapping[str, int]) -> Iterator[_Spread]:
        """Give each leg with its labels over all letters there are."""
        order = [letter for letter in sizes if letter in self.letters]
        places = [self.letters.index(letter) for letter in order]
        own = [sizes[letter] for letter in self.letters]
        for leg in self.legs:
            labels = leg.labels.expand(own).permute(places)
            for place, letter in enumerate(sizes):
                if letter not in order:
                    labels = labels.unsqueeze(place)
            yield _Spread(self, leg, labels.expand([*sizes.values()]))


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """A leg of a factor, with its labels over all letters of a product."""

    factor: Factor
    leg: Leg
    labels: Tensor

    def lies_along(self, places: Sequence[int]) -> bool:
        """Tell whether the units differ along one of some letters."""
        (labels,) = structure.compact(self.labels)
        return any(structure.varies(labels % UNITS, place) for place in places)


def contract(node: fx.Node, factors: Sequence[Factor], out: str) -> Legs:
    """Return the units in a sum of products over all letters that the result lacks."""
    sizes: dict[str, int] = {}
    for factor in factors:
        for letter, size in zip(factor.letters, factor.size, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    summed = [place for place, letter in enumerate(sizes) if letter not in out]
    kept = [[*sizes].index(letter) for letter in out]
    spread = [each for factor in factors for each in factor.spread(sizes)]
    made: list[Leg] = []
    done: set[Leg] = set()
    for each in spread:
        group = each.leg.group
        if not each.lies_along(summed):
            if any(_meet(each, other, kept) for other in spread):
                group.block(f"{operation(node)} multiplies its units one by one ({node.name})")
            labels = group.merged(each.labels, summed)
            if labels is None:
                group.block(APART)
            else:
                labels = labels.permute(*kept, *summed).flatten(len(kept)).squeeze(-1)
                made.append(Leg(group, labels, each.leg.is_centred))
        elif each.leg not in done:
            partner = _partner(each, [other for other in spread if other.leg not in done], summed)
            if partner is None:
                group.block(f"{operation(node)} mixes its units in a fixed way ({node.name})")
            else:
                done |= {each.leg, partner.leg}
                _note_readers(each, partner)
    return tuple(leg for leg in made if not leg.group.blocked)


def _meet(first: _Spread, second: _Spread, kept: Sequence[int]) -> bool:
    """Tell whether units of two factors are multiplied with each other and not summed."""
    others = second.factor is not first.factor and second.leg.group is first.leg.group
    return others and any(first.lies_along([p]) and second.lies_along([p]) for p in kept)


def _partner(first: _Spread, spread: Sequence[_Spread], summed: Sequence[int]) -> _Spread | None:
    """Find the units that each unit of a leg is multiplied with, and note how both are turned."""
    group = first.leg.group
    for second in spread:
        others = second.factor is not first.factor and second.leg.group is group
        if not others or not second.lies_along(summed):
            continue
        places = range(first.labels.ndim)
        rest = [p for p in places if not first.lies_along([p]) and not second.lies_along([p])]
        mine, theirs = (group.merged(each.labels, rest) for each in (first, second))
        if mine is not None and theirs is not None and group.join(mine, theirs, -1):
            return second
    return None


def _note_readers(first: _Spread, second: _Spread) -> None:
    """Note which of two operands is a weight that reads the units, or else which comes first."""
    group = first.leg.group
    for value, other in ((first, second), (second, first)):
        if value.factor.is_active:
            group.is_raw |= not value.leg.is_centred
        elif other.factor.is_active:
            group.readers.append(_slot(value.leg))
    if first.factor.is_active == second.factor.is_active:
        group.sides.append(_slot(first.leg))


def _slot(leg: Leg) -> int:
    return int(leg.labels.max()) // UNITS
