"""The numbers of a result as tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.report import value_tables
from lmctool.report.value_tables import MOST_CELLS, tables
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from lmctool.results.table import Table


def texts(dim: str, *values: str) -> Variable:
    return Variable(np.array(values, dtype=object), (dim,))


def of(**variables: Variable) -> list[Table]:
    """Return the tables of a result of one group."""
    return tables(Result("x", {"g": Group(variables)}))


def test_a_curve_has_a_row_for_each_position_and_a_column_for_each_line(curved: Result) -> None:
    loss, error, *_ = tables(curved)
    assert (loss.title, error.title) == ("curve: loss [nat]", "curve: error")
    assert loss.columns[:3] == ("alpha", "plain, train", "plain, test")
    assert len(loss.columns) == 7 and len(loss.rows) == 11
    assert loss.rows[5] == ("0.5", "2.3", "2.1", "1.2", "-", "0.3", "0.4")


def test_more_lines_than_positions_are_rows() -> None:
    (table,) = of(
        layer=texts("layer", *"abcd"),
        split=texts("split", "test"),
        alpha=Variable(np.array([0, 0.5, 1]), ("alpha",)),
        v=Variable(np.arange(12.0).reshape(1, 4, 3), ("split", "layer", "alpha"), "nat"),
    )
    assert table.title == "g: v [nat], split test"
    assert table.columns == ("layer", "alpha 0", "alpha 0.5", "alpha 1")
    assert table.rows[3] == ("d", "9", "10", "11")


def test_positions_with_names_are_called_by_them() -> None:
    (table,) = of(
        layer=replace(texts("layer", *"abc"), long_name="layer of the network"),
        layer_position=Variable(np.arange(1, 4), ("layer",), long_name="depth"),
        v=Variable(np.arange(3.0), ("layer",)),
    )
    assert table.columns == ("layer of the network", "value")
    assert table.rows == (("a", "0"), ("b", "1"), ("c", "2"))


def test_bounds_are_beside_their_line() -> None:
    over: Any = ("alpha",)
    values = np.array([1.0, 2, 3])
    (table,) = of(
        alpha=Variable(np.array([0, 0.5, 1]), over),
        v=Variable(values, over),
        v_lower95=Variable(values - 1, over),
        v_upper95=Variable(values + 1, over),
    )
    assert table.columns == ("alpha", "value", "lower bound", "upper bound")
    assert table.rows[1] == ("0.5", "2", "1", "3")


def test_values_over_the_same_dims_are_columns_of_one_table() -> None:
    first, second = of(
        part=texts("part", "easy", "hard"),
        split=texts("split", "test"),
        error=Variable(np.array([[0.25], [1 / 3]]), ("part", "split"), long_name="error rate"),
        count=Variable(np.array([[1234567], [2]]), ("part", "split"), "s"),
        shape=Variable(np.array([["flat"], ["barrier"]], dtype=object), ("part", "split")),
        exact=Variable(np.array([True, False]), ("part",)),
    )
    assert first.title == "g: split test"
    assert first.columns == ("part", "error rate", "count [s]", "shape")
    assert first.rows == (("easy", "0.25", "1234567", "flat"), ("hard", "0.333333", "2", "barrier"))
    assert (second.title, second.rows) == ("g", (("easy", "yes"), ("hard", "no")))


def test_values_at_one_place_are_rows() -> None:
    (table,) = of(
        a=Variable(np.array(1.5), unit="nat", long_name="height"), b=Variable(np.array(2))
    )
    assert table.rows == (("height [nat]", "1.5"), ("b", "2"))


def test_what_lies_along_dims_without_names_is_left_out_unless_it_is_a_metric() -> None:
    names = texts("network", "a", "b")
    assert of(order=Variable(np.arange(4), ("unit",))) == []
    assert (
        of(network=names, image=Variable(np.zeros((2, 3, 3)), ("network", "row", "column"))) == []
    )
    (channels,) = of(network=names, std=Variable(np.eye(2), ("network", "channel")))
    assert channels.rows[3] == ("b", "1", "1")
    (metric,) = of(score=Variable(np.arange(2.0), ("unit",), metric="x.score"))
    assert metric.rows == (("0", "0"), ("1", "1"))


def test_texts_alone_and_nothing_are_no_tables() -> None:
    assert of(layer=texts("layer", "a", "b"), kind=texts("layer", "x", "y")) == []
    nothing = Variable(np.zeros((0, 3)), ("layer", "alpha"))
    alpha = Variable(np.arange(3), ("alpha",))
    assert of(layer=texts("layer"), alpha=alpha, v=nothing) == []


def test_the_provenance_is_no_number_of_the_result(curved: Result) -> None:
    seeds = {"seed": Variable(np.arange(3), ("seed",)), "v": Variable(np.ones(3), ("seed",))}
    groups = {**curved.groups, "provenance": Group(seeds), "provenance/more": Group(seeds)}
    assert tables(replace(curved, groups=groups)) == tables(curved)


@pytest.mark.parametrize("three", [True, False])
def test_long_tables_are_cut_and_say_so(three: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_tables, "MOST_CELLS", 10)
    step = Variable(np.arange(9), ("step",))
    place = texts("step", *"abcdefghi")
    (table,) = of(step=step if three else place, v=Variable(np.arange(9.0), ("step",)))
    assert len(table.rows) == 5
    assert table.notes == ("4 more rows are in the result file",)
    assert MOST_CELLS >= 10_000


def test_names_of_another_length_name_nothing() -> None:
    """As only a file that something else wrote can have them."""
    table, _ = of(
        layer=texts("layer", "a", "b"),
        layer_position=Variable(np.arange(1, 4), ("layer",)),
        v=Variable(np.arange(3.0), ("layer",)),
        metric=Variable(np.array(1.0), metric="x.m"),
    )
    assert table.rows == (("1", "0"), ("2", "1"), ("3", "2"))
