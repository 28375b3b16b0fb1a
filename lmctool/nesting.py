"""How deep the tables and lists of an untrusted document lie in each other."""

from __future__ import annotations

from typing import Any

DEEPEST = 64
"""Levels of tables and lists; nothing that lmctool reads has more than a few."""


def is_too_deep(document: Any) -> bool:
    """Tell whether something lies deeper than ``DEEPEST``, where printing it could fail."""
    level = [document]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    return [inner for inner in value if isinstance(inner, dict | list)]
