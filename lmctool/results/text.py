"""Numbers and titles as text."""

from __future__ import annotations

import math

import numpy as np


def number(value: float | None) -> str:
    """Return a number with six digits, or a dash for what is missing."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.6g}"


def titled(title: str, unit: str) -> str:
    """Return a title with its unit, unless that is plain numbers."""
    return title if unit in {"", "1"} else f"{title} [{unit}]"


def cell(value: object) -> str:
    """Return one value of an array as text: a float with six digits, an integer with all.

    >>> cell(np.float64(1 / 3)), cell(np.int64(1234567)), cell(np.True_), cell("test")
    ('0.333333', '1234567', 'yes', 'test')
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return number(float(value)) if isinstance(value, float | np.floating) else str(value)
