"""What a configuration of timm or of Hugging Face says of how images become inputs.

Both come from files that nobody vouches for: numbers that no image can have are refused, and what
this tool does not do is said rather than passed over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CROP_SHARE = 0.875
"""What timm cuts from the resized image where its configuration doesn't say (``crop_pct``)."""
LARGEST = 8192
"""The longest side that images are resized or cut to."""
RESAMPLE = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""PIL's filters by the number that an image processor has."""
SHORTER_SIDE = (
    "Bit",
    "CLIP",
    "ChineseCLIP",
    "ConvNext",
    "Levit",
    "MobileNet",
    "MobileViT",
    "PoolF",
)
"""How the image processors are called of which a single number is the shorter side; of others it
is both sides (``default_to_square`` in transformers)."""
WARPED_FROM = 384
"""The size from which on ConvNeXt's processor cuts nothing, and resizes both sides."""


def timm_preprocessing(table: Mapping[str, Any], origin: str) -> Preprocessing:
    """Return what a ``pretrained_cfg`` says, as ``timm.data.create_transform`` evaluates with it.

    What it doesn't say is what ``timm.data.resolve_data_config`` takes.

    Args:
        table: the configuration.
        origin: whose it is, in words.

    Raises:
        LmctoolError: a value is unusable, or asks for what is not done here.
    """
    channels, height, width = (*_numbers(table.get("input_size")), 0, 0, 0)[:3]
    if table.get("input_size") is None:
        channels, height, width = 3, 224, 224
    share = table.get("crop_pct") or CROP_SHARE
    mode = table.get("crop_mode") or "center"
    if mode not in {"center", "squash"} or (mode == "center" and height != width):
        raise _unknown(origin, f"crop_mode {mode!r} of {height:g}x{width:g} pixels")
    if not isinstance(share, int | float) or not 0.01 <= share <= 1:
        raise _unknown(origin, f"crop_pct {share!r}")
    crop = _sides((height, width), origin)
    whole = [math.floor(side / share) for side in crop]
    return Preprocessing(
        resize=_sides(whole[:1] if mode == "center" else whole, origin),
        crop=crop,
        interpolation=_filter(table.get("interpolation") or "bicubic", origin),
        channels=_channels(channels, origin),
        **_constants(table.get("mean"), table.get("std"), int(channels), origin),
        origin=origin,
    )


def processor_preprocessing(table: Mapping[str, Any], origin: str) -> Preprocessing | None:
    """Return what a preprocessor_config.json says; None where it is of no images.

    Args:
        table: the configuration.
        origin: whose it is, in words.

    Raises:
        LmctoolError: a value is unusable, or asks for what is not done here.
    """
    if "image_mean" not in table and "size" not in table:
        return None
    for name in ("do_flip_channel_order", "do_pad", "do_thumbnail", "do_align_long_axis"):
        if table.get(name):
            raise _unknown(origin, name)
    resize, crop = _processor_sizes(table, origin)
    resample = table.get("resample", table.get("interpolation", "bilinear"))
    known = isinstance(resample, int) and 0 <= resample < len(RESAMPLE)
    factor = table.get("rescale_factor", 1 / 255) if table.get("do_rescale", True) else 1
    if not isinstance(factor, int | float) or not 0 < factor < math.inf:
        raise _unknown(origin, f"rescale_factor {factor!r}")
    mean, std = (table.get("image_mean"), table.get("image_std"))
    if not table.get("do_normalize", True):
        mean, std = 0.0, 1.0
    said = mean is not None and std is not None
    constants = _constants(mean, std, 3, origin) if said else {"mean": (), "std": ()}
    scale = factor * 255  # the constants are of values from 0 to 1 here
    return Preprocessing(
        resize=resize,
        crop=crop,
        interpolation=_filter(RESAMPLE[int(resample)] if known else resample, origin),
        mean=tuple(_plain(value / scale) for value in constants["mean"]),
        std=tuple(_plain(value / scale) for value in constants["std"]),
        origin=origin,
    )


def _processor_sizes(
    table: Mapping[str, Any], origin: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return what an image processor resizes and crops to."""
    size, kind = table.get("size"), table.get("image_processor_type")
    kind = str(kind or table.get("feature_extractor_type") or "")
    resize: tuple[int, ...] = ()
    if size is not None and table.get("do_resize", True):
        resize = _size(size, origin, square=not kind.startswith(SHORTER_SIDE))
        if kind.startswith("ConvNext") and len(resize) == 1:
            return _convnext(resize[0], table.get("crop_pct", CROP_SHARE), origin)
    crop = table.get("crop_size")
    if crop is None or not table.get("do_center_crop", True):
        return resize, ()
    return resize, _size(crop, origin, square=True)


def _convnext(side: int, share: Any, origin: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return what ConvNeXt's processor does: small ones are cut from larger ones."""
    if side >= WARPED_FROM:
        return (side, side), ()
    if not isinstance(share, int | float) or not 0.01 <= share <= 1:
        raise _unknown(origin, f"crop_pct {share!r}")
    return _sides((int(side / share),), origin), (side, side)


def _size(size: Any, origin: str, *, square: bool) -> tuple[int, ...]:
    """Return a size as (shorter side,) or (height, width)."""
    if isinstance(size, dict) and size.keys() == {"height", "width"}:
        return _sides((size["height"], size["width"]), origin)
    if isinstance(size, dict) and size.keys() == {"shortest_edge"}:
        return _sides((size["shortest_edge"],), origin)
    if isinstance(size, int | float):
        return _sides((size, size) if square else (size,), origin)
    if isinstance(size, list) and len(size) == 2:
        return _sides(size, origin)
    raise _unknown(origin, f"size {str(size)[:60]}")


def _sides(sides: Sequence[Any], origin: str) -> tuple[int, ...]:
    for side in sides:
        if not isinstance(side, int | float) or not 1 <= side <= LARGEST or side != int(side):
            raise _unknown(origin, f"{str(side)[:60]} pixels")
    return tuple(int(side) for side in sides)


def _filter(name: Any, origin: str) -> str:
    if name not in RESAMPLE:
        raise _unknown(origin, f"interpolation {str(name)[:60]!r}")
    return str(name)


def _channels(channels: float, origin: str) -> int:
    if channels not in {1, 3}:
        raise _unknown(origin, f"{channels:g} channels")
    return int(channels)


def _constants(mean: Any, std: Any, channels: int, origin: str) -> dict[str, tuple[float, ...]]:
    """Return mean and standard deviation, ImageNet's where they are not said of three channels.

    Those of another number of channels are left out: the model was made for fewer.
    """
    known = {}
    for name, value, usual in (("mean", mean, IMAGENET_MEAN), ("std", std, IMAGENET_STD)):
        numbers = _numbers([value] * channels if isinstance(value, int | float) else value)
        if value is not None and not numbers:
            raise _unknown(origin, f"{name} {str(value)[:60]}")
        numbers = numbers or usual
        known[name] = numbers if len(numbers) == channels else ()
    return known if all(known.values()) else {"mean": (), "std": ()}


def _numbers(value: Any) -> tuple[float, ...]:
    """Return the numbers of a list; none if it is anything else."""
    listed = value if isinstance(value, list | tuple) else ()
    plain = all(
        isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each)
        for each in listed
    )
    return tuple(float(each) for each in listed) if plain else ()


def _plain(value: float) -> float:
    """Return a number without what a factor of 1/255 times 255 adds to it."""
    return float(f"{value:.15g}")


def _unknown(origin: str, what: str) -> LmctoolError:
    return LmctoolError(
        f"{origin} prepares images in another way than is done here ({what}); pass ?resize= and"
        " ?crop= behind the data, and --mean and --std"
    )
