"""What specs and arguments of models from other libraries may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lmctool.api import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = {"cache_dir", "checkpoint_path"}


def name_of(spec: str) -> str:
    """Return NAME of ``LIBRARY:NAME``.

    Raises:
        LmctoolError: there is none, or it could name a file or a place on a hub.
    """
    library, _, name = spec.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
        raise LmctoolError(f"model {spec!r} must be {library}:NAME, with a name as in resnet18")
    return name


def could_load(name: str) -> bool:
    """Tell whether an argument of this name could make a library fetch or load a file."""
    return name in FILES or name.startswith(("pretrained", "use_pretrained", "weights"))


def refuse_files(spec: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that could make a library fetch or load a file.

    Raises:
        LmctoolError: there is such an argument.
    """
    for name in filter(could_load, arguments):
        raise LmctoolError(
            f"model {spec!r} takes no argument {name!r}: the weights come from the checkpoints"
        )
