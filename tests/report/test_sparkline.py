"""Curves in the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from lmctool.report.curve import find
from lmctool.report.generic import draw_curves
from lmctool.report.sparkline import BLOCKS, curves, sparkline
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    import pytest


def test_the_lowest_and_the_highest_value_have_the_end_blocks() -> None:
    assert sparkline(np.arange(8.0), 0, 7) == BLOCKS


def test_what_is_missing_has_a_mark_of_its_own() -> None:
    assert sparkline(np.array([0, np.nan, np.inf, 1]), 0, 1) == "▁??█"


def test_a_flat_curve_is_low() -> None:
    assert sparkline(np.full(3, 5.0), 5, 5) == "▁▁▁"


def test_a_long_curve_keeps_its_peak() -> None:
    values = np.zeros(1001)
    values[503] = 1
    drawn = sparkline(values, 0, 1)
    assert len(drawn) == 40
    assert drawn.count("█") == 1


def test_every_curve_has_a_table_with_a_row_for_each_line(curved: Result) -> None:
    loss, error = curves(curved)
    assert loss.title == "loss [nat]"
    assert error.title == "error"
    assert loss.columns == ("variant", "split", "alpha 0 to 1", "min", "max")
    assert loss.rows[3][2][5] == "?"
    assert loss.rows[3][3:] == ("0.1", "1.06")


def test_arrays_without_a_numeric_axis_are_no_curves() -> None:
    index = Variable(np.arange(50), ("unit",))
    names = Variable(np.array(list("abc"), dtype=object), ("layer",))
    two = Variable(np.array([0.0, 1.0]), ("alpha",))
    group = {"layer": names, "alpha": two, "v": Variable(np.zeros((2, 3)), ("alpha", "layer"))}
    assert curves(Result("x", {"p": Group({"permutation": index}), "g": Group(group)})) == []


def test_names_with_positions_beside_them_are_an_axis() -> None:
    names = Variable(np.array(list("abc"), dtype=object), ("layer",))
    group = {
        "layer": names,
        "layer_position": Variable(np.arange(1, 4), ("layer",)),
        "alpha": Variable(np.array([0.0, 0.5, 1.0]), ("alpha",)),
        "v": Variable(np.arange(9.0).reshape(3, 3), ("alpha", "layer")),
    }
    (table,) = curves(Result("x", {"g": Group(group)}))
    assert table.columns == ("alpha", "layer 1 to 3", "min", "max")
    assert table.rows[0] == ("0", "▁▂▃", "0", "2")


def test_a_curve_of_nan_alone_has_no_ends(recwarn: pytest.WarningsRecorder) -> None:
    group = {
        "step": Variable(np.arange(3), ("step",)),
        "v": Variable(np.full(3, np.nan), ("step",)),
    }
    (table,) = curves(Result("x", {"g": Group(group)}))
    assert table.rows == (("???", "-", "-"),)
    assert not recwarn


def test_the_bounds_of_a_curve_are_a_part_of_it(curved: Result) -> None:
    held = curved.groups["curve"].variables
    band = {name: held[name] for name in ("variant", "split", "alpha")}
    for side, shift in (("lower95", -0.1), ("upper95", 0.1)):
        band[f"loss_{side}"] = replace(held["loss"], values=held["loss"].values + shift)
    groups = {**curved.groups, "curve/band": Group(band)}
    loss, error = find(Result("x", groups))
    assert (loss.title, error.title) == ("loss", "error")
    assert error.lines[0].bounds is None
    assert loss.lines[0].bounds is not None
    lower, upper = loss.lines[0].bounds
    np.testing.assert_allclose(upper - lower, 0.2)
    figure = Figure()
    draw_curves(Result("x", groups), figure)
    assert [len(axes.collections) for axes in figure.axes] == [6, 0]


def test_one_bound_alone_and_a_bound_of_nothing_are_curves(curved: Result) -> None:
    held = dict(curved.groups["curve"].variables)
    held["loss_lower95"] = replace(held["loss"], long_name="lower")
    held["other_lower"] = replace(held["loss"], long_name="other lower")
    held["other_upper"] = replace(held["loss"], long_name="other upper")
    titles = [found.title for found in find(Result("x", {"curve": Group(held)}))]
    assert titles == ["loss", "error", "lower", "other lower", "other upper"]
