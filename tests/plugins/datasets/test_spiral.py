"""The generated spirals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.spiral import load, open_spiral, points


def test_the_splits_have_the_paper_s_sizes_and_balanced_classes() -> None:
    dataset = open_spiral("spiral", None)
    for split, size in (("train", 10_000), ("test", 5_000)):
        examples = dataset.splits[split]()
        assert examples.inputs.shape == (size, 2)
        assert np.bincount(examples.targets).tolist() == [size // 2, size // 2]
    assert dataset.task == "binary"


def test_the_points_are_the_same_everywhere() -> None:
    train, again = load("train").inputs, load("train").inputs
    assert train.dtype == np.float32
    assert np.array_equal(train, again)
    # Not a hash: sine and cosine may differ in the last bit between machines.
    np.testing.assert_allclose(
        train[:2], [[0.9927471, -0.0644775], [-0.1151435, -0.5989175]], rtol=1e-6
    )
    assert train.sum(dtype=np.float64) == pytest.approx(254.1116, rel=1e-5)


def test_train_and_test_are_different_points() -> None:
    train, test = load("train").inputs, load("test").inputs
    assert not np.isin(test[:, 0], train[:, 0]).all()


def test_the_second_class_is_the_first_turned_by_pi() -> None:
    t = np.linspace(0, 1, 50)
    first, second = (points(t, np.full(50, number)) for number in (0, 1))
    np.testing.assert_allclose(second, -first, atol=1e-6)


def test_the_distance_from_the_origin_is_twice_the_root_of_t() -> None:
    t = np.array([0, 0.25, 1])
    radius = np.linalg.norm(points(t, np.zeros(3, np.int64)), axis=1)
    np.testing.assert_allclose(radius, [0, 1, 2], atol=1e-6)


def test_a_path_is_refused() -> None:
    with pytest.raises(LmctoolError, match="'spiral' is generated and takes no path"):
        open_spiral("spiral", Path("elsewhere"))
