"""Lines of one panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmctool.report.several.encoding import Encoding
    from lmctool.report.several.panels import Panel

MOST_MARKED = 60
"""Points of a line that have a marker each; of more it would be a band."""


def draw_lines(axes: Axes, panel: Panel, encoding: Encoding) -> None:
    """Draw the lines of a panel, their bounds as bands."""
    for each in panel.series:
        look = encoding.look(each)
        keywords = look.line if len(each.positions) <= MOST_MARKED else {**look.line, "marker": ""}
        axes.plot(each.positions, each.values, label=encoding.name(each) or "_", **keywords)
        if each.bounds is not None:
            axes.fill_between(
                each.positions, *each.bounds, color=look.colour, alpha=0.2, linewidth=0
            )
