"""The greedy choice of networks for a soup."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmctool.api import Array


class Choice(NamedTuple):
    """Which networks a greedy soup has.

    Attributes:
        order: the number of each network, in the order they were tried.
        tried: (network,) in that order the cost of the soup with each; NaN of one that was not.
        included: the numbers of those that are in, in the order they were added.
    """

    order: tuple[int, ...]
    tried: Array
    included: tuple[int, ...]


def greedy(costs: Array, cost_of: Callable[[Sequence[int]], float]) -> Choice:
    """Return the networks of a greedy soup (Wortsman et al. 2022, arXiv:2203.05482, Recipe 1).

    Networks are tried in the order of their own costs, of equal ones the first; each stays if the
    soup with it costs no more than the one without.

    Args:
        costs: (network,) of each network alone; one that is NaN comes last, and stays out.
        cost_of: the cost of the soup of networks with these numbers, two or more.
    """
    order = tuple(map(int, np.argsort(costs, kind="stable")))
    best = order[0]
    included, least, tried = [best], float(costs[best]), [float(costs[best])]
    for number in order[1:]:
        cost = cost_of([*included, number]) if np.isfinite(costs[number]) else np.nan
        tried.append(cost)
        if cost <= least:
            included.append(number)
            least = cost
    return Choice(order, np.array(tried), tuple(included))
