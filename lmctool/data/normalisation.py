"""Inputs that reach a model otherwise than in training: a normalisation that was forgotten."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from lmctool.data.split import Split
    from lmctool.data.stored_inputs import StoredInputs

LOOKED_AT = 512
"""Examples whose moments are taken, evenly spread over the split."""
ENOUGH = 16
"""Examples below which their moments say nothing."""
FAR, WIDE = 5.0, 20.0
"""How far from 0 the mean of normalised inputs may lie, and by which factor their standard
deviation may differ from 1; other data than that of the constants stays well within."""
PIXELS = 64
"""Numbers of one example from which on it may be an image."""


@dataclass(frozen=True, slots=True)
class Constants:
    """What inputs were normalised by in training.

    Attributes:
        origin: who says so, in words.
        mean: per channel.
        std: per channel.
    """

    origin: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


def stamped_constants(
    metadata: Iterable[Mapping[str, str]], configs: Iterable[Mapping[str, Any] | None]
) -> Constants | None:
    """Return the constants that checkpoints name; None if none does.

    By ``mean`` and ``std`` of their own metadata, by the registered data they are stamped with,
    or in a config.json of timm.

    Args:
        metadata: that of each checkpoint.
        configs: the config.json of each, or None.
    """
    for entries in metadata:
        mean, std = (_numbers(entries.get(key)) for key in ("mean", "std"))
        if mean and std:
            return Constants("the checkpoint's metadata", mean, std)
        if constants := _of_data(entries.get("lmctool.data")):
            return constants
    for config in configs:
        table = (config or {}).get("pretrained_cfg")
        if isinstance(table, dict):
            mean, std = (_numbers(json.dumps(table.get(key))) for key in ("mean", "std"))
            if mean and std:
                return Constants("the checkpoint's config.json", mean, std)
    return None


def suspicion(split: Split, stamped: Constants | None) -> str | None:
    """Return why inputs can hardly be what the model was trained on; None if nothing is strange.

    Constants of which the mean is 0 and the standard deviation 1 are the user's word that inputs
    are taken as they are.

    Args:
        split: the examples.
        stamped: what the checkpoints say.
    """
    if len(split) < ENOUGH or not _floats(split.inputs):
        return None
    if split.mean and set(split.mean) == {0} and set(split.std) == {1}:
        return None
    inputs = _sample(split)
    low, high, mean = (float(each) for each in (inputs.min(), inputs.max(), inputs.mean()))
    std = float(inputs.transpose(0, 1).flatten(1).var(1).mean().sqrt())  # within channels
    far = abs(mean) > FAR or not 1 / WIDE < std < WIDE
    if split.mean:
        why = f"normalised by mean {_listed(split.mean)} and standard deviation"
        why = f"{why} {_listed(split.std)}" if far else ""
    elif stamped is not None and any(stamped.mean) and _may_be_images(inputs, len(stamped.mean)):
        why = f"but {stamped.origin} names mean {_listed(stamped.mean)} and standard deviation"
        why = f"{why} {_listed(stamped.std)}" if far or low >= 0 else ""
    else:
        why = "which are bytes that nothing has scaled" if _are_bytes(inputs, low, high) else ""
    if not why:
        return None
    return (
        f"inputs of split {split.name!r} reach the model from {low:.3g} to {high:.3g} (mean"
        f" {mean:.3g}, standard deviation {std:.3g}), {why}: most likely they are not normalised"
        " as in training; pass --mean and --std, 0 and 1 if they are meant as they are"
    )


def _of_data(word: str | None) -> Constants | None:
    """Return the constants of registered data, where its plugin knows them without the data."""
    if word is None or word not in registry.names(DATASETS):
        return None
    try:
        constants = registry.load(DATASETS, word).constants
    except LmctoolError:  # a stranger's plugin that nobody asked for
        return None
    if constants is None:
        return None
    mean, std = constants(word)
    origin = f"the data {word!r} that the checkpoint is stamped with"
    return Constants(origin, mean, std) if mean else None


def _sample(split: Split) -> Tensor:
    """Return some inputs as the model sees them, in float32 on the CPU."""
    import torch

    step = max(1, len(split) // LOOKED_AT)
    some = split.inputs[: step * LOOKED_AT : step]
    inputs = split.normalised(some, torch.float32).cpu()
    return inputs.reshape(len(inputs), -1) if inputs.ndim < 2 else inputs


def _floats(inputs: Tensor | StoredInputs) -> bool:
    import torch

    return inputs.dtype != torch.int64


def _are_bytes(inputs: Tensor, low: float, high: float) -> bool:
    """Tell whether inputs are images of whole numbers up to 255."""
    image = any(_may_be_images(inputs, channels) for channels in (1, 3))
    return image and low >= 0 and 128 <= high <= 255 and bool((inputs == inputs.round()).all())


def _may_be_images(inputs: Tensor, channels: int) -> bool:
    """Tell whether inputs may be images: such, or square ones without an axis of channels.

    Tables and sequences are none, and constants of images do not hold for them.
    """
    if inputs.ndim > 3:
        return True
    if inputs[0].numel() < PIXELS:
        return False
    if inputs.ndim == 3:
        return inputs.shape[1] == inputs.shape[2]
    return math.isqrt(inputs.shape[1] // channels) ** 2 * channels == inputs.shape[1]


def _numbers(text: str | None) -> tuple[float, ...]:
    """Return the numbers of a JSON list or a comma list; none if it is neither."""
    try:
        listed = json.loads(f"[{(text or '').strip().removeprefix('[').removesuffix(']')}]")
    except (ValueError, RecursionError):
        return ()
    plain = all(isinstance(each, int | float) and math.isfinite(each) for each in listed)
    return tuple(float(each) for each in listed) if plain else ()


def _listed(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{number:.4g}" for number in numbers[:4])
