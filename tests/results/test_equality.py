"""Two results are equal if every value and every attribute of it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lmctool.results.equality import difference
from lmctool.results.result import Group, Result, Variable

LOSS = Variable(np.array([1.0, np.nan]), ("split",), "nat", "loss", "x.loss", "lower")


def of(variable: Variable, **attributes: Any) -> Result:
    return Result("x", {"g": Group({"loss": variable}, attributes)})


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.array([1.0, 2.0])},
        {"values": np.array([1.0, np.nan], np.float32)},
        {"dims": ("part",)},
        {"unit": "1"},
        {"long_name": "error"},
        {"metric": "x.error"},
        {"better": "higher"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_a_variable_has_makes_a_difference(change: dict[str, Any]) -> None:
    same = replace(LOSS, values=LOSS.values.copy())
    assert difference(of(LOSS), of(same)) is None
    assert difference(of(LOSS), of(replace(LOSS, **change))) == "variable 'loss' of group 'g'"


def test_the_first_difference_is_named() -> None:
    assert difference(of(LOSS), Result("y", {})) == "the name of the analysis"
    assert difference(of(LOSS), Result("x", {})) == "group 'g'"
    assert difference(of(LOSS, seed=0), of(LOSS, seed=1)) == "attribute 'seed' of group 'g'"
    assert difference(of(LOSS), of(LOSS, seed=1)) == "attribute 'seed' of group 'g'"
