"""Results, as Python code gets them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lmctool.notebook.result import Result

if TYPE_CHECKING:
    from lmctool.results.result import Result as Record


@pytest.fixture
def found(barrier_result: Record) -> Result:
    """A result of barrier, with NaN among its metrics."""
    summary = barrier_result.groups["barrier/summary"]
    told = {"definition": "chord", "batchnorm": "interpolate"}
    groups = {**barrier_result.groups, "barrier/summary": replace(summary, attributes=told)}
    return Result(replace(barrier_result, groups=groups))


@pytest.fixture
def strange(barrier_result: Record) -> Result:
    """A result of an analysis that is not installed."""
    return Result(replace(barrier_result, analysis="unheard-of"))
