"""The records of data: examples as they are stored, their splits, and formats that open them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


class Rows(Protocol):
    """An array that is read in pieces, as a file holds it.

    Attributes:
        shape: (example, ...).
        dtype: of its values.
        costly: whether reading an example takes work, such as decoding, that is not to be done
            for every network anew.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    costly: bool

    def __len__(self) -> int:
        """Return the number of examples."""

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the examples at rising places."""


class Images(Protocol):
    """Images of any size, which the host resizes, crops and makes channel-first bytes of.

    Where they have an attribute ``in_threads`` that is true, several are asked for at once.
    """

    def __len__(self) -> int:
        """Return the number of images."""

    def __getitem__(self, place: int) -> Image:
        """Return one image, decoded."""


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of one split, as stored.

    Attributes:
        inputs: (example, ...) uint8 images (channel first), floats, or int64 token ids: an array,
            or what reads it in pieces; or images of any size.
        targets: (example,) int64 classes, (example, position) int64 tokens with -100 where none
            counts, or what else the dataset's task takes.  Beside images of any size they may be
            images of the pixels' classes, in a mode of whole numbers, which the host resizes and
            crops alike.
    """

    inputs: Any
    targets: Any


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How images of any size become inputs of one size, as libraries of models configure it.

    Attributes:
        resize: the length of the shorter side, or height and width; empty leaves the size, None
            says nothing of it.
        crop: height and width of what is cut from the centre; empty cuts nothing.
        interpolation: ``nearest``, ``box``, ``bilinear``, ``hamming``, ``bicubic`` or
            ``lanczos``; empty where it isn't said.
        channels: 3 for red, green and blue, 1 for grey; 0 where it isn't said.
        mean: per channel, of values from 0 to 1; empty where nothing is known.
        std: per channel.
        origin: who says so, in words.
    """

    resize: tuple[int, ...] | None = None
    crop: tuple[int, ...] = ()
    interpolation: str = ""
    channels: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: its splits, and how its inputs are normalised.

    The model sees ``(inputs * scale - mean) / std``, with ``mean`` and ``std`` per channel
    (axis 1); empty tuples leave ``inputs * scale`` as it is.  Images of any size are bytes, which
    are scaled by 1/255 where no other scale is said.

    Attributes:
        splits: the loader of each split by name.
        source: where the data was found, for the record.
        classes: number of classes or tokens, 0 where the targets are neither; None where that is
            known once they are read: then it is one more than the greatest of a split.
        task: the registered word of the task that scores it.
        class_names: what the classes are called, in the order of their numbers; empty where
            nobody says.
        read_as: in words, each choice that was made where what is stored could mean several
            things, such as "targets are one-hot"; told to the user, and recorded.
        preprocessing: how its images become inputs; None leaves that to the model's own
            configuration.
    """

    splits: Mapping[str, Callable[[], Examples]]
    source: str
    classes: int | None
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    task: str = "classification"
    class_names: tuple[str, ...] = ()
    read_as: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None


@dataclass(frozen=True, slots=True)
class DataFormat:
    """A way to open data.

    Attributes:
        open: ``open(word, location)`` returns the dataset; ``location`` is the path that the
            user gave or configured, or None.  Of ``WORD:PATH?NAME=VALUE`` it gets the value
            by name.
        detect: whether this format can read the path, from its content alone, or under which of
            its words it can; None for formats that are only ever named.
        arguments: the names that ``?NAME=VALUE`` may give.
        constants: ``constants(word)`` returns the mean and the standard deviation per channel
            that its inputs are normalised by, known without the data, both empty for a word of
            which they are not; None where they are of none.
    """

    open: Callable[..., Dataset]
    detect: Callable[[Path], bool | Container[str]] | None = None
    arguments: frozenset[str] = frozenset()
    constants: Callable[[str], tuple[tuple[float, ...], tuple[float, ...]]] | None = None
