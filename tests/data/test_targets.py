"""Targets as people store them, told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.data.targets import Targets, told_apart
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Sequence

NAN = float("nan")
CLASSES = np.array([2, 0, 1, 2])
LABELS = [[1, 0, 1], [0, 0, 0]]


def told(values: Any, form: str | None = None, ignored: object = None, **others: Any) -> Targets:
    """Return what targets of a split test are, beside those of other splits."""
    splits = {name: np.asarray(each) for name, each in {"test": values, **others}.items()}
    return told_apart(splits, "'data.npz'", form, ignored)


def test_whole_numbers_are_classes_of_all_splits_together() -> None:
    found = told(CLASSES, train=[0, 4])
    assert (found.classes, found.task, found.read_as) == (5, "classification", ())
    assert found.splits["test"].tolist() == CLASSES.tolist()


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64", ">i4", "bool"])
def test_classes_become_int64_and_a_column_of_them_a_row(dtype: str) -> None:
    values = np.array([[1], [0], [1]], dtype)
    found = told(values)
    assert found.splits["test"].dtype == np.int64
    assert found.splits["test"].tolist() == [1, 0, 1]
    assert found.classes == 2


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_one_hot_rows_are_the_classes_of_their_ones(dtype: str) -> None:
    found = told(np.eye(3, dtype=dtype)[CLASSES])
    assert found.splits["test"].tolist() == CLASSES.tolist()
    assert (found.classes, found.task) == (3, "classification")
    assert found.read_as == ("targets are one-hot",)


def test_one_hot_in_one_split_alone_is_a_chance_of_labels() -> None:
    found = told(np.eye(3, dtype=int), train=[*LABELS, [1, 1, 1]])
    assert (found.classes, found.task) == (0, "multi-label")
    assert found.splits["test"].tolist() == np.eye(3).tolist()


def test_what_is_one_hot_by_chance_can_be_said_to_be_labels() -> None:
    assert told(np.eye(3, dtype=int), "multi-label").task == "multi-label"
    assert told(np.eye(3, dtype=int), "one-hot").read_as == ()


@pytest.mark.parametrize("values", [LABELS, np.array(LABELS, np.float32), np.array(LABELS, bool)])
def test_rows_of_zeros_and_ones_are_labels(values: Any) -> None:
    found = told(values)
    assert (found.task, found.classes) == ("multi-label", 0)
    assert found.splits["test"].dtype == np.int64
    assert found.splits["test"].tolist() == LABELS


@pytest.mark.parametrize(
    ("values", "ignored"),
    [([[1, 0], [-100, 1]], None), ([[1, 0], [NAN, 1]], None), ([[1, 0], [-1, 1]], -1)],
)
def test_a_label_that_nobody_knows_counts_for_nothing(values: Any, ignored: object) -> None:
    found = told(values, "multi-label" if ignored else None, ignored)
    assert found.task == "multi-label"
    assert found.splits["test"].tolist() == [[1, 0], [-100, 1]]


def test_names_are_numbered_in_alphabetical_order_over_all_splits() -> None:
    found = told(["dog", "cat"], train=["emu", "cat"])
    assert found.splits["test"].tolist() == [1, 0]
    assert found.splits["train"].tolist() == [2, 0]
    assert found.names == ("cat", "dog", "emu")
    assert found.classes == 3
    assert found.read_as == (
        "targets are 3 names, numbered in alphabetical order: 'cat', 'dog', 'emu'",
    )


@pytest.mark.parametrize("dtype", ["S3", object])
def test_names_may_be_stored_as_bytes(dtype: Any) -> None:
    found = told(np.array([[b"dog"], [b"cat"]], dtype))
    assert found.names == ("cat", "dog")
    assert found.splits["test"].tolist() == [1, 0]


def test_texts_of_whole_numbers_are_these_numbers() -> None:
    found = told(["10", "9", "2"])
    assert found.splits["test"].tolist() == [10, 9, 2]
    assert found.names == ()
    assert found.read_as == ("targets are texts of whole numbers",)


def test_classes_may_count_from_1() -> None:
    found = told(CLASSES + 1, "from-1")
    assert found.splits["test"].tolist() == CLASSES.tolist()
    assert found.classes == 3
    assert told(CLASSES + 1).classes == 4
    mask = told([[1, 2], [255, 1]], "from-1", 255)
    assert mask.splits["test"].tolist() == [[0, 1], [-100, 0]]
    assert mask.classes == 2


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3), (4, 2, 2)])
def test_floats_are_numbers_to_predict(shape: Sequence[int]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = told(values)
    assert (found.task, found.classes) == ("regression", 0)
    assert found.splits["test"] is values


def test_floats_that_are_whole_are_classes_where_that_is_said() -> None:
    assert told(CLASSES * 1.0).task == "regression"
    found = told(CLASSES[:, None] * 1.0, "classes")
    assert (found.task, found.classes) == ("classification", 3)
    assert found.splits["test"].tolist() == CLASSES.tolist()


@pytest.mark.parametrize("values", [[1.0, 0.0, 1.0], [[1.0], [0.0], [1.0]]])
def test_floats_that_are_all_0_or_1_are_classes(values: Any) -> None:
    found = told(values)
    assert (found.task, found.classes) == ("classification", 2)
    assert found.splits["test"].tolist() == [1, 0, 1]
    assert found.read_as == ("targets are floats that are all 0 or 1, taken as classes",)
    assert told(values, train=[0.5]).task == "regression"


def test_images_of_floats_that_are_all_0_or_1_are_masks() -> None:
    masks = np.eye(4, dtype=np.float32)[None, None].repeat(2, 0)
    found = told(masks)
    assert (found.task, found.classes) == ("segmentation", 2)
    assert np.array_equal(found.splits["test"], masks.astype(np.int64))
    assert found.read_as == ("targets are floats that are all 0 or 1, taken as classes",)
    assert told(masks / 2).task == told(masks, "values").task == "regression"


def test_whole_numbers_are_to_be_predicted_where_that_is_said() -> None:
    found = told(CLASSES, "values")
    assert found.task == "regression"
    assert found.splits["test"].dtype == np.float64


def test_masks_are_classes_of_pixels_of_which_one_counts_for_nothing() -> None:
    mask = np.array([[[0, 1], [2, 255]]], np.uint8)
    found = told(mask, None, 255)
    assert (found.task, found.classes) == ("segmentation", 3)
    assert found.splits["test"].tolist() == [[[0, 1], [2, -100]]]
    assert told(np.zeros((2, 3, 3), int)).task == "segmentation"


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_masks_may_have_a_last_axis_of_one_channel(dtype: str) -> None:
    mask = np.random.default_rng(0).integers(0, 2, (3, 4, 5)).astype(dtype)
    for stored in (mask[..., None], mask):
        found = told(stored)
        assert found.task == "segmentation"
        assert np.array_equal(found.splits["test"], mask)


@pytest.mark.parametrize(
    ("values", "form", "ignored", "sentence"),
    [
        (CLASSES, "from-0", None, "no 'from-0'; .*takes one of classes, from-1, one-hot"),
        (CLASSES, "from-1", None, "has class 0, but .*from-1 counts from 1"),
        (CLASSES, "one-hot", None, "not one-hot: a single 1 in each row"),
        (LABELS, "one-hot", None, "not one-hot"),
        ([[1, 2]], "multi-label", None, "no rows of zeros and ones"),
        ([0.5, 1.0], "classes", None, "in split 'test' that are no whole numbers"),
        ([1e300, 1.0], "classes", None, "no whole numbers"),
        ([NAN, 1.0], "classes", None, "no whole numbers"),
        (CLASSES, None, 2, r"\?ignore= leaves none out; leave such examples out of the data"),
        (CLASSES, None, "two", "is no class; it takes a whole number"),
        (CLASSES, None, True, "is no class"),
        ([0.5], None, 3, "numbers to predict: none to .ignore="),
        (["a", "b"], "from-1", None, "that are text, for which there is no .labels=from-1"),
        (["a", "b"], None, 3, "that are text, for which there is no .ignore=3"),
        ([["a", "b"]], None, None, "text, but not one for each example"),
        (np.array([None, "a"], object), None, None, "targets of object in split 'test'"),
        ([1j], None, None, "targets of complex128 in split 'test'"),
    ],
)
def test_what_can_be_no_target_is_told_in_one_sentence(
    values: Any, form: Any, ignored: Any, sentence: str
) -> None:
    with pytest.raises(LmctoolError, match=sentence):
        told(values, form, ignored)


def test_numbers_in_one_split_and_names_in_another_are_refused() -> None:
    with pytest.raises(LmctoolError, match="targets of <U1 in split 'train'"):
        told(CLASSES, train=["a"])


def test_a_split_without_a_target_that_counts_has_no_say() -> None:
    found = told([[255, 255]], "from-1", 255, train=[[2, 1]])
    assert found.classes == 2
    assert told([[255] * 2], None, 255, train=[[255] * 2]).classes == 0
