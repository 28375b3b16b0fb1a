"""Slow, obvious float64 versions of every kernel, in numpy and loops."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Array = NDArray[np.float64]


def cross_entropy(logits: Array, targets: NDArray[np.int64]) -> Array:
    """Return the loss of each example in nats: (example, class), (example,) -> (example,)."""
    losses = []
    for row, target in zip(logits, targets, strict=True):
        highest = max(row)
        total = sum(np.exp(value - highest) for value in row)
        losses.append(highest + np.log(total) - row[target])
    return np.array(losses)


def errors(logits: Array, targets: NDArray[np.int64]) -> Array:
    """Return 1 for each example whose greatest logit isn't its target's."""
    return np.array(
        [float(list(row).index(max(row)) != t) for row, t in zip(logits, targets, strict=True)]
    )


def correlation(a: Array, b: Array) -> Array:
    """Return (unit of A, unit of B) correlations of (unit, sample) activations."""
    found = np.zeros((len(a), len(b)))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            covariance = float(np.mean((x - x.mean()) * (y - y.mean())))
            found[i, j] = covariance / (x.std() * y.std()) if x.std() * y.std() > 0 else 0
    return found


def best_assignment(similarity: Array) -> tuple[int, ...]:
    """Return the assignment of greatest sum, by trying all of them."""
    size = len(similarity)
    return max(
        permutations(range(size)),
        key=lambda order: sum(similarity[i, order[i]] for i in range(size)),
    )


def products(a: Array, b: Array) -> Array:
    """Return (unit of A, unit of B): the inner product of each two rows."""
    return np.array([[sum(x * y) for y in b] for x in a])


def inner_product(a: Mapping[str, Array], b: Mapping[str, Array]) -> float:
    """Return the sum of products of all numbers of A with those of B."""
    return float(sum(x * y for name in a for x, y in zip(a[name].flat, b[name].flat, strict=True)))


def batch_moments(batches: Sequence[Array]) -> tuple[Array, Array]:
    """Return means and unbiased variances of (sample, channel) batches, averaged over batches."""
    means = [batch.mean(axis=0) for batch in batches]
    variances = [batch.var(axis=0, ddof=1) for batch in batches]
    return np.mean(means, axis=0), np.mean(variances, axis=0)


Layer = tuple[Array, Array]
"""Weight (out, in) and bias (out,) of a linear layer."""


def forward(layers: Sequence[Layer], inputs: Array) -> tuple[Array, list[Array]]:
    """Return the outputs of a ReLU network, and the preactivations of its hidden layers."""
    values, seen = inputs, []
    for weight, bias in layers[:-1]:
        preactivations = values @ weight.T + bias
        seen.append(preactivations)
        values = np.maximum(preactivations, 0)
    weight, bias = layers[-1]
    return values @ weight.T + bias, seen


def layers_of(weights: Mapping[str, Array], names: Sequence[str]) -> list[Layer]:
    """Return the layers of a network from its tensors."""
    return [(weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in names]


def repair(
    a: Sequence[Layer], b: Sequence[Layer], alpha: float, batches: Sequence[Array]
) -> list[Layer]:
    """Return the repaired network at alpha (REPAIR, section 4.2), layer after layer.

    The statistics of a layer are taken while all layers before it are renormalised by the batch.
    """
    ends = [[forward(net, batch)[1] for batch in batches] for net in (a, b)]
    mixed = [
        ((1 - alpha) * wa + alpha * wb, (1 - alpha) * ba + alpha * bb)
        for (wa, ba), (wb, bb) in zip(a, b, strict=True)
    ]
    values = list(batches)
    fused: list[Layer] = []
    for depth, (weight, bias) in enumerate(mixed[:-1]):
        (mean_a, var_a), (mean_b, var_b) = (
            batch_moments([seen[depth] for seen in end]) for end in ends
        )
        goal_mean = (1 - alpha) * mean_a + alpha * mean_b
        goal_std = (1 - alpha) * np.sqrt(var_a) + alpha * np.sqrt(var_b)
        preactivations = [batch @ weight.T + bias for batch in values]
        mean, variance = batch_moments(preactivations)
        scale = goal_std / np.sqrt(variance + 1e-5)
        fused.append((weight * scale[:, None], bias * scale + goal_mean - mean * scale))
        values = []
        for batch in preactivations:
            normal = (batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + 1e-5)
            values.append(np.maximum(normal * goal_std + goal_mean, 0))
    return [*fused, mixed[-1]]


def barrier(alpha: Sequence[float], curve: Sequence[float]) -> float:
    """Return the greatest rise of a curve over the chord between its ends."""
    rises = [
        value - ((1 - t) * curve[0] + t * curve[-1]) for t, value in zip(alpha, curve, strict=True)
    ]
    return max([0.0, *rises[1:-1]])


def path_curve(
    a: Sequence[Layer],
    b: Sequence[Layer],
    alphas: Sequence[float],
    score: Callable[[Array], float],
    inputs: Array,
) -> list[float]:
    """Return a score of the outputs at each alpha of the straight path."""
    curve = []
    for alpha in alphas:
        mixed = [
            ((1 - alpha) * wa + alpha * wb, (1 - alpha) * ba + alpha * bb)
            for (wa, ba), (wb, bb) in zip(a, b, strict=True)
        ]
        curve.append(score(forward(mixed, inputs)[0]))
    return curve


def hsic(x: Array, y: Array) -> float:
    """Return the unbiased HSIC of linear kernels of (example, feature), as Song et al. write it."""
    n = len(x)
    k, m = (each @ each.T for each in (x, y))
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    one = np.ones(n)
    product = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    total = np.trace(k @ m) + product - 2 / (n - 2) * (one @ k @ m @ one)
    return float(total / (n * (n - 3)))


def cka(xs: list[Array], ys: list[Array]) -> float:
    """Return linear CKA from the mean HSIC of minibatches of (example, feature)."""
    mixed, own, other = (
        np.mean([hsic(a, b) for a, b in zip(first, second, strict=True)])
        for first, second in ((xs, ys), (xs, xs), (ys, ys))
    )
    return float(mixed / np.sqrt(own * other))
