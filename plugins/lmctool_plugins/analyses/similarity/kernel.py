"""HSIC, CKA, correlations and the Procrustes distance, from sums over examples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST = 4
"""Examples that the unbiased HSIC needs."""
AT_ONCE = 1 << 14
"""Samples whose products are summed in the dtype of the values, before float64."""


def wide(values: Tensor) -> Tensor:
    """Return values that can be summed: those of 16 bits as float32."""
    return values.float() if values.dtype.itemsize < 4 else values


def origin(values: Tensor) -> Tensor:
    """Return the mean over examples or samples; exactly their value where all are the same.

    Args:
        values: (sample, unit).
    """
    return values[0] + (values - values[0]).mean(0)


def gram(features: Tensor) -> Tensor:
    """Return the U-centred Gram matrix of features, (example, example) float64.

    Székely and Rizzo 2014 (arXiv:1310.2926, definition 2.2): off the diagonal the inner products
    less the sums of their row and column over n - 2, plus the sum of all over (n - 1)(n - 2); on
    it 0.  Of two such matrices the mean of their products, over n (n - 3), is the unbiased HSIC.
    It does not see a shift of the features, which are centred for the sake of rounding.

    Args:
        features: (example, feature) of four examples or more.
    """
    values = wide(features) - origin(wide(features))
    products = (values @ values.T).double().fill_diagonal_(0)
    count = len(products)
    rows = products.sum(0) / (count - 2)
    whole = rows.sum() / (count - 1)
    return (products - rows - rows[:, None] + whole).fill_diagonal_(0)


def hsic(first: Tensor, second: Tensor) -> Tensor:
    """Return the unbiased HSIC of each pair of layers, (layer, other) float64.

    Song et al. 2012; Nguyen, Raghu and Kornblith 2021, equation 3.

    Args:
        first: (layer, example, example) U-centred Gram matrices.
        second: (other, example, example) likewise, of the same examples.
    """
    count = first.shape[-1]
    return first.flatten(1) @ second.flatten(1).T / (count * (count - 3))


def augmented(layers: Sequence[Tensor]) -> Tensor:
    """Return (example, column): all features, the squared norm of each layer's, and a one.

    The sum over examples of products of these columns with those of another network is all that
    the HSIC of all examples needs.

    Args:
        layers: (example, feature) of each layer.
    """
    norms = [values.square().sum(1, keepdim=True) for values in layers]
    return torch.cat([*layers, *norms, torch.ones_like(norms[0])], dim=1)


def whole_hsic(products: Tensor, first: Sequence[int], second: Sequence[int]) -> Tensor:
    """Return the unbiased HSIC of all examples for each pair of layers, (layer, other) float64.

    With C = X'Y, s and t the sums of x and y over examples, and r and q their squared norms,

        tr(K~ L~) = |C|_F^2 - sum r q          1'K~1 = s's - sum r
        1'K~L~1   = s'Ct - s' sum x q - t' sum y r + sum r q

    so that no matrix of pairs of examples is needed, and batches matter to rounding alone.

    Args:
        products: (column, column) float64 sums of products of ``augmented`` columns of two
            networks.
        first: how many features each layer of the first network has.
        second: likewise of the second.
    """
    count = float(products[-1, -1])
    rows, columns = sum(first), sum(second)
    inner, rq = products[:rows, :columns], products[rows:-1, columns:-1]
    s, t = products[:rows, -1], products[-1, :columns]
    r, q = products[rows:-1, -1], products[-1, columns:-1]
    traces = _blocks(inner.square(), first, second) - rq
    sums = (
        _blocks(s[:, None] * inner * t, first, second)
        - _summed(s[:, None] * products[:rows, columns:-1], first, 0)
        - _summed(products[rows:-1, :columns] * t, second, 1)
        + rq
    )
    of_k, of_l = (_summed(v.square(), n, 0) - p for v, n, p in ((s, first, r), (t, second, q)))
    product = torch.outer(of_k, of_l) / ((count - 1) * (count - 2))
    return (traces + product - 2 / (count - 2) * sums) / (count * (count - 3))


def _summed(values: Tensor, sizes: Sequence[int], axis: int) -> Tensor:
    """Return the sums of parts of an axis that have these sizes."""
    return torch.stack([part.sum(axis) for part in torch.split(values, list(sizes), axis)], axis)


def _blocks(values: Tensor, first: Sequence[int], second: Sequence[int]) -> Tensor:
    """Return (layer, other) the sums of blocks that have these sizes."""
    return _summed(_summed(values, first, 0), second, 1)


def cka(between: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return CKA of each pair of layers, (layer, other) float64 within -1 to 1.

    By Cauchy and Schwarz it lies there but for rounding.

    Args:
        between: (layer, other) HSIC of layers of two networks.
        first: (layer,) HSIC of each layer of the first network with itself.
        second: (other,) likewise of the second.

    Returns:
        CKA; NaN where a layer never varies.
    """
    scale = torch.outer(first.clamp_min(0).sqrt(), second.clamp_min(0).sqrt())
    return torch.where(scale > 0, between / scale, torch.nan).clamp(-1, 1)


def products(x: Tensor, y: Tensor) -> Tensor:
    """Return (unit, unit) float64: the sum over samples of products of units.

    Args:
        x: (sample, unit).
        y: (sample, other unit).
    """
    total = torch.zeros(x.shape[1], y.shape[1], dtype=torch.float64, device=x.device)
    for a, b in zip(torch.split(x, AT_ONCE), torch.split(y, AT_ONCE), strict=True):
        total += a.T @ b
    return total


def correlation(covariance: Tensor, first: Tensor, second: Tensor) -> float:
    """Return the mean correlation of unit i of one network with unit i of the other.

    Args:
        covariance: (unit,) of matched units.
        first: (unit,) variances.
        second: (unit,) variances.

    Returns:
        The mean over pairs of which both vary; NaN where there is none.
    """
    scale = (first.clamp_min(0) * second.clamp_min(0)).sqrt()
    varies = scale > 0
    return float((covariance[varies] / scale[varies]).clamp(-1, 1).mean())


def procrustes(covariance: Tensor, first: float, second: float) -> float:
    """Return the orthogonal Procrustes distance of centred layers of norm 1, within 0 to 2.

    Ding, Denain and Steinhardt 2021: |X|^2 + |Y|^2 - 2 |X'Y|_*, which is the least of
    |X - Y R|^2 over orthogonal R.

    Args:
        covariance: (unit, unit) of the two layers.
        first: the sum of the variances of the first one's units.
        second: likewise of the second.

    Returns:
        The distance; NaN where a layer never varies.
    """
    if not (first > 0 and second > 0):
        return float("nan")
    nuclear = float(torch.linalg.svdvals(covariance).sum())
    return min(max(2 - 2 * nuclear / math.sqrt(first * second), 0.0), 2.0)
