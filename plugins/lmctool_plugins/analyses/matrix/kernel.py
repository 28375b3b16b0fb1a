"""Matrices from pairs, and clusters from a matrix."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def mirrored(pairs: Array, count: int, diagonal: float = 0.0) -> Array:
    """Return symmetric matrices.

    Args:
        pairs: (..., pair) a value of each pair, in the order of ``itertools.combinations``.
        count: how many rows a matrix has.
        diagonal: what stands on the diagonal.

    Returns:
        (..., row, column) float64.
    """
    found = np.full((*pairs.shape[:-1], count, count), diagonal, dtype=np.float64)
    rows, columns = np.triu_indices(count, 1)
    found[..., rows, columns] = pairs
    found[..., columns, rows] = pairs
    return found


def clusters(barriers: Array, connected: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the clusters of average linkage, and the order that puts near rows side by side.

    Args:
        barriers: (row, column) symmetric, 0 on the diagonal, two rows or more; negative ones
            count as 0.
        connected: the greatest mean barrier between two clusters that become one.

    Returns:
        (row,) the cluster of each row, numbered from 1 in that order, and (place,) the row at
        each place; the rows of a cluster are next to each other.
    """
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage

    rows, columns = np.triu_indices(len(barriers), 1)
    pairs = np.clip(barriers[rows, columns], 0, None)
    tree = linkage(pairs, method="average", optimal_ordering=True)
    order = leaves_list(tree).astype(np.int64)
    members = fcluster(tree, connected, criterion="distance")
    numbers = {old: new for new, old in enumerate(dict.fromkeys(members[order].tolist()), start=1)}
    return np.array([numbers[old] for old in members.tolist()], dtype=np.int64), order


def outlines(members: NDArray[Any]) -> list[tuple[int, int]]:
    """Return where each cluster begins and ends, of the clusters in the order of a heat map.

    >>> outlines(np.array([1, 1, 2]))
    [(0, 2), (2, 3)]
    """
    starts = [0, *(np.flatnonzero(np.diff(members)) + 1).tolist(), len(members)]
    return list(pairwise(starts))
