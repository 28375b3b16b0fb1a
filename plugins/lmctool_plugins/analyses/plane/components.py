"""The principal components of a training run (Li et al. 2018, section 7).

With d_t = theta_t - A over the parameters and G the (step, step) inner products of these, the
components are those of the d_t less their mean: with (lambda_k, e_k) the greatest eigenvalues of
the centred G and their vectors,

    w_k = sum_t c_kt theta_t,   c_k = e_k / sqrt(lambda_k),   x_kt = d_t . w_k = (G c_k)_t

is of norm 1, for the c_k sum to 0.  The plane goes through A along w_1 and w_2.  So no matrix of
steps by parameters is formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmctool.api import Array

LEAST = 1e-12
"""Of the greatest eigenvalue: a second one below is none, and the steps lie on a line."""


@dataclass(frozen=True, slots=True)
class Components:
    """The first two principal components of a run's steps.

    Attributes:
        weights: (component, step) how much of each step makes up a component; they sum to 0.
        places: (step, component) the coordinates of the steps, from A.
        explained: (component,) the share of the steps' variance along it.
        outside: (step,) how far each step is from the plane.
    """

    weights: Array
    places: Array
    explained: Array
    outside: Array


def components(gram: Array) -> Components | None:
    """Return the first two principal components of steps.

    Each points to where its greatest coordinate is positive.

    Args:
        gram: (step, step) inner products of the steps less A.

    Returns:
        The components; None where the steps lie on one line.
    """
    centre = gram.mean(axis=0)
    values, vectors = np.linalg.eigh(gram - centre - centre[:, None] + centre.mean())
    values, vectors = values[::-1], vectors[:, ::-1]
    if len(values) < 3 or values[0] <= 0 or values[1] <= LEAST * values[0]:
        return None
    weights = vectors[:, :2].T / np.sqrt(values[:2, None])
    weights -= weights.mean(axis=1, keepdims=True)
    places = gram @ weights.T
    far = np.take_along_axis(places, abs(places).argmax(axis=0)[None], axis=0)[0]
    weights, places = weights * np.sign(far)[:, None], places * np.sign(far)
    squares = gram.diagonal() - (places**2).sum(axis=1)
    explained = values[:2] / values.clip(min=0).sum()
    return Components(weights, places, explained, np.sqrt(squares.clip(min=0)))
