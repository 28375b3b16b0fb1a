"""The alphas of a path."""

from __future__ import annotations

import pytest

from lmctool.curves.grid import grid
from lmctool.errors import LmctoolError


def test_the_grid_holds_both_ends_and_the_middle_exactly() -> None:
    for points in (3, 11, 25, 101):
        assert {0.0, 0.5, 1.0} <= set(grid(points, None).tolist())
    assert grid(25, "0.3,0.7").tolist() == [0, 0.3, 0.7, 1]


@pytest.mark.parametrize("text", ["0.5,x", "1.5", "-0.1,0.5", "nan", ""])
def test_alphas_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(LmctoolError, match="--alphas"):
        grid(25, text)


@pytest.mark.parametrize("text", ["1,0", "0", "0.9999999999999999999", "1e-30,1", "1e-7"])
def test_alphas_with_nothing_between_the_ends_are_refused(text: str) -> None:
    with pytest.raises(LmctoolError, match="must name a position between 0 and 1"):
        grid(25, text)
