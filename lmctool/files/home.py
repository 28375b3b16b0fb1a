"""Paths as users write them."""

from __future__ import annotations

import os
from pathlib import Path


def expanded(text: str) -> Path:
    """Return a path with ``~`` as its user's home; the home of nobody stays as it is written."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 (that of Path raises for nobody's)
