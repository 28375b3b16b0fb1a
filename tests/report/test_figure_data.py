"""What a figure shows is read back from it, whoever drew it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from lmctool.report.alt_text import MOST_CELLS, MOST_ROWS, described, tables
from lmctool.report.figure_data import Panel, Series, panels


@pytest.fixture
def figure() -> Figure:
    return Figure()


def only(figure: Figure) -> Panel:
    """Return the one panel of a finished figure."""
    (panel,) = panels(figure)
    return panel


def test_lines_have_their_places_and_values(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([0, 0.5, 1], [1, 3, 2], label="plain")
    axes.set(title="loss on test", xlabel="alpha", ylabel="loss (nats)")
    panel = only(figure)
    assert (panel.title, panel.across, panel.along) == ("loss on test", "alpha", "loss (nats)")
    (line,) = panel.series
    assert (line.kind, line.label, line.places) == ("line", "plain", ("0", "0.5", "1"))
    assert line.values.tolist() == [1, 3, 2]
    assert described([panel]) == [
        "loss on test: loss (nats) against alpha, 1 line; plain is highest at 0.5 with 3."
    ]
    (table,) = tables([panel])
    assert table.title == "loss on test: loss (nats)"
    assert table.columns == ("alpha", "plain")
    assert table.rows == (("0", "1"), ("0.5", "3"), ("1", "2"))


def test_lines_at_other_places_have_tables_of_their_own(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [1, 2], label="a")
    axes.plot([0, 1, 2], [1, 2, 3], label="b")
    axes.plot([0, 1], [3, 4], label="c")
    first, second = tables(panels(figure))
    assert first.columns == ("", "a", "c")
    assert second.columns == ("", "b")


def test_a_name_left_out_of_the_legend_is_a_name(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], label="_layers.0")
    axes.plot([0, 1])
    assert [series.label for series in only(figure).series] == ["layers.0", ""]
    assert "line 2 is highest" in described(panels(figure))[0]


def test_the_bounds_of_a_band_are_named_after_its_line(figure: Figure) -> None:
    axes = figure.subplots()
    (line,) = axes.plot([0, 1, 2], [1, 2, 3], label="plain")
    axes.fill_between([0, 1, 2], [0, 1, 2], [2, 4, 4], color=line.get_color(), alpha=0.2)
    _, lower, upper = only(figure).series
    assert (lower.label, upper.label) == ("plain, lower bound", "plain, upper bound")
    assert (lower.values.tolist(), upper.values.tolist()) == ([0, 1, 2], [2, 4, 4])
    assert [table.columns[1:] for table in tables(panels(figure))] == [
        ("plain",),
        ("plain, lower bound", "plain, upper bound"),
    ]


def test_bars_beside_each_other_are_named_by_the_tick_below_them(figure: Figure) -> None:
    axes = figure.subplots()
    for number, label in enumerate(("A", "B")):
        axes.barh(np.arange(2) + 0.4 * number - 0.2, [1, 2 + number], 0.4, label=label)
    axes.set_yticks([0, 1], ["conv1", "conv2"])
    axes.set_xlabel("error")
    (table,) = tables(panels(figure))
    assert table.columns == ("", "A", "B")
    assert table.rows == (("conv1", "1", "1"), ("conv2", "2", "3"))
    assert described(panels(figure)) == [
        "error, 2 sets of bars; A is highest at conv2 with 2; B is highest at conv2 with 3."
    ]


def test_axes_that_share_names_have_them(figure: Figure) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    for axes in (left, right):
        axes.barh([0, 1], [1, 2])
    left.set_yticks([0, 1], ["conv1", "conv2"])
    assert panels(figure)[1].series[0].places == ("conv1", "conv2")


def test_numbers_below_bars_are_no_names(figure: Figure) -> None:
    axes = figure.subplots()
    axes.bar([0.1, 0.2], [1, 2], 0.1)
    axes.set_xticks([0, 0.5, 1])
    assert only(figure).series[0].places == ("0.1", "0.2")


def test_the_parts_of_a_histogram_have_their_labels(figure: Figure) -> None:
    axes = figure.subplots()
    axes.hist([[1, 2, 2], [3]], bins=3, range=(0, 3), stacked=True, label=["easy", "hard"])
    easy, hard = only(figure).series
    assert (easy.label, easy.values.tolist()) == ("easy", [0, 1, 2])
    assert (hard.label, hard.values.tolist()) == ("hard", [0, 0, 1])


def test_points_are_no_line(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], linestyle="", marker="o", label="a")
    axes.scatter([5], [6], label="b")
    assert [(s.kind, s.places, s.values.tolist()) for s in only(figure).series] == [
        ("points", ("1", "2"), [3, 4]),
        ("points", ("5",), [6]),
    ]


def test_a_level_is_told_by_its_value(figure: Figure) -> None:
    axes = figure.subplots()
    axes.axhline(0.25, label="chance")
    axes.axvline(3)  # a mark without a name says nothing
    assert described(panels(figure)) == ["value, 1 level; chance at 0.25."]
    (table,) = tables(panels(figure))
    assert table.rows == (("chance", "0.25"),)


def test_a_heat_map_has_rows_columns_and_a_meaning(figure: Figure) -> None:
    axes = figure.subplots()
    alpha = [0, 0.2, 1.0]
    values = np.array([[1, 2, 3], [4, 9, np.nan]])
    mesh = axes.pcolormesh(alpha, [0, 1], values, shading="nearest")
    figure.colorbar(mesh, ax=axes, label="loss (nats)")
    axes.set_yticks([0, 1], ["conv1", "conv2"])
    (heat,) = only(figure).heats
    assert (heat.meaning, heat.rows) == ("loss (nats)", ("conv1", "conv2"))
    assert heat.columns == ("0", "0.2", "1")
    assert described(panels(figure)) == [
        "heat map of loss (nats), 2 rows and 3 columns, highest at conv2, 0.2 with 9."
    ]
    (table,) = tables(panels(figure))
    assert table.rows[1] == ("conv2", "4", "9", "-")


def test_cells_of_any_width_are_named_by_their_middle(figure: Figure) -> None:
    figure.subplots().pcolormesh([0, 1, 11, 12], [0, 1], [[1, 2, 3]])
    (heat,) = only(figure).heats
    assert heat.columns == ("0.5", "6", "11.5")


def test_an_image_without_axes_is_a_picture(figure: Figure) -> None:
    for axes, title in zip(figure.subplots(1, 2), "AB", strict=True):
        axes.imshow(np.zeros((4, 4)))
        axes.set_axis_off()
        axes.set_title(title)
    assert described(panels(figure)) == ["2 images of weights or data (A, B)."]
    assert tables(panels(figure)) == []


def test_what_is_no_number_is_not_the_highest(figure: Figure) -> None:
    figure.subplots().plot([0, 1, 2], [np.nan, 1, np.inf])
    assert described(panels(figure)) == ["value, 1 line; highest at 1 with 1."]
    empty = Panel("", "", "y", (Series("line", "a", ("0",), np.array([np.nan])),))
    assert described([empty]) == ["y, 1 line; a has no numbers."]


def test_long_tables_are_cut_and_say_so(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot(np.arange(MOST_ROWS + 5))
    (table,) = tables(panels(figure))
    assert len(table.rows) == MOST_ROWS
    assert table.notes == ("5 more rows are in the result file",)
    axes.imshow(np.zeros((1, MOST_CELLS + 1)))
    assert tables(panels(figure))[-1].notes == (
        f"its {MOST_CELLS + 1} cells are in the result file",
    )
