"""The best of several numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from lmctool.results.best import best

if TYPE_CHECKING:
    from lmctool.results.result import Better


@pytest.mark.parametrize(
    ("values", "better", "places"),
    [
        ([0.3, 0.1, 0.2], "lower", [1]),
        ([0.3, 0.1, 0.3], "higher", [0, 2]),
        ([math.nan, 0.1, None, 0.2, math.inf], "lower", [1]),
        ([0.1, 0.1], "lower", []),
        ([0.1, math.nan], "lower", []),
        ([0.3, 0.1], "", []),
        ([], "lower", []),
    ],
)
def test_the_best_are_those_that_no_other_is_better_than(
    values: list[float | None], better: Better, places: list[int]
) -> None:
    assert best(values, better) == places
