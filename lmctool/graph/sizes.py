"""Sizes of a graph's values as whole numbers, also where they vary with the batch."""

from __future__ import annotations

import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LEAST = 2**31
"""Sizes that hold an unknown are larger than this."""
BATCH = 2_147_483_659
"""How many examples are in a batch of any size, where a size is a number: the prime behind
``LEAST``, a size of its own."""
WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
"""Bases that tell every prime below 3.18e23 from other numbers (Sorenson and Webster 2017,
arXiv:1509.00864)."""


def size_of(size: int | torch.SymInt) -> int:
    """Return a size; each unknown in it, such as the batch, counts as a large prime of its own.

    A prime, so that no product of a model's own sizes equals it, and a flattened axis can still
    be told apart into the unknown and the rest.
    """
    if isinstance(size, int):
        return size
    expression: Any = size.node.expr
    return int(expression.subs({symbol: _prime(str(symbol)) for symbol in expression.free_symbols}))


def at_batch(size: int, examples: int) -> int:
    """Return a size that was told for a batch of ``BATCH`` for one of so many examples."""
    times, rest = divmod(size, BATCH)
    return times * examples + rest


@cache
def _prime(symbol: str) -> int:
    number = LEAST + zlib.crc32(symbol.encode()) + 1
    while not _is_prime(number):
        number += 1
    return number


def _is_prime(number: int) -> bool:
    """Tell whether an odd or even number above the greatest witness is prime, by Miller and Rabin.

    sympy, which torch computes sizes with, would tell too, and takes long to import.
    """
    odd, halvings = number - 1, 0
    while odd % 2 == 0:
        odd, halvings = odd // 2, halvings + 1

    def passes(base: int) -> bool:
        power = pow(base, odd, number)
        if power in (1, number - 1):
            return True
        for _ in range(halvings - 1):
            power = power * power % number
            if power == number - 1:
                return True
        return False

    return number % 2 == 1 and all(map(passes, WITNESSES))


def varies(size: int) -> bool:
    """Tell whether a size holds an unknown."""
    return size > LEAST
