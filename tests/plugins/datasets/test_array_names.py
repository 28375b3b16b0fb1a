"""What the names of arrays say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.arrays import open_arrays
from lmctool_plugins.datasets.arrays.names import read_name
from tests.data.inputs import inputs_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.plugin.data_records import Dataset

X = np.arange(24, dtype=np.float32).reshape(4, 6)
Y = np.array([0, 2, 1, 0])


@pytest.fixture
def opened(save_npz: Callable[..., Path]) -> Callable[..., Dataset]:
    """Return what opens arrays by their names, with arguments of the spec under ``asked``."""

    def opened(arrays: dict[str, Any], **asked: Any) -> Dataset:
        return open_arrays("arrays", save_npz(**arrays), **asked)

    return opened


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("x", "y"),
        ("X", "y"),
        ("X", "Y"),
        ("data", "target"),
        ("data", "labels"),
        ("images", "labels"),
        ("image", "label"),
        ("inputs", "targets"),
        ("features", "labels"),
        ("x", "labels"),
    ],
)
def test_inputs_and_targets_have_many_names(opened: Callable[..., Dataset], x: str, y: str) -> None:
    dataset = opened({x: X, y: Y, "ids": Y})
    assert list(dataset.splits) == ["test"]
    examples = dataset.splits["test"]()
    assert np.array_equal(inputs_of(dataset), X)
    assert np.array_equal(examples.targets, Y)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("x_{}", "y_{}"),
        ("{}_x", "{}_y"),
        ("X_{}", "y_{}"),
        ("{}X", "{}Y"),
        ("X{}", "y{}"),
        ("{}_images", "{}_labels"),
        ("images_{}", "labels_{}"),
        ("{}_data", "{}_label"),
        ("{}-features", "{}-targets"),
        ("x_{}", "{}_labels"),
    ],
)
@pytest.mark.parametrize("words", [("train", "val", "test"), ("Train", "Val", "Test")])
def test_splits_stand_before_and_behind_in_any_case(
    opened: Callable[..., Dataset], x: str, y: str, words: tuple[str, ...]
) -> None:
    arrays = {}
    for number, split in enumerate(words):
        arrays[x.format(split)] = X + number
        arrays[y.format(split)] = Y + number
    dataset = opened(arrays)
    assert set(dataset.splits) == {"train", "val", "test"}
    for number, split in enumerate(("train", "val", "test")):
        examples = dataset.splits[split]()
        assert np.array_equal(inputs_of(dataset, split), X + number)
        assert np.array_equal(examples.targets, Y + number)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("train/x", ("x", "x", "train")),
        ("training/images", ("x", "images", "train")),
        ("x_fold1", ("x", "x", "fold1")),
        ("fold1/y", ("y", "y", "fold1")),
        ("mask_train", ("mask", "mask", "train")),
        ("attention_mask", ("mask", "attention_mask", "test")),
        ("input_ids", ("x", "input_ids", "test")),
        ("validation_masks", ("y", "masks", "validation")),
        ("label_names", None),
        ("data_mean", None),
        ("layers.0.weight", None),
        ("pixels", None),
        ("max", None),
    ],
)
def test_a_name_says_a_part_and_a_split_or_nothing(name: str, said: Any) -> None:
    assert read_name(name) == said


def test_x_and_y_go_before_other_names(opened: Callable[..., Dataset]) -> None:
    dataset = opened({"x": X, "y": Y, "features": X + 1, "labels": Y + 1})
    assert np.array_equal(inputs_of(dataset), X)
    assert np.array_equal(dataset.splits["test"]().targets, Y)


def test_other_names_are_given_with_the_data(opened: Callable[..., Dataset]) -> None:
    dataset = opened({"pixels": X, "digit": Y, "x": X + 1, "y": Y + 1}, x="pixels", y="digit")
    assert list(dataset.splits) == ["test"]
    assert np.array_equal(inputs_of(dataset), X)
    assert np.array_equal(dataset.splits["test"]().targets, Y)


def test_one_of_them_may_be_given_alone(opened: Callable[..., Dataset]) -> None:
    dataset = opened({"x": X, "coarse": Y + 1, "fine": Y}, y="fine")
    assert np.array_equal(dataset.splits["test"]().targets, Y)


def test_a_star_stands_for_the_split(opened: Callable[..., Dataset]) -> None:
    arrays = {"a_train_b": X, "a_test_b": X + 1, "train.c": Y, "test.c": Y, "other": X}
    dataset = opened(arrays, x="a_*_b", y="*.c")
    assert set(dataset.splits) == {"train", "test"}
    assert np.array_equal(inputs_of(dataset), X + 1)


def test_a_name_of_one_split_is_this_split(opened: Callable[..., Dataset]) -> None:
    arrays = {"train_feats": X, "test_feats": X + 1, "y_train": Y, "y_test": Y}
    dataset = opened(arrays, x="train_feats")
    assert list(dataset.splits) == ["train"]
    assert np.array_equal(inputs_of(dataset, "train"), X)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ("images", "features", "label"),
            "'features' and 'images' of .* could each be x of split 'test'; say [?]x=features or",
        ),
        (
            ("train_images", "train_label", "train_target"),
            "'train_label' and 'train_target' .* say [?]y=[*]_label or [?]y=[*]_target",
        ),
        (("X", "x", "y"), "'X' and 'x' of .* could each be x"),
    ],
)
def test_several_readings_are_refused_with_the_choices(
    opened: Callable[..., Dataset], names: tuple[str, ...], told: str
) -> None:
    with pytest.raises(LmctoolError, match=told):
        opened(dict.fromkeys(names, Y))


@pytest.mark.parametrize(
    ("names", "asked", "told"),
    [
        (("x", "y"), {"y": "z"}, r"has no array 'z', as \?y= says; it holds x, y"),
        (("x", "y"), {"x": "x_*"}, r"has no array 'x_\*'"),
        (
            ("pixels", "digit"),
            {"x": "pixels"},
            r"known as the targets of its inputs; it holds digit, pixels.*\?y=NAME",
        ),
        (("pixels", "digit"), {}, r"is not data.*holds digit, pixels.*with \?x=NAME&y=NAME"),
        (("images", "y_train"), {}, "is not data"),
        (("x", "y"), {"mask": "y"}, r"holds no token ids, which \?mask= is for"),
    ],
)
def test_names_that_mean_nothing_are_told(
    opened: Callable[..., Dataset], names: tuple[str, ...], asked: Any, told: str
) -> None:
    arrays = {name: X if name in {"x", "pixels", "images"} else Y for name in names}
    with pytest.raises(LmctoolError, match=told):
        opened(arrays, **asked)


def test_images_without_targets_are_no_token_ids(opened: Callable[..., Dataset]) -> None:
    pixels = X.astype(np.uint8)
    for word in ("images", "data", "features"):
        with pytest.raises(LmctoolError, match="is not data"):
            opened({word: pixels, "ids": Y})
    assert opened({"images": pixels}, x="images").task == "causal-lm"
    assert opened({"input_ids": pixels}).task == "causal-lm"


def test_tokens_have_the_names_of_hugging_face(opened: Callable[..., Dataset]) -> None:
    ids = np.random.default_rng(0).integers(0, 9, (5, 8))
    mask = (np.arange(8) < 6).astype(int) * np.ones((5, 1), int)
    dataset = opened({"input_ids": ids, "labels": ids, "attention_mask": mask})
    assert dataset.task == "causal-lm"
    assert dataset.read_as == (
        "targets are the tokens of their own positions, not yet shifted by one: now they are",
    )
    targets = dataset.splits["test"]().targets
    assert np.array_equal(targets[:, :5], ids[:, 1:6])
    assert (targets[:, 5:] == -100).all()


def test_a_token_may_count_for_nothing(opened: Callable[..., Dataset]) -> None:
    ids = np.array([[5, 6, 0, 0], [1, 2, 3, 0]])
    targets = opened({"x": ids}, ignore=0).splits["test"]().targets
    assert targets.tolist() == [[6, -100, -100, -100], [2, 3, -100, -100]]
    with pytest.raises(LmctoolError, match=r"\?ignore=pad is no class; it takes a whole number"):
        opened({"x": ids}, ignore="pad").splits["test"]()


def test_padding_before_a_class_is_refused(opened: Callable[..., Dataset]) -> None:
    ids, y, mask = np.arange(8).reshape(2, 4), np.array([0, 1]), np.ones((2, 4), int)
    found = opened({"input_ids": ids, "label": y, "attention_mask": mask})
    assert (found.task, found.classes) == ("classification", 2)
    mask[1, 3] = 0
    for asked in ({}, {"mask": "attention_mask"}):
        with pytest.raises(LmctoolError, match="has padding by its mask"):
            opened({"input_ids": ids, "label": y, "attention_mask": mask}, **asked)


def test_what_labels_says_of_rows_as_wide_as_the_inputs_holds(
    opened: Callable[..., Dataset],
) -> None:
    dataset = opened({"x": np.arange(9).reshape(3, 3), "y": np.eye(3, dtype=int)}, labels="one-hot")
    assert (dataset.task, dataset.classes) == ("classification", 3)
    assert dataset.splits["test"]().targets.tolist() == [0, 1, 2]
