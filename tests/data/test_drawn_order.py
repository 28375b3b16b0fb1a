"""The order in which examples are looked at."""

from __future__ import annotations

import numpy as np
import pytest

from lmctool.data.drawn_order import drawn_order

TARGETS = np.repeat(np.arange(4), [5, 20, 60, 115])


@pytest.mark.parametrize("targets", [TARGETS, np.zeros((30, 2)), np.linspace(0, 1, 17)])
def test_every_example_is_there_once(targets: np.ndarray) -> None:
    classes = 4 if targets is TARGETS else 0
    order = drawn_order(targets, classes, "0:test")
    assert sorted(order.tolist()) == list(range(len(targets)))
    np.testing.assert_array_equal(order, drawn_order(targets, classes, "0:test"))
    assert order.tolist() != drawn_order(targets, classes, "1:test").tolist()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [7, 40, 111, 199])
def test_every_beginning_has_the_proportions_of_the_classes(seed: int, size: int) -> None:
    chosen = TARGETS[drawn_order(TARGETS, 4, str(seed))[:size]]
    exact = np.bincount(TARGETS) * size / len(TARGETS)
    # one up or down for the class itself, and one for what others are off together
    assert np.abs(np.bincount(chosen, minlength=4) - exact).max() <= 2


def test_every_example_is_as_probable_as_any_other() -> None:
    seen = np.zeros(len(TARGETS))
    for seed in range(2_000):
        seen[drawn_order(TARGETS, 4, str(seed))[:50]] += 1
    # of a share of 1/4 in 2,000 draws five standard deviations are 0.048
    np.testing.assert_allclose(seen / 2_000, 0.25, atol=0.05)
