"""Images of any size as rows of one size, which are decoded and prepared as they are read."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lmctool.data.images.pixels import mask_classes, pixels
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Examples

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Images, Preprocessing

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""The formats that are opened: none of them can name a program, as PostScript does."""
NO_SIZE = "pass ?resize=256&crop=224, in the numbers that the model was trained with"


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
        with Image.open(opened, formats=FORMATS) as image:
            image.load()
            return ImageOps.exif_transpose(image) if upright else image.copy()
    except Exception as cause:  # each of PIL's decoders raises what it likes
        reason = "it is no image" if isinstance(cause, UnidentifiedImageError) else cause
        raise LmctoolError(f"{what} cannot be read: {reason}") from cause


def are_images(values: object) -> bool:
    """Tell whether inputs or targets are images of any size, and no array."""
    return not hasattr(values, "shape")


def prepared(examples: Examples, how: Preprocessing, what: str) -> Examples:
    """Return examples whose images are prepared as they are read, and their masks too.

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
    if not len(examples.targets):
        raise LmctoolError(f"{what} has no masks")
    masks = PreparedImages(examples.targets, how, f"the masks of {what}", of_classes=True)
    return Examples(inputs, masks)


class PreparedImages:
    """The images of a split, prepared as they are read: ``Rows`` of bytes, or of classes.

    Attributes:
        shape: (example, channel, height, width), of masks without the channel.
        dtype: uint8, of masks int64.
        ndim: the number of axes.
        size: the number of values.
        costly: they are decoded each time.
    """

    costly = True

    def __init__(
        self, images: Images, how: Preprocessing, what: str, *, of_classes: bool = False
    ) -> None:
        """Take images, and find their shape by the first one.

        Args:
            images: at least one.
            how: what is done to each, with all of it said.
            what: what to call them in an error.
            of_classes: whether they are masks.
        """
        self._images, self._how, self._what = images, how, what
        self._prepare = mask_classes if of_classes else pixels
        self.dtype: np.dtype[Any] = np.dtype(np.int64 if of_classes else np.uint8)
        self.shape: tuple[int, ...] = (len(images), *self._read([0])[0].shape)
        self.ndim, self.size = len(self.shape), prod(self.shape)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the images at some places.

        Raises:
            LmctoolError: one cannot be read, or is of another size than the first.
        """
        numbers = places.tolist()
        read = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        for row, found in enumerate(self._read(numbers)):
            if found.shape != read.shape[1:]:
                sizes = " and of ".join(_size(shape) for shape in (self.shape, found.shape))
                raise LmctoolError(
                    f"{self._what} has images of {sizes} (number {numbers[row]}), and nobody says"
                    f" how they become one size; {NO_SIZE}"
                )
            read[row] = found
        return read

    def _read(self, places: list[int]) -> list[NDArray[Any]]:
        """Return images, prepared, without what PIL warns of: transparency, large ones, tags."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if getattr(self._images, "in_threads", False):
                with ThreadPoolExecutor() as pool:
                    return list(pool.map(self._pixels, places))
            return [self._pixels(place) for place in places]

    def _pixels(self, place: int) -> NDArray[Any]:
        """Return one image, prepared."""
        try:
            return self._prepare(self._images[place], self._how)
        except LmctoolError:
            raise
        except Exception as cause:  # a stranger's code, or what PIL cannot do
            reason = cause if isinstance(cause, ValueError) else f"{type(cause).__name__}: {cause}"
            raise LmctoolError(f"image {place} of {self._what} cannot be used: {reason}") from cause


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[-2]}x{shape[-1]} pixels"
