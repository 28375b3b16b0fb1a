"""Numbers and titles as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def number(value: float | None) -> str:
    """Return a number with six digits, or a dash for what is missing."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.6g}"


def percent(share: float | None, digits: int = 2) -> str:
    """Return a share in per cent, or a dash for what is missing.

    >>> percent(0.3007), percent(0.5, 0)
    ('30.07 %', '50 %')
    """
    return "-" if share is None or not math.isfinite(share) else spaced(f"{share:.{digits}%}")


def spaced(text: str) -> str:
    """Return a number with a space before its sign of per cent, where it has one.

    >>> spaced("12.3%"), spaced("0.123")
    ('12.3 %', '0.123')
    """
    return f"{text[:-1].rstrip()} %" if text.endswith("%") else text


def all_digits(value: Any) -> str:
    """Return one value of an array as text, a number with all digits, for what reads it back.

    >>> all_digits(1 / 3), all_digits(2), all_digits("test"), all_digits(None)
    ('0.3333333333333333', '2', 'test', '')
    """
    plain = value.item() if hasattr(value, "item") else value
    if plain is None:
        return ""
    return repr(plain) if isinstance(plain, float) else cell(plain)


def joined(texts: Sequence[str]) -> str:
    """Return texts as a list within a sentence.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last


def titled(title: str, unit: str) -> str:
    """Return a title with its unit, unless that is plain numbers."""
    return title if unit in {"", "1"} else f"{title} [{unit}]"


def cell(value: Any) -> str:
    """Return one value of an array as text: a float with six digits, an integer with all.

    >>> cell(1 / 3), cell(1234567), cell(True), cell("test")
    ('0.333333', '1234567', 'yes', 'test')
    """
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    return number(plain) if isinstance(plain, float) else str(plain)
