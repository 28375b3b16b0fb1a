"""Lengths that users write: ``3.25in``, ``8cm``, ``90mm``, ``234pt``."""

from __future__ import annotations

import math
import re

import click

INCHES = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4, "pt": 1 / 72.27}
"""How many inches a unit is long; a point is TeX's, as in the widths of its columns."""
FORM = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]+)\s*", re.IGNORECASE)
LEAST, MOST = 0.5, 100
"""The lengths that a figure can have, in inches."""


def inches(_: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Parse a length with its unit, as inches; None stays None."""
    if text is None:
        return None
    found = FORM.fullmatch(text)
    length = float(found[1]) * INCHES.get(found[2].lower(), math.nan) if found else math.nan
    if not LEAST <= length <= MOST:
        raise click.BadParameter(
            f"{text!r} is no length from {LEAST} to {MOST} inches with its unit, such as 3.25in,"
            " 8cm, 90mm or 234pt",
            param=option,
        )
    return length
