"""The seeded, stratified choice."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmctool.data.subset import shares, subset
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGETS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [60, 30, 10]))


def test_the_classes_keep_their_proportions_exactly() -> None:
    chosen = subset(TARGETS, 3, 20, "0:test")
    assert (chosen.way, chosen.absent) == ("stratified", 0)
    assert np.bincount(TARGETS[chosen.index]).tolist() == [12, 6, 2]


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
    first = subset(TARGETS, 3, 20, "0:test").index
    assert np.array_equal(first, subset(TARGETS, 3, 20, "0:test").index)
    assert not np.array_equal(first, subset(TARGETS, 3, 20, "0:train").index)
    assert not np.array_equal(first, subset(TARGETS, 3, 20, "1:test").index)


def test_positions_rise_and_occur_once() -> None:
    assert (np.diff(subset(TARGETS, 3, 37, "0:test").index) > 0).all()


@pytest.mark.parametrize("limit", [None, 100, 1000])
def test_a_limit_beyond_the_split_takes_all(limit: int | None) -> None:
    chosen = subset(TARGETS, 3, limit, "0:test")
    assert np.array_equal(chosen.index, np.arange(100))
    assert (chosen.way, chosen.absent) == (None, 0)


SEVERAL = np.random.default_rng(0).integers(0, 2, (100, 4))
NO_CLASSES = {
    "fractions": (np.linspace(0, 1, 100), 0),
    "whole numbers to predict": (np.arange(100), 0),
    "several labels": (SEVERAL, 0),
    "several labels, counted": (SEVERAL, 2),
    "masks": (np.random.default_rng(0).integers(0, 3, (100, 2, 2)), 3),
    "tokens": (np.arange(400).reshape(100, 4), 400),
}


@pytest.mark.parametrize(("targets", "classes"), NO_CLASSES.values(), ids=list(NO_CLASSES))
def test_targets_that_are_no_classes_are_chosen_uniformly(
    targets: NDArray[np.generic], classes: int
) -> None:
    chosen = subset(targets, classes, 20, "0:test")
    assert (len(chosen.index), chosen.way, chosen.absent) == (20, "random", 0)
    assert (np.diff(chosen.index) > 0).all()


@pytest.mark.parametrize("limit", [1, 2, 10, 11, 99])
def test_a_rare_class_is_rounded_as_any_other_and_counted_where_it_is_absent(limit: int) -> None:
    targets = np.array([0] * 90 + [1] * 9 + [2])
    chosen = subset(targets, 3, limit, "0:test")
    counts = np.bincount(targets[chosen.index], minlength=3)
    assert counts.tolist() == shares(np.array([90, 9, 1]), limit).tolist()
    assert counts.sum() == limit
    assert chosen.absent == (counts == 0).sum()


def test_one_example_is_of_the_most_frequent_class() -> None:
    chosen = subset(TARGETS, 3, 1, "0:test")
    assert TARGETS[chosen.index].tolist() == [0]
    assert chosen.absent == 2


def test_each_class_gives_its_first_examples_of_one_order() -> None:
    seed = int.from_bytes(hashlib.sha256(b"0:test").digest(), "little")
    order = np.argsort(np.random.default_rng(seed).random(100))
    expected = [
        place
        for number, share in enumerate((12, 6, 2))
        for place in [place for place in order if TARGETS[place] == number][:share]
    ]
    assert subset(TARGETS, 3, 20, "0:test").index.tolist() == sorted(expected)


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(LmctoolError, match="a limit of 0 examples"):
        subset(TARGETS, 3, 0, "0:test")
