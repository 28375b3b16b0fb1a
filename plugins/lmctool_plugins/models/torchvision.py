"""Any classification model of the torchvision library: torchvision:NAME."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.api import LmctoolError, ModelFamily, Preprocessing, hookimpl
from lmctool.api.advanced import import_library, library_model, refuse_file_arguments

if TYPE_CHECKING:
    from torch import nn

ARGUMENTS = frozenset({"num_classes"})


def build(spec: str, /, **arguments: Any) -> nn.Module:
    """Return ``torchvision.models.get_model(NAME)`` without pretrained weights.

    Raises:
        LmctoolError: torchvision isn't installed, has no such model, or an argument may load files.
    """
    name = library_model(spec)
    refuse_file_arguments(spec, arguments)
    models = import_library("torchvision", spec).models
    try:
        module: nn.Module = models.get_model(name, weights=None, **arguments)
    except Exception as cause:  # torchvision raises whatever the model's own code raises
        raise LmctoolError(f"torchvision cannot build {name!r}: {cause}") from cause
    return module


def preprocessing(spec: str, /, **_: Any) -> Preprocessing | None:
    """Return how torchvision evaluates its default weights of NAME; nothing is downloaded."""
    name = library_model(spec)
    models = import_library("torchvision", spec).models
    try:
        weights = models.get_model_weights(name).DEFAULT
        how = weights.transforms()
    except (AttributeError, ValueError):  # it has none
        return None
    if not hasattr(how, "resize_size"):  # of videos or optical flow
        return None
    return Preprocessing(
        resize=tuple(how.resize_size),
        crop=tuple(getattr(how, "crop_size", []) * 2),
        interpolation=how.interpolation.value,
        mean=tuple(how.mean),
        std=tuple(how.std),
        origin=f"torchvision for its weights {weights.name} of {name}",
    )


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model torchvision:NAME``."""
    return ModelFamily(build, metadata_arguments=ARGUMENTS, preprocessing=preprocessing)
