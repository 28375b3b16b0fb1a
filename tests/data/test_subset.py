"""The seeded, stratified choice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmctool.data.subset import shares, subset
from lmctool.errors import LmctoolError

TARGETS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [60, 30, 10]))


def test_the_classes_keep_their_proportions_exactly() -> None:
    index = subset(TARGETS, 3, 20, "0:test")
    assert np.bincount(TARGETS[index]).tolist() == [12, 6, 2]


def test_the_largest_remainders_are_rounded_up_and_ties_go_to_the_first() -> None:
    assert shares(np.array([5, 3, 2]), 5).tolist() == [3, 1, 1]  # exact: 2.5, 1.5, 1
    assert shares(np.array([50, 30, 20]), 7).tolist() == [4, 2, 1]  # exact: 3.5, 2.1, 1.4


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_every_share_is_the_exact_one_rounded(counts: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, sum(counts)))
    share = shares(np.array(counts), size)
    assert share.sum() == size
    assert (np.abs(share - np.array(counts) * size / sum(counts)) < 1).all()


def test_one_key_gives_one_choice_and_another_key_another() -> None:
    first = subset(TARGETS, 3, 20, "0:test")
    assert np.array_equal(first, subset(TARGETS, 3, 20, "0:test"))
    assert not np.array_equal(first, subset(TARGETS, 3, 20, "0:train"))
    assert not np.array_equal(first, subset(TARGETS, 3, 20, "1:test"))


def test_positions_rise_and_occur_once() -> None:
    assert (np.diff(subset(TARGETS, 3, 37, "0:test")) > 0).all()


@pytest.mark.parametrize("limit", [None, 100, 1000])
def test_a_limit_beyond_the_split_takes_all(limit: int | None) -> None:
    assert np.array_equal(subset(TARGETS, 3, limit, "0:test"), np.arange(100))


def test_targets_that_are_no_classes_are_chosen_uniformly() -> None:
    index = subset(np.linspace(0, 1, 100), 0, 20, "0:test")
    assert len(index) == 20
    assert (np.diff(index) > 0).all()


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(LmctoolError, match="a limit of 0 examples"):
        subset(TARGETS, 3, 0, "0:test")
