"""A result with curves and metrics, and its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmctool.results.file import write
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def curved() -> Result:
    """Loss and error of three variants on two splits, with one NaN, and their barriers."""
    alpha = np.linspace(0, 1, 11)
    names = {
        "variant": Variable(
            np.array(["plain", "align", "align+repair"], dtype=object), ("variant",)
        ),
        "split": Variable(np.array(["train", "test"], dtype=object), ("split",)),
    }
    heights = np.array([[2.2, 2.0], [1.1, 1.0], [0.2, 0.3]])
    loss = 0.1 + heights[..., None] * 4 * alpha * (1 - alpha)
    loss[1, 1, 5] = np.nan
    dims = ("variant", "split", "alpha")
    curve = {
        **names,
        "alpha": Variable(alpha, ("alpha",), long_name="alpha"),
        "loss": Variable(loss, dims, "nat", "loss"),
        "error": Variable(loss / 4, dims, "1", "error"),
    }
    barrier = {
        **names,
        "barrier_loss": Variable(heights, dims[:2], "nat", "loss barrier", "barrier.loss", "lower"),
        "barrier_error": Variable(
            heights / 4, dims[:2], "1", "error barrier", "barrier.error", "lower"
        ),
    }
    provenance = Group({}, {"command": "lmctool some\x1b[31mthing", "seed": 0, "long": "x" * 1000})
    groups = {"curve": Group(curve), "summary": Group(barrier), "provenance": provenance}
    return Result("unheard-of", groups)


@pytest.fixture
def curved_file(curved: Result, tmp_path: Path) -> Path:
    """The file of that result."""
    path = tmp_path / "curved.h5"
    write(curved, path)
    return path
