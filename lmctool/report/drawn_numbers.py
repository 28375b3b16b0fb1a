"""The numbers that a figure shows, whatever drew it, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.report.blocks import NUMBER
from lmctool.report.figure import COLORBAR, panel_name
from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    Write = Callable[[Any], str]
    Row = tuple[str, str, str, str]

TITLE = "Numbers of the figure"
NEAR = 0.5
"""How far from a name, in places, what is of that name can lie."""
HEADS = ("panel", "name", "at", "value")


def drawn_table(figure: Figure, write: Write) -> Table:
    """Return a row for each number that is drawn: the panel, what it is called, where it is.

    Left out are axes without scales, such as images of weights, and lines across a whole panel.

    Args:
        figure: a figure that was drawn.
        write: writes a number, or a name.
    """
    rows = [
        (panel_name(axes), *row)
        for axes in figure.axes
        if axes.axison and axes.get_label() != COLORBAR
        for row in _rows(axes, write)
    ]
    return Table(TITLE, HEADS, tuple(rows), keys=3)


def _rows(axes: Axes, write: Write) -> Iterator[tuple[str, str, str]]:
    from matplotlib.collections import PathCollection, QuadMesh

    for line in axes.lines:
        label = str(line.get_label())
        if line.get_transform() == axes.transData and not label.startswith("_child"):
            for x, y in zip(np.ravel(line.get_xdata()), np.ravel(line.get_ydata()), strict=True):
                yield label.lstrip("_"), write(x), write(y)
    for bars in axes.containers:
        yield from _bars(axes, bars, write)
    for drawn in axes.collections:
        if isinstance(drawn, PathCollection):
            for x, y in np.asarray(drawn.get_offsets()):
                yield str(drawn.get_label()).lstrip("_"), write(x), write(y)
        elif isinstance(drawn, QuadMesh):
            corners = np.asarray(drawn.get_coordinates())
            middle = (corners[1:, 1:] + corners[:-1, :-1]) / 2
            values = np.ma.filled(np.ma.asarray(drawn.get_array(), dtype=np.float64), np.nan)
            yield from _cells(axes, values.reshape(middle.shape[:2]), middle, write)
    for image in axes.images:
        values = np.ma.filled(np.ma.asarray(image.get_array(), dtype=np.float64), np.nan)
        if values.ndim == 2:
            middle = np.stack(np.meshgrid(*map(np.arange, values.shape[::-1])), axis=-1)
            yield from _cells(axes, values, middle, write)


def _bars(axes: Axes, bars: Any, write: Write) -> Iterator[tuple[str, str, str]]:
    if not hasattr(bars, "orientation"):
        return
    lying = bars.orientation == "horizontal"
    label = str(bars.get_label())
    for bar in bars:
        middle = bar.get_y() + bar.get_height() / 2 if lying else bar.get_x() + bar.get_width() / 2
        length = bar.get_width() if lying else bar.get_height()
        named = _place(axes.yaxis if lying else axes.xaxis, middle, write)
        yield "" if label.startswith("_") else label, named, write(length)


def _cells(axes: Axes, values: Any, middle: Any, write: Write) -> Iterator[tuple[str, str, str]]:
    for place, value in np.ndenumerate(values):
        x, y = middle[place]
        yield _place(axes.yaxis, y, write), _place(axes.xaxis, x, write), write(value)


def _place(axis: Axis, at: float, write: Write) -> str:
    """Return the name that stands beside a place of an axis, or else its number."""
    names = [label.get_text() for label in axis.get_ticklabels()]
    near = np.abs(np.asarray(axis.get_ticklocs()) - at)
    if len(near) == len(names) > 0 and near.min() < NEAR:
        name = names[int(near.argmin())].strip()
        if not NUMBER.fullmatch(name):
            return name
    return write(at)
