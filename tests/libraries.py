"""Libraries of extras, without which some tests are left out."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def needs(*libraries: str) -> pytest.MarkDecorator:
    """Return the mark of tests that are left out without some libraries."""
    absent = [name for name in libraries if find_spec(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")
