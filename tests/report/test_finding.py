"""What a result found, as values of a metric and their places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmctool.report.finding import FEW, Value, findings, main_finding
from lmctool.results.result import Group, Result, Variable


def of(analysis: str, /, **variables: Variable) -> Result:
    return Result(analysis, {"g": Group(variables)})


def named(dim: str, *names: str) -> Variable:
    return Variable(np.array(names, dtype=object), (dim,))


def places(result: Result) -> dict[str, str]:
    """Return the texts of the main finding of a result by their places."""
    found = main_finding(result)
    assert found is not None
    return {value.place: value.text for value in found.values}


def test_few_values_are_told_one_by_one_shares_in_per_cent() -> None:
    """A barrier declares its error as a share; nobody says anything of x."""
    variables = {
        "variant": named("variant", "plain", "align"),
        "v": Variable(np.array([0.280757, 0.0046]), ("variant",), metric="barrier.error"),
    }
    assert places(of("barrier", **variables)) == {"plain": "28.08 %", "align": "0.46 %"}
    assert places(of("x", **variables)) == {"plain": "0.2808", "align": "0.0046"}


def test_a_difference_of_shares_is_in_points() -> None:
    v = Variable(np.array(-0.2806), metric="trajectory.gain.error")
    assert places(of("trajectory", v=v)) == {"": "-28.06 points"}


def test_many_values_are_a_range_for_each_variant() -> None:
    values = np.arange(2.0 * FEW).reshape(2, FEW)
    variables = {
        "variant": named("variant", "plain", "align"),
        "layer": named("layer", *"abcdefghij"[:FEW]),
        "v": Variable(values, ("variant", "layer"), metric="x.v"),
    }
    assert places(of("x", **variables)) == {
        "plain": f"0 to {FEW - 1}",
        "align": f"{FEW} to {2 * FEW - 1}",
    }
    found = main_finding(of("x", **variables))
    assert found is not None
    assert (found.lowest, found.highest) == (Value("plain, a", "0"), Value("align, f", "11"))
    assert found.count == 2 * FEW


def test_many_values_without_variants_or_of_many_are_one_range() -> None:
    layers = Variable(np.arange(FEW + 1.0), ("layer",), metric="x.v")
    assert places(of("x", v=layers)) == {"": f"0 to {FEW}"}
    variants = Variable(np.arange(FEW + 1.0), ("variant",), metric="x.v")
    assert places(of("x", v=variants)) == {"": f"0 to {FEW}"}


def test_a_dim_is_named_where_its_coordinates_do_not_say_what_they_are() -> None:
    v = Variable(np.arange(4.0).reshape(2, 2), ("part", "split"), metric="x.v")
    split = named("split", "train", "test")
    assert list(places(of("x", split=split, v=v))) == [
        "part 0, train",
        "part 0, test",
        "part 1, train",
        "part 1, test",
    ]


def test_values_of_one_metric_may_lie_along_different_dims() -> None:
    over: Any = ("layer",)
    whole = Variable(np.array(3.0), metric="x.v")
    layers = Variable(np.array([1.0, 2.0]), over, metric="x.v")
    result = of("x", layer=named("layer", "a", "b"), whole=whole, layers=layers)
    assert places(result) == {"": "3", "a": "1", "b": "2"}


def test_of_two_networks_both_ways_each_pair_is_told_once_and_none_with_itself() -> None:
    values = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0.0]])
    networks = {dim: named(dim, "p", "q", "r") for dim in ("checkpoint", "other")}
    result = of("x", **networks, v=Variable(values, ("checkpoint", "other"), metric="x.v"))
    assert places(result) == {"p and q": "1", "p and r": "2", "q and r": "3"}


def test_the_interval_of_a_value_is_beside_it() -> None:
    over: Any = ("variant",)
    variables = {
        "variant": named("variant", "plain", "align"),
        "v": Variable(np.array([2.0, 3.0]), over, metric="x.v"),
        "v_lower95": Variable(np.array([1.0, np.nan]), over, metric="x.v.lower95"),
        "v_upper95": Variable(np.array([4.0, np.nan]), over, metric="x.v.upper95"),
    }
    assert findings(of("x", **variables))["x.v"].values == (
        Value("plain", "2", "1 to 4"),
        Value("align", "3"),
    )


@pytest.mark.parametrize("first", ["x.full_loss", "x.gain.loss"])
def test_where_the_first_metric_is_of_the_loss_that_of_the_error_speaks(first: str) -> None:
    names = [first, first.replace("loss", "error")]
    result = of("x", **{name: Variable(np.array(1.0), metric=name) for name in names})
    found = main_finding(result)
    assert found is not None
    assert found.metric == names[1]
