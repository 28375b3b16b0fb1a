"""Numbers and titles as text."""

from __future__ import annotations

import math


def number(value: float | None) -> str:
    """Return a number with six digits, or a dash for what is missing."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.6g}"


def titled(title: str, unit: str) -> str:
    """Return a title with its unit, unless that is plain numbers."""
    return title if unit in {"", "1"} else f"{title} [{unit}]"
