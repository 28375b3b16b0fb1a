"""How alike units and heads of A and of B are by their weights, whatever scales and maps act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool_plugins.aligners.procrustes.maps import plane_products
from lmctool_plugins.aligners.procrustes.products import add, matrices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from lmctool.api.advanced import LinearGroup, Place, UnitIndex


def unit_cosines(
    places: Iterable[tuple[str, UnitIndex, int]], a: Mapping[str, Tensor], b: Mapping[str, Tensor]
) -> Tensor | None:
    """Return (unit of A, unit of B): the cosines of all numbers of two units; None of no place.

    What the scale of a unit multiplies by another power is compared by itself, and the cosines of
    all powers are averaged.

    Args:
        places: tensors, where in them, and the power of the units' scale there.
        a: the first network.
        b: the second.
    """
    cross: dict[int, Tensor] = {}
    of_a: dict[int, Tensor] = {}
    of_b: dict[int, Tensor] = {}
    for name, index, power in places:
        mine, theirs = (index.units(weights[name].double()) for weights in (a, b))
        add(cross, power, mine @ theirs.T)
        add(of_a, power, mine.square().sum(1))
        add(of_b, power, theirs.square().sum(1))
    if not cross:
        return None
    cosines = [cosine(cross[power], of_a[power], of_b[power]) for power in cross]
    return sum(cosines[1:], cosines[0]) / len(cosines)


def cosine(cross: Tensor, of_a: Tensor, of_b: Tensor) -> Tensor:
    """Return (unit of A, unit of B): products over both norms, 0 where one is 0.

    Args:
        cross: (unit of A, unit of B).
        of_a: (unit of A,) squared norms.
        of_b: (unit of B,).
    """
    import torch

    norms = torch.outer(of_a.sqrt(), of_b.sqrt())
    return torch.where(norms > 0, cross / norms, 0)


def head_cosines(
    group: LinearGroup,
    places: Iterable[Place],
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    finer: Mapping[Place, UnitIndex],
) -> Tensor | None:
    """Return (outer unit of A, outer unit of B): the cosines of what no map of a group changes.

    Of a head whose units are written by W and read by R that is W'R; the inner product of two of
    them is the sum of the products of the numbers of W_A W_B' and R_A R_B'.  None of no place.

    Args:
        group: the linear group.
        places: those of its places that count.
        a: the first network.
        b: the second.
        finer: where finer units lie, into which the outer ones are split; they are compared then.
    """
    cross: dict[int, Tensor] = {}
    of_a: dict[int, Tensor] = {}
    of_b: dict[int, Tensor] = {}
    count = max([len(index.positions) for index in finer.values()], default=group.count)
    for place in places:
        mine, theirs = (
            matrices(group, place, weights[place.tensor], finer.get(place)) for weights in (a, b)
        )
        copies = count // len(mine)
        mine, theirs = (each.repeat_interleave(copies, 0) for each in (mine, theirs))
        add(cross, place.power, _pairs(mine, theirs))
        add(of_a, place.power, mine @ mine.mT)
        add(of_b, place.power, theirs @ theirs.mT)
    if not cross:
        return None
    powers = (min(cross), max(cross))  # what is written alone, or read alone, meets itself
    met = (_met(group, *(sums[power] for power in powers)) for sums in (cross, of_a, of_b))
    return cosine(*met)


def _pairs(a: Tensor, b: Tensor) -> Tensor:
    """Return (outer unit of A, outer unit of B, unit, unit): products of all units."""
    (count, size, _), products = a.shape, a.flatten(0, 1) @ b.flatten(0, 1).T
    return products.view(count, size, count, size).transpose(1, 2)


def _met(group: LinearGroup, reads: Tensor, writes: Tensor) -> Tensor:
    """Return (...,): the inner product of what heads make of what they write and read."""
    if group.planes is None:
        return (writes * reads).sum((-2, -1))
    written, read = (plane_products(each, group.planes) for each in (writes, reads))
    return (written * read.conj()).real.sum(-1)
