"""Any model of the timm library: timm:NAME."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.plugin.hookspecs import hookimpl
from lmctool.plugin.kinds import ModelFamily
from lmctool_plugins.models.library import name_of, refuse_files

if TYPE_CHECKING:
    from torch import nn

ARGUMENTS = frozenset({"num_classes", "in_chans", "img_size"})


def build(spec: str, /, **arguments: Any) -> nn.Module:
    """Return ``timm.create_model(NAME)`` without pretrained weights.

    Raises:
        LmctoolError: timm isn't installed, has no such model, or an argument may load files.
    """
    name = name_of(spec)
    refuse_files(spec, arguments)
    try:
        import timm
    except ImportError as cause:
        raise LmctoolError(f"model {spec!r} needs the timm library: pip install timm") from cause
    try:
        module: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    except Exception as cause:  # timm raises whatever the model's own code raises
        raise LmctoolError(f"timm cannot build {name!r}: {cause}") from cause
    return module


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model timm:NAME``."""
    return ModelFamily(build, metadata_arguments=ARGUMENTS)
