"""Pieces of work for workers of Dask, for tests."""

from __future__ import annotations

import os
import time


def interval(seconds: float) -> tuple[int, float, float]:
    """Return the process that a piece of work took place in, and from when until when it did."""
    begun = time.monotonic()
    time.sleep(seconds)
    return os.getpid(), begun, time.monotonic()
