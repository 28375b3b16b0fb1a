"""Images of any size as inputs of one size: what a ``Preprocessing`` says, done to each.

It is done as torchvision's ``Resize`` and ``CenterCrop`` do it to a PIL image, and so as the
transforms do that torchvision and timm evaluate with: converted, resized with antialiasing, cut
from the centre.  A mask, whose pixels are classes, goes the same way by its nearest pixels.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lmctool.data.tokens import IGNORE_INDEX
from lmctool.errors import LmctoolError
from lmctool.plugin.records import Examples, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.plugin.records import Images

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""The formats that are opened: none of them can name a program, as PostScript does."""
MODES = {1: "L", 3: "RGB"}
INTERPOLATIONS = {name.lower(): Image.Resampling[name] for name in Image.Resampling.__members__}
CLASS_MODES = ("1", "L", "P", "I", "I;16")
LONGEST = 1 << 18
"""The longest side that an image may be given."""
NO_SIZE = "pass ?resize=256&crop=224, in the numbers that the model was trained with"


def preprocessing_of(
    resize: object = None, crop: object = None, interpolation: object = "", channels: object = 0
) -> Preprocessing | None:
    """Return what the arguments behind a data spec say of images; None where they say nothing.

    Args:
        resize: the shorter side as a number, both sides as ``HEIGHTxWIDTH``, or ``none`` for the
            size that an image has.
        crop: both sides as a number, or as ``HEIGHTxWIDTH``.
        interpolation: the name of a filter.
        channels: 1 for grey, 3 for colours.

    Raises:
        LmctoolError: one of them is something else.
    """
    if resize is None and crop is None and not interpolation and not channels:
        return None
    if interpolation and interpolation not in INTERPOLATIONS:
        names = ", ".join(INTERPOLATIONS)
        raise LmctoolError(f"images have no interpolation {interpolation!r}; it is one of {names}")
    if channels not in {0, *MODES}:
        raise LmctoolError(f"images have channels=1 or channels=3, not {channels!r}")
    sides = () if crop is None else _sides("crop", crop)
    size = None if resize is None else () if resize == "none" else _sides("resize", resize)
    return Preprocessing(
        resize=size,
        crop=sides * 2 if len(sides) == 1 else sides,
        interpolation=str(interpolation),
        channels=int(str(channels)),
        origin="the data's spec",
    )


def _sides(name: str, value: object) -> tuple[int, ...]:
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", str(value))
    sides = tuple(int(side) for side in match.groups() if side) if match else ()
    if not sides or min(sides) < 1:
        raise LmctoolError(f"images have no {name}={value}; it is as 224 or as 192x256")
    return sides


def decoded_image(source: Path | bytes, what: str, *, upright: bool = False) -> Image.Image:
    """Return an image, read whole.

    Args:
        source: the file, or its content.
        what: what to call it in an error.
        upright: turn it as its camera noted, as the library of Hugging Face does.

    Raises:
        LmctoolError: it is no image of a format that is read, is damaged, or so large that PIL
            takes it for a bomb.
    """
    opened = BytesIO(source) if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(opened, formats=FORMATS) as image:
                image.load()
                return ImageOps.exif_transpose(image) if upright else image.copy()
    except Exception as cause:  # each of PIL's decoders raises what it likes
        reason = "it is no image" if isinstance(cause, UnidentifiedImageError) else cause
        raise LmctoolError(f"{what} cannot be read: {reason}") from cause


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


def are_images(values: object) -> bool:
    """Tell whether inputs or targets are images of any size, and no array."""
    return not hasattr(values, "shape")


def prepared(examples: Examples, how: Preprocessing, what: str) -> Examples:
    """Return examples whose images are prepared as they are read, and whose masks are arrays.

    Args:
        examples: of images of any size.
        how: what is done to each, with all of it said.
        what: what to call them in an error.

    Raises:
        LmctoolError: there is none, one cannot be read, or their sizes differ and are left.
    """
    if not len(examples.inputs):
        raise LmctoolError(f"{what} is empty: it has no images")
    inputs = PreparedImages(examples.inputs, how, what)
    if not are_images(examples.targets):
        return Examples(inputs, examples.targets)
    masks = PreparedImages(examples.targets, how, f"the masks of {what}", of_classes=True)
    return Examples(inputs, masks[np.arange(len(masks))])


@dataclass(frozen=True)
class PreparedImages:
    """The images of a split, prepared as they are read: ``Rows`` of bytes, or of classes.

    Attributes:
        images: as stored.
        how: what is done to each.
        what: what to call them in an error.
        of_classes: whether they are masks.
        shape: (example, channel, height, width), of masks without the channel.
        dtype: uint8, of masks int64.
        costly: they are decoded each time.
    """

    images: Images
    how: Preprocessing
    what: str
    of_classes: bool = False
    shape: tuple[int, ...] = field(init=False)
    dtype: np.dtype[Any] = field(init=False)
    costly: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        """Find the shape, by the first image."""
        object.__setattr__(self, "dtype", np.dtype(np.int64 if self.of_classes else np.uint8))
        object.__setattr__(self, "shape", (len(self), *self._pixels(0).shape))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the images at some places.

        Raises:
            LmctoolError: one cannot be read, or is of another size than the first.
        """
        read = np.empty((len(places), *self.shape[1:]), self.dtype)
        for row, place in enumerate(places.tolist()):
            pixels = self._pixels(place)
            if pixels.shape != read.shape[1:]:
                sizes = " and of ".join(_size(shape) for shape in (self.shape, pixels.shape))
                raise LmctoolError(
                    f"{self.what} has images of {sizes} (number {place}), and nobody says how they"
                    f" become one size; {NO_SIZE}"
                )
            read[row] = pixels
        return read

    def _pixels(self, place: int) -> NDArray[Any]:
        """Return one image, prepared."""
        try:
            return (mask_classes if self.of_classes else pixels)(self.images[place], self.how)
        except LmctoolError:
            raise
        except Exception as cause:  # a stranger's code, or what PIL cannot do
            reason = cause if isinstance(cause, ValueError) else f"{type(cause).__name__}: {cause}"
            raise LmctoolError(f"image {place} of {self.what} cannot be used: {reason}") from cause


def pixels(image: Image.Image, how: Preprocessing) -> NDArray[np.uint8]:
    """Return an image as (channel, height, width) bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of transparency in a palette, which has no channel
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


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[-2]}x{shape[-1]} pixels"
