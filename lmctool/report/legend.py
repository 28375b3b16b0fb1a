"""The legend below a panel, in as many columns as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.report.panels import text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

SIZE = "small"
"""The size of its letters."""
HANDLE, APART = 0.4, 0.25
"""The width of what stands before a label, and between two columns, in inches."""
TICKS, LINE = 22, 15
"""The height of the numbers below a panel, and of a line of its label, in points."""


def legend_below(axes: Axes, width: float, title: str = "") -> None:
    """Draw the legend of a panel below its label, no wider than the panel with all around it.

    Args:
        axes: a panel with its lines and its label.
        width: the room of the panel, in inches.
        title: of the legend; empty for none.
    """
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    _, labels = axes.get_legend_handles_labels()
    label = axes.get_xlabel()
    down = TICKS + LINE * (label.count("\n") + 1 if label else 0)
    axes.legend(
        title=title or None,
        fontsize=SIZE,
        ncols=legend_columns(labels, width),
        loc="upper center",
        borderaxespad=0,
        bbox_to_anchor=(0.5, 0),
        bbox_transform=axes.transAxes + ScaledTranslation(0, -down / 72, figure.dpi_scale_trans),
    )


def legend_columns(labels: Sequence[str], width: float) -> int:
    """Return in how many columns the labels of a legend have room; at least one.

    Args:
        labels: in the order of the legend, which fills one column after the other.
        width: how wide it may be, in inches.
    """
    widths = np.array([HANDLE + text_width(label, SIZE) for label in labels])
    for count in range(len(labels), 1, -1):
        columns = np.array_split(widths, count)
        if sum(float(each.max()) for each in columns) + APART * (count - 1) <= width:
            return count
    return 1
