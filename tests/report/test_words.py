"""What a result found, in sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lmctool.report.words import MOST, headline, sentences
from lmctool.results.result import Group, Result, Variable


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


def test_a_curve_is_described_by_its_lowest_and_its_highest_value() -> None:
    assert sentences(over_alpha([1, 3, 2])) == [
        "loss [nat] over alpha from 0 to 1 is lowest at 0 with 1 and highest at 0.5 with 3."
    ]
    assert sentences(over_alpha([[1, 3, 2], [4, 4, 4]], "layer")) == [
        "loss [nat] over alpha from 0 to 1, 2 lines: a is lowest at 0 with 1 and highest at 0.5"
        " with 3; b is 4 throughout."
    ]


def test_what_is_no_number_is_neither_lowest_nor_highest() -> None:
    lines = [[np.nan, 2, np.inf], [np.nan, np.nan, -np.inf]]
    assert sentences(over_alpha(lines, "layer"))[0].endswith("a is 2 throughout; b has no numbers.")


def test_of_many_lines_the_lowest_and_the_highest_place_of_all_is_described() -> None:
    values = np.ones((MOST + 1, 3))
    values[3, 1], values[5, 2] = 4, -2
    variables = {
        "layer": named(*(f"n{number}" for number in range(len(values)))),
        "alpha": Variable(np.array([0, 0.5, 1]), ("alpha",)),
        "v": Variable(values, ("layer", "alpha")),
    }
    assert sentences(of(**variables)) == [
        f"v over alpha from 0 to 1, {MOST + 1} lines, is lowest at 1 of n5 with -2 and highest"
        " at 0.5 of n3 with 4."
    ]


def test_of_many_metrics_the_first_are_described() -> None:
    count = MOST + 3
    metrics = {f"m{n}": Variable(np.array(1.0), metric=f"x.m{n}") for n in range(count)}
    first, *others, last = sentences(of(**metrics))
    assert (first, last) == ("x.m0 is 1.", "The tables have 3 more metrics.")
    assert len(others) == MOST - 1


def test_a_metric_is_described_by_its_ends_and_by_the_dims_in_which_places_differ() -> None:
    values = np.array([[0.5], [0.25]])
    split = Variable(np.array(["test"], dtype=object), ("split",))
    dims = ("layer", "split")
    result = of(layer=named("a", "b"), split=split, v=Variable(values, dims, "nat", metric="x.v"))
    assert sentences(result) == ["x.v goes from 0.25 nat (layer b) to 0.5 nat (layer a)."]
    same = of(layer=named("a", "b"), v=Variable(np.ones(2), ("layer",), metric="x.v"))
    assert sentences(same) == ["x.v is 1 everywhere."]


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
