"""Any model of the timm library: timm:NAME."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.api import LmctoolError, ModelFamily, Preprocessing, hookimpl
from lmctool.api.advanced import (
    import_library,
    library_model,
    refuse_file_arguments,
    timm_preprocessing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from lmctool.api import Argument

ARGUMENTS = frozenset(
    {"num_classes", "in_chans", "img_size", "patch_size", "embed_dim", "depth", "num_heads"}
)
"""The sizes that a file may set."""


def build(spec: str, /, **arguments: Any) -> nn.Module:
    """Return ``timm.create_model(NAME)`` without pretrained weights.

    Raises:
        LmctoolError: timm isn't installed, has no such model, or an argument may load files.
    """
    name = library_model(spec)
    refuse_file_arguments(spec, arguments)
    timm = import_library("timm", spec)
    try:
        module: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    except Exception as cause:  # timm raises whatever the model's own code raises
        raise LmctoolError(f"timm cannot build {name!r}: {cause}") from cause
    return module


def from_config(config: Mapping[str, Any]) -> tuple[str, dict[str, Argument]] | None:
    """Return the model that a config.json of timm describes."""
    name = config.get("architecture")
    if not isinstance(name, str):
        return None
    nested = config.get("model_args")
    table = {**config, **(nested if isinstance(nested, dict) else {})}
    sizes = {key: table[key] for key in ARGUMENTS if isinstance(table.get(key), int)}
    return f"timm:{name}", sizes


def preprocessing(spec: str, /, **arguments: Any) -> Preprocessing | None:
    """Return how timm evaluates its default weights of NAME; nothing is downloaded."""
    name = library_model(spec)
    found = import_library("timm", spec).get_pretrained_cfg(name)
    table = found.to_dict() if found else {}
    if not table.get("input_size"):
        return None
    channels, height, width = table["input_size"]
    side = arguments.get("img_size")
    size = (side, side) if isinstance(side, int) else (height, width)
    table["input_size"] = [arguments.get("in_chans", channels), *size]
    return timm_preprocessing(table, f"timm for its weights {table.get('tag') or ''} of {name}")


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model timm:NAME``."""
    return ModelFamily(
        build, metadata_arguments=ARGUMENTS, from_config=from_config, preprocessing=preprocessing
    )
