"""The embedded digits."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.digits import MEAN, STD, open_digits


def test_the_splits_are_every_fourth_example_and_the_rest() -> None:
    splits = open_digits("digits", None).splits
    train, test = splits["train"](), splits["test"]()
    assert train.inputs.shape == (1348, 1, 8, 8)
    assert test.inputs.shape == (449, 1, 8, 8)
    assert test.targets[:4].tolist() == [3, 7, 1, 5]  # the digits come in the order 0 1 2 ... 9 0


def test_the_images_are_the_known_ones() -> None:
    images = open_digits("digits", None).splits["train"]().inputs
    assert images.dtype == np.uint8
    assert images.max() == 16
    assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == "bdb2ab29a61a186a"


def test_the_constants_are_those_of_the_train_split() -> None:
    scaled = open_digits("digits", None).splits["train"]().inputs / 16
    assert scaled.mean() == pytest.approx(MEAN[0], abs=5e-5)  # written with four digits
    assert scaled.std() == pytest.approx(STD[0], abs=5e-5)


def test_a_path_is_refused() -> None:
    with pytest.raises(LmctoolError, match="'digits' is embedded and takes no path"):
        open_digits("digits", Path("elsewhere"))
