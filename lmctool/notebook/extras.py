"""Libraries that not every user has."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lmctool.errors import LmctoolError


def library(name: str) -> Any:
    """Import a library of the extra ``notebook``.

    Raises:
        LmctoolError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as cause:
        raise LmctoolError(
            f'{name} is not installed; pip install "lmctool[notebook]" brings it'
        ) from cause
