"""Logits rescaled to balanced predictions, without labels (Jordan et al. 2023, appendix C).

A network that is trained on more examples of some classes predicts these too often.  The paper
scales the logits of the favoured classes down until the predictions are balanced, and says no
more of how.  Here each class's unnormalised probability exp(logit) gets one factor, which adds a
constant b[c] to its logit, such that the mean predicted probability of every class is the same:

    mean over examples of softmax(z + b)[c] = 1 / classes        for every class c

These b minimise the convex function  mean logsumexp(z + b) - mean b,  are unique up to a constant,
and always exist.  A factor on the logits themselves would depend on the constant that each
example's logits are free to have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import UnjudgedError

if TYPE_CHECKING:
    from lmctool.api import Array

TOLERANCE = 1e-6
"""By how much a mean predicted probability may differ from 1 / classes, as a share of that."""


def balance(logits: Array) -> Array:
    """Return the constant of each class that balances the predictions.

    Args:
        logits: (example, class).

    Returns:
        (class,) of mean 0.

    Raises:
        UnjudgedError: the logits aren't finite, or no balance is found.
    """
    from scipy.optimize import minimize

    if not np.isfinite(logits).all():
        raise UnjudgedError("logits that are not finite have no balance")
    classes = logits.shape[1]

    def objective(constants: Array) -> tuple[float, Array]:
        shares, total = _softmax(logits + constants)
        # the square holds the sum at 0, where the rest is flat; it is 0 at the minimum
        value = float(total.mean() - constants.mean() + constants.sum() ** 2 / (2 * classes))
        slope: Array = shares.mean(axis=0) - 1 / classes + constants.sum() / classes
        return value, slope

    def curvature(constants: Array) -> Array:
        shares, _ = _softmax(logits + constants)
        squares: Array = shares.T @ shares / len(shares)
        matrix: Array = np.diag(shares.mean(axis=0)) - squares + 1 / classes
        return matrix

    start = -logits.mean(axis=0)
    solution = minimize(
        objective,
        start - start.mean(),
        jac=True,
        hess=curvature,
        method="trust-exact",
        options={"gtol": TOLERANCE / classes / 10, "maxiter": 1000},
    )
    constants: Array = solution.x - solution.x.mean()
    shares, _ = _softmax(logits + constants)
    worst = float(np.abs(classes * shares.mean(axis=0) - 1).max())
    if not worst <= TOLERANCE:
        raise UnjudgedError(
            f"no factors of the classes balance the predictions: a mean predicted probability is"
            f" still {worst:.2g} of its goal away after {solution.nit} steps"
        )
    return constants


def _softmax(logits: Array) -> tuple[Array, Array]:
    """Return the probabilities, (example, class), and the log of their normaliser, (example,)."""
    highest = logits.max(axis=1, keepdims=True)
    powers = np.exp(logits - highest)
    sums = powers.sum(axis=1, keepdims=True)
    return powers / sums, (highest + np.log(sums))[:, 0]
