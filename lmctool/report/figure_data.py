"""What a figure shows, read back from it: the numbers of every line, bar and heat map.

So every figure has a description and a table, whoever drew it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.report.ticks import named, shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

COLORBAR = "<colorbar>"
NAMELESS = ("_child", "_container", "_nolegend")
"""How Matplotlib begins the labels of what has none; others that begin with ``_`` are names that
a legend leaves out."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line, one set of bars or one set of points.

    Attributes:
        kind: ``line``, ``bars``, ``points``, ``bound`` of a band, or ``level``: one value all
            along an axis.
        label: what it is called, if anything.
        places: (point,) what each of its positions is called.
        values: (point,) its values.
    """

    kind: str
    label: str
    places: tuple[str, ...]
    values: Values


@dataclass(frozen=True, slots=True)
class Heat:
    """A heat map.

    Attributes:
        meaning: what its colours stand for, with the unit.
        rows: what each row is called.
        columns: what each column is called.
        values: (row, column).
    """

    meaning: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Values


@dataclass(frozen=True, slots=True)
class Panel:
    """What one pair of axes shows.

    Attributes:
        title: its title.
        across: what the positions are, with the unit.
        along: what the values are, with the unit.
        series: its lines, bars, points and the bounds of bands.
        heats: its heat maps.
        picture: whether it is an image without scales.
    """

    title: str
    across: str
    along: str
    series: tuple[Series, ...] = ()
    heats: tuple[Heat, ...] = ()
    picture: bool = False


def panels(figure: Figure) -> list[Panel]:
    """Return what each axes of a finished figure shows, in the order they were made."""
    return [_panel(axes) for axes in figure.axes if axes.get_label() != COLORBAR]


def _panel(axes: Axes) -> Panel:
    title = axes.get_title()
    x, y = (shared(axes, which, lambda one: one.get_label_text()) for which in ("x", "y"))
    if axes.images and not axes.axison:
        return Panel(title, x, y, picture=True)
    bars = list(_bars(axes))
    lying = any(_is_lying(held) for held in axes.containers)
    across, along = (y, x) if lying else (x, y)
    series = (*_lines(axes), *bars, *_points(axes), *_bands(axes))
    return Panel(title, across, along, series, tuple(_heats(axes)))


def _lines(axes: Axes) -> Iterator[Series]:
    for line in axes.lines:
        x, y = (np.asarray(values, dtype=np.float64) for values in line.get_data(orig=False))
        label = _label(line)
        # an axhline or axvline is in shares of the axes one way
        across, along = line.get_transform().contains_branch_seperately(axes.transData)
        if across and along:
            kind = "points" if line.get_linestyle() in {"None", "none", "", " "} else "line"
            yield Series(kind, label, named(axes, "x", x), y)
        elif len(x) and label:
            yield Series("level", label, ("",), (y if along else x)[:1])


def _bands(axes: Axes) -> Iterator[Series]:
    """Yield the bounds of what ``fill_between`` drew, named after the line of its colour."""
    from matplotlib import colors
    from matplotlib.collections import PolyCollection

    to_hex: Any = colors.to_hex  # a line's colour may be of more types than its stub says
    coloured: list[Any] = list(reversed(axes.lines))  # the first line of a colour counts
    lines = {to_hex(line.get_color()): _label(line) for line in coloured}
    for band in axes.collections:
        paths = band.get_paths()
        if not isinstance(band, PolyCollection) or len(paths) != 1:
            continue
        corners = np.asarray(paths[0].vertices, dtype=np.float64)
        x = np.unique(corners[:, 0])
        label = lines.get(to_hex(band.get_facecolor()[0]), _label(band))
        for word, bound in (("lower", np.min), ("upper", np.max)):
            values = np.array([bound(corners[corners[:, 0] == place, 1]) for place in x])
            yield Series(
                "bound", f"{label}, {word} bound".lstrip(", "), named(axes, "x", x), values
            )


def _bars(axes: Axes) -> Iterator[Series]:
    for held in axes.containers:
        patches: list[Any] = list(held)
        if not patches or not hasattr(patches[0], "get_height"):
            continue
        if _is_lying(held):
            places = np.array([bar.get_y() + bar.get_height() / 2 for bar in patches])
            values = np.array([bar.get_width() for bar in patches], dtype=np.float64)
            which = "y"
        else:
            places = np.array([bar.get_x() + bar.get_width() / 2 for bar in patches])
            values = np.array([bar.get_height() for bar in patches], dtype=np.float64)
            which = "x"
        label = _label(held) or _label(patches[0])  # hist names the first patch alone
        yield Series("bars", label, named(axes, which, places, near=0.5), values)


def _is_lying(container: Any) -> bool:
    return getattr(container, "orientation", "") == "horizontal"


def _points(axes: Axes) -> Iterator[Series]:
    from matplotlib.collections import PathCollection

    for held in axes.collections:
        if isinstance(held, PathCollection):
            x, y = np.asarray(held.get_offsets(), dtype=np.float64).reshape(-1, 2).T
            yield Series("points", _label(held), named(axes, "x", x), y)


def _heats(axes: Axes) -> Iterator[Heat]:
    from matplotlib.collections import QuadMesh

    for mesh in axes.collections:
        if isinstance(mesh, QuadMesh):
            corners: Any = mesh.get_coordinates()
            rows, columns = _centres(corners[:, 0, 1]), _centres(corners[0, :, 0])
            yield _heat(axes, mesh, rows, columns)
    for image in axes.images:
        shape = np.shape(np.asarray(image.get_array()))
        if len(shape) == 2:
            yield _heat(axes, image, np.arange(shape[0]), np.arange(shape[1]))


def _heat(axes: Axes, drawn: Any, rows: NDArray[Any], columns: NDArray[Any]) -> Heat:
    values = np.ma.filled(np.ma.asarray(drawn.get_array(), np.float64), np.nan)
    bar = drawn.colorbar
    meaning = bar.ax.get_ylabel() or bar.ax.get_xlabel() if bar else axes.get_title()
    shaped = values.reshape(len(rows), len(columns))
    return Heat(meaning, named(axes, "y", rows), named(axes, "x", columns), shaped)


def _centres(edges: Values) -> Values:
    """Return the positions that lie in cells with these edges, each edge midway between two."""
    found = [(edges[0] + edges[1]) / 2]
    for edge in edges[1:-1]:
        found.append(2 * edge - found[-1])
    inside = all(
        min(pair) < place < max(pair) for pair, place in zip(pairwise(edges), found, strict=True)
    )
    return np.array(found) if inside else (edges[1:] + edges[:-1]) / 2


def _label(artist: Any) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith(NAMELESS) else label.removeprefix("_")
