"""The numbers that a figure shows, read back from what Matplotlib drew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PathCollection, PolyCollection, QuadMesh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def numbers(figure: Figure) -> Iterator[tuple[str, float]]:
    """Yield every finite number that is drawn, with the label of its line or bars.

    Left out are lines without a label, such as an axis at 0, and axes without scales: images of
    weights, and colour bars.
    """
    for axes in figure.axes:
        if axes.axison and axes.get_label() != "<colorbar>":
            for label, values in _artists(axes):
                flat = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan).ravel()
                yield from ((label, float(value)) for value in flat[np.isfinite(flat)])


def _artists(axes: Axes) -> Iterator[tuple[str, Any]]:
    for line in axes.lines:
        label = str(line.get_label())
        if not label.startswith("_child"):
            yield label, line.get_ydata()
    for bars in axes.containers:
        held: Any = bars
        extent = "get_width" if held.orientation == "horizontal" else "get_height"
        yield str(held.get_label()), [getattr(bar, extent)() for bar in held]
    for drawn in axes.collections:
        if isinstance(drawn, PolyCollection):
            yield "band", drawn.get_paths()[0].vertices[:, 1]  # type: ignore[index]
        elif isinstance(drawn, QuadMesh):
            yield "heat map", drawn.get_array()
        elif isinstance(drawn, PathCollection):
            yield "points", np.asarray(drawn.get_offsets())[:, 1]
    for image in axes.images:
        yield "heat map", image.get_array()
