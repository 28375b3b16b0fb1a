"""A summary that does not follow from what a file holds is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lmctool.results.derived import contradiction
from lmctool.results.result import Group, Result, Variable

NAMES = Variable(np.array(["x", "y"], dtype=object), ("v",))
SUMMARY = Variable(np.array([0.25, np.nan]), ("v",), metric="a.error")


def stored(**variables: Variable) -> Result:
    return Result("a", {"a": Group({"v": NAMES, "error": SUMMARY, **variables})})


def due(values: Any) -> dict[str, Group]:
    return {"a": Group({"error": replace(SUMMARY, values=np.asarray(values))})}


@pytest.mark.parametrize("values", [[0.25, np.nan], [0.25 + 1e-14, np.nan]])
def test_what_follows_but_for_rounding_is_sound(values: list[float]) -> None:
    assert contradiction(stored(), due(values)) == ""


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.5, np.nan], "a.error[v=x] is 0.25, but 0.5 follows"),
        ([0.25, 0.0], "a.error[v=y] is nan, but 0.0 follows"),
        ([np.inf, np.nan], "a.error[v=x] is 0.25, but inf follows"),
        ([0.25], "a.error has shape (2,), but (1,) follows"),
        ([0.25 + 1e-9, np.nan], "a.error[v=x] is 0.25, but 0.250000001 follows"),
    ],
)
def test_what_does_not_follow_is_told_with_its_place(values: list[float], told: str) -> None:
    assert contradiction(stored(), due(values)) == told


def test_texts_and_whole_numbers_are_compared_too() -> None:
    shape = Variable(np.array("plateau", dtype=object))
    step = Variable(np.array(3))
    result = stored(shape=shape, step=step)
    same = {"a": Group({"shape": shape, "step": step})}
    assert contradiction(result, same) == ""
    other = {"a": Group({"shape": Variable(np.array("barrier", dtype=object))})}
    assert contradiction(result, other) == "a/shape is plateau, but barrier follows"
    assert contradiction(result, {"a": Group({"step": Variable(np.array(4))})})


def test_infinities_that_agree_are_sound() -> None:
    values = Variable(np.array([np.inf, -np.inf]), ("v",))
    assert contradiction(stored(loss=values), {"a": Group({"loss": values})}) == ""


def test_what_a_file_does_not_hold_is_passed_over() -> None:
    assert contradiction(stored(), {"b": Group({"error": SUMMARY})}) == ""
    assert contradiction(stored(), {"a": Group({"loss": SUMMARY})}) == ""
