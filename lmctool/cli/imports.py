"""Importing much at once."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage while torch is imported, and in what was imported, ever.

    Imports make a million objects that stay, and leave next to no garbage; to look through them,
    again and again until the program's end, takes a fifth of what a small run does.  Where torch
    is there already, as in a process that is not lmctool's own, nothing is changed.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
