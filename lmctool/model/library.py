"""What specs of models from other libraries may say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def name_of(spec: str) -> str:
    """Return NAME of ``LIBRARY:NAME``.

    Raises:
        LmctoolError: there is none, or it could name a file or a place on a hub.
    """
    library, _, name = spec.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
        raise LmctoolError(f"model {spec!r} must be {library}:NAME, with a name as in resnet18")
    return name


def allow(spec: str, arguments: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuse arguments that could make a library load a file.

    Raises:
        LmctoolError: an argument isn't allowed.
    """
    for name in arguments:
        if name not in allowed:
            known = ", ".join(sorted(allowed))
            raise LmctoolError(f"model {spec!r} takes the arguments {known}, not {name!r}")
