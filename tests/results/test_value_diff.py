"""Where two results deviate."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.results.file import read, write
from lmctool.results.result import Group, Result, Variable
from lmctool.results.value_diff import deviations

if TYPE_CHECKING:
    from pathlib import Path

NAMES = Variable(np.array(["plain", "align"], dtype=object), ("variant",))
ALPHA = Variable(np.array([0.0, 0.5, 1.0]), ("alpha",))


def result(values: object, dims: tuple[str, ...] = ("variant", "alpha"), **words: Any) -> Result:
    """Return a result of one array."""
    held = Variable(np.array(values), dims, **words)
    return Result("x", {"g": Group({"variant": NAMES, "alpha": ALPHA, "v": held})})


def one(left: Result, right: Result) -> Any:
    """Return the only deviation."""
    (found,) = deviations(left, right)
    return found


def test_equal_results_do_not_deviate_and_nan_equals_nan() -> None:
    values = [[0, math.nan, 1], [math.inf, 2, -math.inf]]
    assert deviations(result(values), result(values)) == []


def test_the_greatest_difference_is_found_where_it_is() -> None:
    found = one(result([[0, 1, 2], [3, 4.0, 5]]), result([[0, 1, 2.5], [3, 3.0, 5]]))
    assert (found.path, found.elements, found.differing) == ("g/v", 6, 2)
    assert found.greatest == 1.0
    assert found.where == "variant=align,alpha=0.5"
    assert found.message == (
        "g/v differs in 2 of 6 values, most at variant=align,alpha=0.5: 4.0 and 3.0"
    )


def test_the_last_bit_counts() -> None:
    near = np.nextafter(0.1, 1)
    assert one(result(0.1, ()), result(near, ())).greatest == near - 0.1
    assert one(result(0.0, ()), result(-0.0, ())).message == "g/v is 0.0 and -0.0"


def test_what_is_no_number_in_one_is_the_greatest() -> None:
    found = one(result([9.0, 1, 2], ("alpha",)), result([1.0, math.nan, 2], ("alpha",)))
    assert math.isnan(found.greatest)
    assert found.where == "alpha=0.5"
    assert one(result(1.0, ()), result(math.inf, ())).greatest == math.inf


def test_whole_numbers_are_compared_exactly() -> None:
    large = 2**62
    assert one(result(large, ()), result(large + 1, ())).greatest == 1.0
    assert one(result(-large, ()), result(large, ())).greatest == 2.0**63
    assert one(result([3, 0, 0], ("alpha",)), result([0, 0, 0], ("alpha",))).greatest == 3.0


def test_text_differs_without_a_distance() -> None:
    other = replace(NAMES, values=np.array(["plain", "<i>"], dtype=object))
    found = one(Result("x", {"g": Group({"n": NAMES})}), Result("x", {"g": Group({"n": other})}))
    assert math.isnan(found.greatest)
    assert found.message.endswith("most at variant=1: 'align' and '<i>'")


def test_what_only_one_has_cannot_be_compared() -> None:
    bare = Result("x", {})
    there = Result("x", {"g": Group({"alpha": ALPHA})})
    assert [found.message for found in deviations(bare, there)] == [
        "g/alpha is only in the second result"
    ]
    found = one(there, bare)
    assert (found.message, found.differing) == ("g/alpha is only in the first result", 3)


@pytest.mark.parametrize(
    ("right", "told"),
    [
        (result([1.0], ("variant",)), "g/v has dims ('alpha',) and ('variant',)"),
        (result([1.0, 2], ("alpha",)), "g/v has shape (1,) and (2,)"),
        (result([1], ("alpha",)), "g/v has type float64 and int64"),
        (result([1.0], ("alpha",), unit="nat"), "g/v has unit '1' and 'nat'"),
        (result([1.0], ("alpha",), metric="a.b"), "g/v has metric '' and 'a.b'"),
    ],
    ids=["dims", "shape", "type", "unit", "metric"],
)
def test_values_that_mean_another_thing_cannot_be_compared(right: Result, told: str) -> None:
    found = one(result([1.0], ("alpha",)), right)
    assert found.message == told
    assert math.isnan(found.greatest)


def test_the_provenance_and_long_names_do_not_count() -> None:
    index = Group({"index": Variable(np.arange(3))})
    left, right = result(1.0, ()), result(1.0, (), long_name="v")
    groups = {**right.groups, "provenance": index}
    assert deviations(left, replace(right, groups=groups)) == []


def test_a_result_does_not_deviate_from_its_file(tmp_path: Path) -> None:
    held = result([[True, False, True], [False, True, False]])
    write(held, tmp_path / "a.h5")
    assert deviations(held, read(tmp_path / "a.h5")) == []
