"""Panels of figures that have as many as a result has metrics."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from lmctool.report.panels import panel_shape, panels, text_width


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


def test_a_text_is_as_wide_as_its_letters() -> None:
    ten, twenty = (text_width("m" * count, 10) for count in (10, 20))
    assert twenty == pytest.approx(2 * ten, rel=0.02)
    assert text_width("m" * 10, 20) == pytest.approx(2 * ten)
    assert 0.8 < ten < 2  # an em is 10 of 72 points to an inch
