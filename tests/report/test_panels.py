"""Panels of figures that have as many as a result has metrics."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from lmctool.report.panels import panel_shape, panels, text_width
from lmctool.results.score_metric import ERROR


@pytest.mark.parametrize("counts", [[1], [2, 2], [3], [4, 4], [6, 2], [5, 1, 7]])
def test_each_group_has_rows_of_its_own_and_no_spare_axes(counts: list[int]) -> None:
    figure = Figure()
    groups = panels(figure, counts)
    assert [len(group) for group in groups] == counts
    assert figure.axes == [axes for group in groups for axes in group]
    rows, columns = panel_shape(counts)
    below = 0
    for group in groups:
        places = [axes.get_subplotspec() for axes in group]
        assert [(p.rowspan.start - below, p.colspan.start) for p in places if p is not None] == [
            divmod(number, columns) for number in range(len(group))
        ]
        below += -(-len(group) // columns)
    assert below == rows


@pytest.mark.parametrize(
    ("counts", "expected"), [([1], (6.4, 4.8)), ([2], (9.6, 4.8)), ([3, 3, 3], (14.4, 10.8))]
)
def test_a_figure_of_no_size_gets_room_for_its_panels(
    counts: list[int], expected: tuple[float, float]
) -> None:
    figure = Figure()
    panels(figure, counts)
    assert tuple(figure.get_size_inches()) == pytest.approx(expected)
    figure = Figure(figsize=(3, 2))
    panels(figure, counts)
    assert tuple(figure.get_size_inches()) == (3, 2)


def test_the_labels_of_panels_in_many_rows_lie_within_a_figure_of_no_size() -> None:
    figure = Figure(layout="constrained")
    for axes in (axes for group in panels(figure, [2, 2, 2]) for axes in group):
        axes.set(title="error on test", xlabel="noise", ylabel=f"rise of {ERROR.label}")
    figure.canvas.draw()
    for axes in figure.axes:
        box = axes.yaxis.label.get_window_extent()
        assert box.y0 >= 0 and box.y1 <= figure.bbox.height
        assert box.height <= axes.bbox.height


def test_a_text_is_as_wide_as_its_letters() -> None:
    ten, twenty = (text_width("m" * count, 10) for count in (10, 20))
    assert twenty == pytest.approx(2 * ten, rel=0.02)
    assert text_width("m" * 10, 20) == pytest.approx(2 * ten)
    assert 0.8 < ten < 2  # an em is 10 of 72 points to an inch
