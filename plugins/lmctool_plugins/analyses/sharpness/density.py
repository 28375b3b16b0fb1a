"""The density of eigenvalues, from the nodes and weights of a quadrature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmctool.api import Array

PLACES = 401
"""Eigenvalues at which the density is given."""
WIDTH = 0.005
"""The standard deviation of the Gaussian, as a share of the range of the nodes; the places lie at
less than half of it, so that none falls between two of them."""
MARGIN = 4
"""How far the places go beyond the nodes, in standard deviations."""


def places(nodes: Array) -> tuple[Array, float]:
    """Return the eigenvalues at which a density is given, (place,), and the Gaussian's deviation.

    Args:
        nodes: (probe, node); NaN are none.  Where all are equal the deviation is that share of
            their size; where there is none, all is NaN.
    """
    if np.isnan(nodes).all():
        return np.full(PLACES, np.nan), np.nan
    low, high = float(np.nanmin(nodes)), float(np.nanmax(nodes))
    sigma = WIDTH * ((high - low) or abs(high) or 1.0)
    return np.linspace(low - MARGIN * sigma, high + MARGIN * sigma, PLACES), sigma


def smoothed(nodes: Array, weights: Array, at: Array, sigma: float) -> Array:
    """Return the density of eigenvalues at places, (place,), whose integral is 1.

    It is the mean over probes of sum_i w_i N(t; node_i, sigma^2) (Ghorbani et al. 2019).

    Args:
        nodes: (probe, node) Ritz values; NaN are none.
        weights: (probe, node) of sum 1 for each probe.
        at: (place,) eigenvalues t.
        sigma: the Gaussian's standard deviation.
    """
    there = ~np.isnan(nodes)
    apart = (at[:, None] - nodes[there]) / sigma
    bells = np.exp(-(apart**2) / 2) / (sigma * np.sqrt(2 * np.pi))
    density: Array = bells @ weights[there] / len(nodes)
    return density
