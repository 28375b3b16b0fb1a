"""Parts of a split's examples, by class and by stored score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmctool.config import Config
from lmctool.curves.example_table import example_group
from lmctool.curves.partition import SCORES, Partition, partition, partitions
from lmctool.data.opening import open_split
from lmctool.data.resolve import resolve_data
from lmctool.data.split import Split
from lmctool.errors import LmctoolError
from lmctool.results.result import Group, Result, Variable


def digits(name: str, limit: int | None = None) -> Split:
    """Return some examples of a split of the embedded digits."""
    data = resolve_data(spec="digits", metadata=[], config=Config())
    return open_split(data.dataset, name, limit=limit, seed=0, device=torch.device("cpu"))


def scored(split: Split, parts: np.ndarray, count: int = 4) -> Result:
    """Return an ``el2n`` result whose examples are in these parts, from 1."""
    group = example_group([split], {"part": Variable(parts, ("example",))})
    return Result("el2n", {SCORES: Group(group.variables, {"splits": count})})


def test_the_mean_of_each_part_is_that_of_its_examples() -> None:
    members = np.array([0, 2, 0, 2, 2])
    values = np.array([[1.0, 2, 3, 4, 6], [0, 1, 1, 1, 1]])
    means = Partition("class", ("0", "1", "2"), members).means(values)
    np.testing.assert_array_equal(means, [[2, np.nan, 4], [0.5, np.nan, 1]])


def test_means_of_parts_by_their_sizes_are_the_mean_of_all() -> None:
    generator = np.random.default_rng(0)
    parts = Partition("el2n", ("1", "2", "3"), generator.integers(0, 3, 50))
    values = generator.random((2, 5, 50))
    whole = np.average(parts.means(values), axis=-1, weights=parts.sizes)
    np.testing.assert_allclose(whole, values.mean(-1), rtol=1e-12)


def test_an_example_without_weight_counts_for_nothing() -> None:
    parts = Partition("class", ("0", "1"), np.array([0, 0, 0, 1]))
    values, weights = np.array([1.0, 4, np.nan, 7]), np.array([3.0, 1, 0, 0])
    np.testing.assert_array_equal(parts.means(values, weights), [1.75, np.nan])


def test_parts_by_class_are_the_targets() -> None:
    split = digits("test", 60)
    division = partition(split, "class", None)
    assert division.parts == tuple("0123456789")
    np.testing.assert_array_equal(division.members, split.targets.numpy())
    assert division.sizes.sum() == 60


def test_scores_are_matched_by_the_place_of_each_example() -> None:
    whole, few = digits("train"), digits("train", 25)
    division = partition(few, "el2n", scored(whole, whole.index % 4 + 1))
    assert division.parts == ("1", "2", "3", "4")
    np.testing.assert_array_equal(division.members, few.index % 4)


def test_every_split_has_a_partition_of_the_same_parts() -> None:
    by_split = partitions([digits("train"), digits("test", 12)], "class", None)
    assert list(by_split) == ["train", "test"]
    assert by_split["train"].parts == by_split["test"].parts
    assert partitions([digits("test")], None, None) == {}


def test_scores_of_another_split_are_refused() -> None:
    train = digits("train", 20)
    with pytest.raises(LmctoolError, match="holds examples of split 'train', none of split 'test'"):
        partition(digits("test", 20), "el2n", scored(train, np.ones(20, dtype=np.int64)))


def test_options_that_do_not_go_together_are_refused() -> None:
    split = digits("test", 4)
    scores = scored(split, np.arange(1, 5))
    with pytest.raises(LmctoolError, match="--by-split el2n needs --scores FILE"):
        partition(split, "el2n", None)
    with pytest.raises(LmctoolError, match="not by --by-split class"):
        partition(split, "class", scores)
    with pytest.raises(LmctoolError, match="used by --by-split el2n alone"):
        partitions([split], None, scores)


@pytest.mark.parametrize("part", [0, 5])
def test_a_part_that_is_none_is_refused(part: int) -> None:
    split = digits("test", 4)
    with pytest.raises(LmctoolError, match="none of its 4 equal splits"):
        partition(split, "el2n", scored(split, np.array([1, 2, 3, part])))


def test_a_result_without_scores_is_refused() -> None:
    with pytest.raises(LmctoolError, match="no parts of single examples"):
        partition(digits("test", 4), "el2n", Result("el2n", {}))


def test_examples_without_a_class_have_no_parts_by_class() -> None:
    split = digits("test", 4)
    tokens = Split(
        **{name: getattr(split, name) for name in Split.__slots__}
        | {"targets": torch.zeros(4, 7, dtype=torch.int64)}
    )
    with pytest.raises(LmctoolError, match="of split 'test' have no class each"):
        partition(tokens, "class", None)
