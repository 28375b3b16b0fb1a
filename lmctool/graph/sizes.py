"""Sizes of a graph's values as whole numbers, also where they vary with the batch."""

from __future__ import annotations

import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import sympy

if TYPE_CHECKING:
    import torch

LEAST = 2**31
"""Sizes that hold an unknown are larger than this."""


def size_of(size: int | torch.SymInt) -> int:
    """Return a size; each unknown in it, such as the batch, counts as a large prime of its own.

    A prime, so that no product of a model's own sizes equals it, and a flattened axis can still
    be told apart into the unknown and the rest.
    """
    if isinstance(size, int):
        return size
    expression: Any = size.node.expr
    return int(expression.subs({symbol: _prime(str(symbol)) for symbol in expression.free_symbols}))


@cache
def _prime(symbol: str) -> int:
    return int(sympy.nextprime(LEAST + zlib.crc32(symbol.encode())))


def varies(size: int) -> bool:
    """Tell whether a size holds an unknown."""
    return size > LEAST
