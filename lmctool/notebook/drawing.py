"""Figures of results for Python code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.report.figure import FigureError, panel_names
from lmctool.report.html import Image
from lmctool.report.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.report.plot import Draw
    from lmctool.results.result import Result


def drawn(
    result: Result,
    draw: Draw | None,
    ax: Any,
    words: tuple[str | None, str | None],
    size: tuple[float, float] | None,
    style: Mapping[str, Any],
) -> Any:
    """Return a new figure of a result, or ``ax`` with it drawn into.

    Args:
        result: the result.
        draw: draws it into an empty figure; None draws every curve, or else the metrics.
        ax: axes, or several of them in any order of nesting; None for a new figure.
        words: the metric and the split of panels; None for all of them.
        size: width and height of a new figure, in inches.
        style: settings of Matplotlib by name, with ``_`` for each dot.

    Raises:
        LmctoolError: it cannot be drawn so.
    """
    metrics, splits = ([] if word is None else [word] for word in words)
    plot = Plot(result, draw, metrics, splits, style)
    if ax is None:
        return plot.figure(size)
    if size is not None:
        raise LmctoolError("size is that of a new figure; set the size of your own yourself")
    plot.into(list(np.ravel(ax)))
    return ax


def image(result: Result, draw: Draw | None, finding: str) -> Image | str:
    """Return the figure of a result as a notebook shows it, or why there is none.

    Args:
        result: the result.
        draw: as for ``drawn``.
        finding: what it finds, in a sentence.
    """
    try:
        figure = Plot(result, draw).figure()
        png, width, _ = figure.png()
    except FigureError as error:
        return str(error)
    panels = "; ".join(panel_names(figure))
    return Image(png, width, f"Shows {panels}. {finding}" if panels else finding)
