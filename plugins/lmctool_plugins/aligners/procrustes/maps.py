"""The map of a linear group that brings B's units nearest to A's, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool_plugins.aligners.procrustes.products import add

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from lmctool.api.advanced import LinearGroup, Place
    from lmctool_plugins.aligners.procrustes.products import Products

FLOOR = 1e-14
"""What is added to the squared norms of a head's units, as a share of them, so that none is 0."""


def nearest(group: LinearGroup, products: Products, *, rigid: bool) -> Tensor:
    """Return the map of a group, (outer unit, unit, unit) float64, for products of its units.

    Args:
        group: the group, of matrices.
        products: of A's units with B's, under each outer unit.
        rigid: whether an invertible map is to be orthogonal, and a rotation to scale nothing.
    """
    if group.planes is not None:
        return rotated(products, group.planes, rigid=rigid)
    if group.kind == "orthogonal" or rigid or len(products.cross) < 2:
        return orthogonal(products.total, keeps_ones=group.keeps_ones)
    return invertible(products)


def orthogonal(products: Tensor, *, keeps_ones: bool = False) -> Tensor:
    """Return the orthogonal matrices Q of the greatest tr(Q'S) (Schönemann 1966).

    With S = X_A X_B' that is the least ||X_A - Q X_B||.

    Args:
        products: (outer unit, unit of A, unit of B): S.
        keeps_ones: whether Q is to keep the vector of ones.
    """
    import torch

    from lmctool.api.advanced import across_ones

    if keeps_ones:
        size = products.shape[-1]
        basis = across_ones(size).to(products)
        return basis @ orthogonal(basis.T @ products @ basis) @ basis.T + 1 / size
    left, _, right = torch.linalg.svd(products)
    found: Tensor = left @ right
    return found


def invertible(products: Products) -> Tensor:
    """Return the invertible matrices M by which B is nearest to A once both are balanced.

    A head is balanced where what writes its units and what reads them have the same products,
    W W' = R R'.  A symmetric map G balances it, and all that do differ by an orthogonal one after
    it.  So M = G_A^-1 Q G_B with the orthogonal Q of the balanced heads, which is exact where B is
    A under any invertible map.

    Args:
        products: of A's units with B's, under each outer unit, written and read.
    """
    import torch

    frame_a, frame_b = balance(products.of_a), balance(products.of_b)
    back_a, back_b = torch.linalg.inv(frame_a), torch.linalg.inv(frame_b)
    balanced = frame_a @ products.cross[1] @ frame_b + back_a @ products.cross[-1] @ back_b
    found: Tensor = back_a @ orthogonal(balanced) @ frame_b
    return found


def balance(squares: Mapping[int, Tensor]) -> Tensor:
    """Return (outer unit, unit, unit): the symmetric G with G W W' G = G^-1 R R' G^-1.

    G G is the geometric mean of the inverse of W W' and R R'.

    Args:
        squares: (outer unit, unit, unit): W W' of power 1, and R R' of power -1.
    """
    import torch

    writes, reads = squares[1], squares[-1]
    weight = (writes + reads).diagonal(dim1=-2, dim2=-1).mean(-1)
    least = FLOOR * torch.where(weight > 0, weight, 1)
    floor = least[:, None, None] * torch.eye(writes.shape[-1]).to(writes)
    writes, reads = writes + floor, reads + floor
    half, inverse = power(writes, 0.5), power(writes, -0.5)
    return power(inverse @ power(half @ reads @ half, 0.5) @ inverse, 0.5)


def power(matrices: Tensor, exponent: float) -> Tensor:
    """Return a power of symmetric matrices with positive eigenvalues, (..., unit, unit)."""
    import torch

    values, vectors = torch.linalg.eigh(matrices)
    least = values[..., -1:] * torch.finfo(values.dtype).eps  # rounding may leave one below 0
    found: Tensor = (vectors * values.maximum(least)[..., None, :] ** exponent) @ vectors.mT
    return found


def rotated(products: Products, planes: Tensor, *, rigid: bool) -> Tensor:
    """Return the rotation and scale of each plane by complex least squares.

    The units of a plane are a complex number z.  What writes it is multiplied by r e^it, what
    reads it by e^it / r.  The scale r makes both as large as A's, as far as one number can; with
    it t is the angle of the sum of z_A conj(z_B).

    Args:
        products: of A's units with B's, under each outer unit.
        planes: (plane, 2) the units of each plane.
        rigid: whether r is 1.
    """
    import torch

    from lmctool.api.advanced import rotations

    sides = (products.of_a, products.of_b)
    of_a, of_b = ({p: plane_products(s, planes).real for p, s in side.items()} for side in sides)
    scale = torch.ones_like(next(iter(of_a.values()))) if rigid else growth(of_a, of_b)
    parts = [plane_products(each, planes) * scale**p for p, each in products.cross.items()]
    angle = sum(parts[1:], parts[0]).angle()
    return rotations(scale * angle.cos(), scale * angle.sin(), planes)


def plane_products(products: Tensor, planes: Tensor) -> Tensor:
    """Return (..., plane) complex: the sums of z_A conj(z_B).

    Args:
        products: (..., unit of A, unit of B).
        planes: (plane, 2) the units of each plane, whose first is the real part of z.
    """
    import torch

    first, second = planes.T
    real = products[..., first, first] + products[..., second, second]
    return torch.complex(real, products[..., second, first] - products[..., first, second])


def scales(
    group: LinearGroup, places: Iterable[Place], a: Mapping[str, Tensor], b: Mapping[str, Tensor]
) -> Tensor | None:
    """Return (outer unit, unit) the scales that make each unit's weights as large as A's.

    Args:
        group: the group of scales.
        places: those of its places that count.
        a: the first network.
        b: the second.
    """
    of_a: dict[int, Tensor] = {}
    of_b: dict[int, Tensor] = {}
    for place in places:
        for sums, weights in ((of_a, a), (of_b, b)):
            units = place.index.units(weights[place.tensor].double())
            add(sums, place.power, units.square().sum(1).view(group.shape))
    return growth(of_a, of_b) if of_a else None


def growth(of_a: Mapping[int, Tensor], of_b: Mapping[int, Tensor]) -> Tensor:
    """Return the scales by which B's numbers become as large as A's, 1 where some are 0.

    What a scale s multiplies by s^p has norms n_p: log s is the least-squares solution of
    p log s = log n_p(A) - log n_p(B) over all powers p.

    Args:
        of_a: squared norms by power.
        of_b: those of B.
    """
    import torch

    logs = [p * (of_a[p].log() - of_b[p].log()) / 2 for p in of_a]
    log = sum(logs[1:], logs[0]) / sum(p * p for p in of_a)
    return torch.where(log.isfinite(), log, 0).exp()
