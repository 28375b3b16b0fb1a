"""The order of an image's axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.data.layout import layout_of
from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.arrays import open_arrays
from tests.data.inputs import inputs_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

Y = np.array([0, 1, 1])
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 3, 6, 5), dtype=np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_with_the_channels_last_are_put_right(
    save_npz: Callable[..., Path], channels: int, dtype: str
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, channels, 6, 7)).astype(dtype)
    path = save_npz(x=images.transpose(0, 2, 3, 1), y=Y)
    dataset = open_arrays("arrays", path)
    assert np.array_equal(inputs_of(dataset), images)
    assert dataset.read_as == ("inputs are images with the channels last (height, width, channel)",)


def test_grey_images_get_an_axis_of_channels(save_npz: Callable[..., Path]) -> None:
    dataset = open_arrays("arrays", save_npz(x=IMAGES[:, 0], y=Y))
    assert np.array_equal(inputs_of(dataset), IMAGES[:, :1])
    assert dataset.read_as == (
        "inputs are grey images without an axis of channels, which gets one of length 1",
    )


@pytest.mark.parametrize(
    ("shape", "dtype", "layout"),
    [
        ((9, 28, 28), "uint8", "hw"),
        ((9, 28, 28), "float32", "as-is"),
        ((9, 32, 32, 3), "uint8", "hwc"),
        ((9, 32, 32, 3), "float64", "hwc"),
        ((9, 3, 32, 32), "uint8", "as-is"),
        ((9, 1, 28, 28), "uint8", "as-is"),
        ((9, 3, 32, 3), "uint8", "as-is"),
        ((9, 16, 3, 3), "float32", "as-is"),
        ((9, 64, 1, 1), "float32", "as-is"),
        ((9, 28, 28, 28), "uint8", "as-is"),
        ((9, 28, 28, 2), "uint8", "as-is"),
        ((9, 784), "uint8", "as-is"),
        ((9, 8, 8, 8, 3), "uint8", "as-is"),
    ],
)
def test_the_shape_tells_the_order_of_axes(shape: tuple[int, ...], dtype: str, layout: str) -> None:
    assert layout_of(shape, dtype) == layout


@pytest.mark.parametrize(
    ("stored", "layout", "right"),
    [
        (IMAGES[:, 0].astype(np.float32), "hw", IMAGES[:, :1]),
        (IMAGES, "hw", IMAGES[:, None]),
        (IMAGES.transpose(0, 2, 3, 1), "hwc", IMAGES),
        (IMAGES[:, :, 0].transpose(0, 2, 1), "hwc", IMAGES[:, :, 0]),
        (IMAGES.transpose(0, 2, 3, 1), "chw", IMAGES.transpose(0, 2, 3, 1)),
        (IMAGES[:, 0], "as-is", IMAGES[:, 0]),
    ],
)
def test_the_user_s_word_holds_and_nothing_is_said(
    save_npz: Callable[..., Path], stored: NDArray[Any], layout: str, right: NDArray[Any]
) -> None:
    dataset = open_arrays("arrays", save_npz(x=stored, y=Y), layout=layout)
    assert np.array_equal(inputs_of(dataset), right)
    assert dataset.read_as == ()


@pytest.mark.parametrize(
    ("arrays", "asked", "told"),
    [
        ({"x": IMAGES, "y": Y}, {"layout": "nhwc"}, "layout=nhwc is no order of axes; it takes hw"),
        ({"x": IMAGES[:, 0, 0], "y": Y}, {"layout": "hwc"}, r"shape \(3, 5\) have no layout 'hwc'"),
        ({"x": IMAGES[:, 0], "y": Y}, {"layout": "chw"}, "have no layout 'chw'"),
        (
            {"x_train": IMAGES, "y_train": Y, "x_test": IMAGES.transpose(0, 2, 3, 1), "y_test": Y},
            {},
            r"inputs differ in their axes, \(3, 6, 5, 3\) in 'test' and .*\?layout=hw\|hwc",
        ),
        ({"x": IMAGES[:, 0, 0]}, {"layout": "hw"}, r"holds token ids, which have no \?layout="),
    ],
)
def test_an_order_that_no_inputs_have_is_told(
    save_npz: Callable[..., Path], arrays: Any, asked: Any, told: str
) -> None:
    with pytest.raises(LmctoolError, match=told):
        open_arrays("arrays", save_npz(**arrays), **asked)
