"""The share of a run that one of several processes computes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lmctool.errors import LmctoolError


@dataclass(frozen=True, slots=True)
class Share:
    """One share of several of the same size.

    Attributes:
        number: which one, from 1.
        count: of how many.
    """

    number: int
    count: int

    @classmethod
    def read(cls, text: str) -> Share:
        """Return the share that ``I/N`` means.

        Raises:
            LmctoolError: it means none.
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if found and 1 <= int(found[1]) <= int(found[2]):
            return cls(int(found[1]), int(found[2]))
        raise LmctoolError(
            f"{text!r} is no share; give I/N with I from 1 to N, such as 2/4 for the second of four"
        )

    def has(self, number: int) -> bool:
        """Tell whether an item of a list, by its number from 0, is in this share."""
        return number % self.count == self.number - 1

    def __str__(self) -> str:
        """Return the text that means it."""
        return f"{self.number}/{self.count}"
