"""The greedy choice of networks, against brute force and by hand."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmctool_plugins.merges.greedy_soup.kernel import greedy

if TYPE_CHECKING:
    from collections.abc import Sequence


def by_hand(costs: Sequence[float], table: dict[frozenset[int], float]) -> list[int]:
    """Return what Recipe 1 chooses, step by step."""
    ranked = sorted(range(len(costs)), key=lambda number: (costs[number], number))
    soup, least = [ranked[0]], costs[ranked[0]]
    for number in ranked[1:]:
        cost = table[frozenset([*soup, number])]
        if cost <= least:
            soup, least = [*soup, number], cost
    return soup


@pytest.mark.parametrize("seed", range(20))
def test_the_choice_is_that_of_the_recipe(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    members = [frozenset(n for n in range(4) if bits[n]) for bits in product([0, 1], repeat=4)]
    table = {each: float(numbers.integers(0, 6)) for each in members}
    costs = [table[frozenset([number])] for number in range(4)]
    found = greedy(np.array(costs), lambda chosen: table[frozenset(chosen)])
    assert list(found.included) == by_hand(costs, table)


def test_one_that_makes_it_no_worse_stays() -> None:
    assert greedy(np.array([0.2, 0.1, 0.3]), lambda _: 0.1).included == (1, 0, 2)


def test_one_that_makes_it_worse_is_left_out_and_the_next_is_tried_without_it() -> None:
    asked: list[list[int]] = []

    def cost_of(chosen: Sequence[int]) -> float:
        asked.append(list(chosen))
        return 0.9 if 0 in chosen else 0.05

    found = greedy(np.array([0.2, 0.1, 0.3]), cost_of)
    assert found.included == (1, 2)
    assert asked == [[1, 0], [1, 2]]
    assert found.order == (1, 0, 2)
    np.testing.assert_array_equal(found.tried, [0.1, 0.9, 0.05])


def test_a_network_whose_error_is_no_number_is_not_tried() -> None:
    found = greedy(np.array([np.nan, 0.1]), lambda _: 0.0)
    assert found.included == (1,)
    assert np.isnan(found.tried[1])
