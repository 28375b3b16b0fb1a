"""What a result found, in sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmctool.report.finding import FEW
from lmctool.report.words import MOST, headline, sentences
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray


def of(**variables: Variable) -> Result:
    return Result("x", {"g": Group(variables)})


def named(*names: str) -> Variable:
    return Variable(np.array(names, dtype=object), ("layer",))


def over_alpha(values: object, *dims: str) -> Result:
    """Return a result of one curve over three alphas."""
    variables = {
        "layer": named("a", "b"),
        "alpha": Variable(np.array([0, 0.5, 1]), ("alpha",)),
        "v": Variable(np.array(values, dtype=np.float64), (*dims, "alpha"), "nat", "loss"),
    }
    return of(**variables)


def test_a_curve_is_described_by_its_ends_and_its_lowest_and_highest_value() -> None:
    assert sentences(over_alpha([1, 3, 2])) == [
        "loss [nat] over alpha: 1 at 0 (lowest), 3 at 0.5 (highest), 2 at 1."
    ]
    assert sentences(over_alpha([[1, 3, 2], [4, 4, 4]], "layer")) == [
        "loss [nat] over alpha, 2 lines. a: 1 at 0 (lowest), 3 at 0.5 (highest), 2 at 1;"
        " b: 4 throughout."
    ]


def test_what_is_no_number_is_neither_an_end_nor_lowest_nor_highest() -> None:
    lines = [[np.nan, 2, 1], [np.nan, np.nan, -np.inf]]
    assert sentences(over_alpha(lines, "layer"))[0].endswith(
        "a: 2 at 0.5 (highest), 1 at 1 (lowest); b: no numbers."
    )


def many_lines(values: NDArray[np.float64]) -> Result:
    variables = {
        "layer": named(*(f"n{number}" for number in range(len(values)))),
        "alpha": Variable(np.array([0, 0.5, 1]), ("alpha",)),
        "v": Variable(values, ("layer", "alpha")),
    }
    return of(**variables)


def test_of_many_lines_the_lowest_and_the_highest_value_of_all_is_told() -> None:
    values = np.ones((MOST + 1, 3))
    values[3, 1], values[5, 2] = 4, -2
    assert sentences(many_lines(values)) == [
        f"v over alpha, {MOST + 1} lines between -2 (n5 at 1) and 4 (n3 at 0.5)."
    ]
    assert sentences(many_lines(np.full((MOST + 1, 3), np.nan))) == [
        f"v over alpha, {MOST + 1} lines without numbers."
    ]


def test_of_many_metrics_the_first_are_described() -> None:
    count = MOST + 3
    metrics = {f"m{n}": Variable(np.array(1.0), metric=f"x.m{n}") for n in range(count)}
    first, *others, last = sentences(of(**metrics))
    assert (first, last) == ("x.m0 is 1.", "The tables have 3 more metrics.")
    assert len(others) == MOST - 1


def test_few_values_of_a_metric_are_told_each_with_the_dims_in_which_places_differ() -> None:
    values = np.array([[0.5], [0.25]])
    split = Variable(np.array(["test"], dtype=object), ("split",))
    dims = ("layer", "split")
    result = of(layer=named("a", "b"), split=split, v=Variable(values, dims, "nat", metric="x.v"))
    assert sentences(result) == ["x.v [nat] is 0.5 (a) and 0.25 (b)."]
    same = of(layer=named("a", "b"), v=Variable(np.ones(2), ("layer",), metric="x.v"))
    assert sentences(same) == ["x.v is 1 everywhere."]


def test_many_values_lie_between_two_and_go_nowhere() -> None:
    values = Variable(np.arange(FEW + 1.0), ("layer",), metric="x.v")
    result = of(layer=named(*"abcdefghijkl"[: FEW + 1]), v=values)
    assert headline(result) == f"x.v lies between 0 (a) and {FEW} (g)."


def test_the_bounds_of_a_metric_are_in_the_tables_alone() -> None:
    metrics = {name: Variable(np.array(1.0), metric=f"x.{name}") for name in ("v", "lower")}
    metrics["bound"] = Variable(np.array(1.0), metric="x.v.lower95")
    assert sentences(of(**metrics)) == ["x.v is 1."]


def test_the_headline_is_the_error_or_the_loss_or_the_first_metric() -> None:
    metrics = {name: Variable(np.array(1.0), metric=f"x.{name}") for name in ("v", "loss", "error")}
    assert headline(of(**metrics)) == "x.error is 1."
    assert headline(replace(of(**metrics), analysis="y")) == "x.v is 1."
    assert headline(of()) == "No metric of it is a number."
    assert headline(of(v=Variable(np.array(np.nan), metric="x.v"))) == headline(of())
