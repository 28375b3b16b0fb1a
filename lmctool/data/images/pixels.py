"""What a ``Preprocessing`` says, done to one image or mask.

It is done as torchvision's ``Resize`` and ``CenterCrop`` do it to a PIL image, and so as the
transforms do that torchvision and timm evaluate with: converted, resized with antialiasing, cut
from the centre.  A mask, whose pixels are classes, goes the same way by its nearest pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lmctool.data.tokens import IGNORE_INDEX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Preprocessing

MODES = {1: "L", 3: "RGB"}
INTERPOLATIONS = {name.lower(): Image.Resampling[name] for name in Image.Resampling.__members__}
CLASS_MODES = ("1", "L", "P", "I", "I;16")
LONGEST = 1 << 18
"""The longest side that an image may be given."""


def pixels(image: Image.Image, how: Preprocessing) -> NDArray[np.uint8]:
    """Return an image as (channel, height, width) bytes."""
    converted = image.convert(MODES[how.channels])
    size = resized(converted.size, how.resize or ())
    if size != converted.size:
        converted = converted.resize(size, INTERPOLATIONS[how.interpolation])
    array = np.asarray(converted).reshape(size[1], size[0], how.channels)
    return np.ascontiguousarray(centred(array, how.crop, 0).transpose(2, 0, 1))


def mask_classes(mask: Image.Image, how: Preprocessing) -> NDArray[np.int64]:
    """Return a mask as (height, width) classes; what a crop adds around it counts for nothing.

    Raises:
        ValueError: its pixels are colours.
    """
    if mask.mode not in CLASS_MODES:
        raise ValueError(f"a mask is of the pixels' classes, and this one has mode {mask.mode}")
    size = resized(mask.size, how.resize or ())
    if size != mask.size:
        mask = mask.resize(size, Image.Resampling.NEAREST)
    return centred(np.asarray(mask).astype(np.int64), how.crop, IGNORE_INDEX)


def resized(size: tuple[int, int], resize: Sequence[int]) -> tuple[int, int]:
    """Return the width and height that an image is resized to, from its own.

    Args:
        size: width and height.
        resize: the length of the shorter side, or height and width; empty leaves the size.

    Raises:
        ValueError: the longer side would take far more memory than any image.
    """
    if not resize:
        return size
    if len(resize) == 2:
        return resize[1], resize[0]
    short, long = sorted(size)
    other = int(resize[0] * long / short)
    if other > LONGEST:
        raise ValueError(f"of {size[0]}x{size[1]} pixels, its longer side would become {other}")
    return (resize[0], other) if size[0] <= size[1] else (other, resize[0])


def centred(array: NDArray[Any], crop: Sequence[int], fill: int) -> NDArray[Any]:
    """Return the centre of an image (height, width, ...), filled up where it is smaller.

    Args:
        array: the image.
        crop: height and width; empty leaves it whole.
        fill: what stands around a smaller one.
    """
    for axis, length in enumerate(crop):
        short = length - array.shape[axis]
        if short > 0:
            widths = [(0, 0)] * array.ndim
            widths[axis] = (short // 2, (short + 1) // 2)
            array = np.pad(array, widths, constant_values=fill)
        start = round((array.shape[axis] - length) / 2)
        array = array.take(range(start, start + length), axis)
    return array


def mask_without(mask: Image.Image, ignored: int | None) -> Image.Image:
    """Return a mask of classes in which one of them is -100, which counts for nothing.

    Args:
        mask: as decoded; one of colours is left to be refused.
        ignored: the class, or None for none.
    """
    if ignored is None or mask.mode not in CLASS_MODES:
        return mask
    classes = np.asarray(mask).astype(np.int32)
    return Image.fromarray(np.where(classes == ignored, np.int32(IGNORE_INDEX), classes))
