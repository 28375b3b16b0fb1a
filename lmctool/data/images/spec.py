"""What the arguments behind a data spec say of images, and what several say together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmctool.data.images.pixels import INTERPOLATIONS, MODES
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.plugin.data_records import Dataset


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


def merged(said: Sequence[Preprocessing], channels: int = 3) -> Preprocessing:
    """Return one preprocessing, each part of which the first that names it says.

    A size that nobody names is left, and a filter that nobody names is bilinear.

    Args:
        said: what each says, those that count more first.
        channels: how many there are where nobody says so.
    """
    nothing = Preprocessing()
    size = next((each for each in said if says_size(each)), nothing)
    filtering = next((each for each in said if each.interpolation), nothing)
    constants = next((each for each in said if each.mean), nothing)
    coloured = next((each for each in said if each.channels), nothing)
    used = [size, *([filtering] if size.resize else []), constants, coloured]
    return Preprocessing(
        resize=size.resize or (),
        crop=size.crop,
        interpolation=filtering.interpolation or "bilinear",
        channels=coloured.channels or channels,
        mean=constants.mean,
        std=constants.std,
        origin=" and ".join(dict.fromkeys(each.origin for each in used if each.origin)),
    )


def by_itself(dataset: Dataset) -> Preprocessing:
    """Return how the images of a dataset become inputs where nobody else says anything of it."""
    return merged([dataset.preprocessing] if dataset.preprocessing else [])


def says_size(how: Preprocessing) -> bool:
    """Tell whether a preprocessing says anything of the size of images."""
    return how.resize is not None or bool(how.crop)
