"""Averages without curves, and over pairs, as tables and figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.collections import LineCollection

from lmctool.report import by_analysis
from lmctool.report.figure import drawing
from lmctool.results.aggregate.aggregate import aggregate
from lmctool.results.aggregate.declared import declared_of
from lmctool.results.aggregate.side_by_side import Member
from lmctool.results.declared_metric import DeclaredMetric
from tests.results.aggregate.samples import seed, square, without


def test_without_curves_the_figure_has_means_with_intervals_and_a_dot_of_each_result() -> None:
    result = aggregate([without("x/curve", seed(number)) for number in range(3)])
    held = result.groups["x/summary"].variables
    with drawing(result, by_analysis.drawer(result)) as figure:
        (axes,) = figure.axes
        assert axes.get_xlabel() == "mean of the height [nat]"
        *dots, middle = (
            np.asarray(line.get_xdata()) for line in axes.lines if line.get_marker() in {".", "o"}
        )
        np.testing.assert_array_equal(np.concatenate(dots), held["height"].values.ravel())
        np.testing.assert_array_equal(middle, held["height_mean"].values.ravel())
        (bars,) = axes.collections
        assert isinstance(bars, LineCollection)
        ends = np.array(bars.get_segments())[:, :, 0].T
        bounds = [held[f"height_mean_{side}95"].values.ravel() for side in ("lower", "upper")]
        np.testing.assert_allclose(ends, bounds)


def test_of_many_results_none_has_a_line_of_its_own() -> None:
    result = aggregate([seed(number) for number in range(11)])
    with drawing(result, by_analysis.drawer(result)) as figure:
        assert [axes.get_title() for axes in figure.axes] == ["train", "test"]
        assert [len(axes.lines) for axes in figure.axes] == [2, 2]


def test_a_table_over_pairs_says_what_its_intervals_are() -> None:
    table = by_analysis.table(aggregate([Member("m", square())], "pair"), Path("m.h5"))
    assert table.title == "Average of x over 6 pairs of 4 networks"
    assert "by the jackknife over networks" in table.notes[0]
    assert [row[0] for row in table.rows] == ["x.h"]


def test_one_result_has_dashes_where_nothing_is_known() -> None:
    table = by_analysis.table(aggregate([seed(0)]), Path("m.h5"))
    assert table.title == "Average of x over 1 result"
    assert {row[2:4] for row in table.rows[:4]} == {("-", "-")}
    assert table.notes == ("a single number has no standard deviation and no interval",)


def test_what_is_to_be_known_of_the_results_is_in_the_notes() -> None:
    table = by_analysis.table(aggregate([seed(0), seed(1, device="cuda")]), Path("m.h5"))
    assert table.notes[-1] == "the results differ in device"


def test_what_an_average_can_give_has_the_range_that_its_numbers_can_have() -> None:
    share = DeclaredMetric("x.error", "barrier", low=0, high=1, share=True)
    found = declared_of({"x.error": share})
    assert found["x.error"] is share
    assert (found["x.error.mean"].range, found["x.error.mean"].share) == ("between 0 and 1", True)
    assert found["x.error.difference"].range == "between -1 and 1"
    assert found["x.error.mean.lower95"].range == ""  # an interval may reach below 0
    assert found["x.error.difference.p"].share is False
