"""Texts of a figure that lie over each other, or beyond its edge."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import BboxBase

SLACK = 1.0
"""Pixels by which two boxes may share room: a box has a little more than the letters in it."""


def overlaps(figure: Figure) -> list[str]:
    """Return a sentence for each two texts that lie over each other, and each that is cut.

    A text is a box around its letters, which is upright: texts turned by 0 or 90 degrees alone are
    looked at.
    """
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [
        (text.get_text(), text.get_window_extent(canvas.get_renderer()).padded(-SLACK))
        for text in figure.findobj(Text)
        if isinstance(text, Text) and _is_seen(text, figure) and text.get_rotation() % 90 == 0
    ]
    found = [
        f"{one!r} lies over {other!r}"
        for (one, a), (other, b) in combinations(boxes, 2)
        if a.overlaps(b)
    ]
    return found + [f"{text!r} is cut" for text, box in boxes if not _within(box, figure.bbox)]


def _is_seen(text: Text, figure: Figure) -> bool:
    """Tell whether a text is drawn: ticks beyond the limits of their axis are not."""
    if not text.get_text().strip() or not text.get_visible():
        return False
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            ticks = {
                label for tick in axis.get_major_ticks() for label in (tick.label1, tick.label2)
            }
            if text in ticks:
                low, high = sorted(axis.get_view_interval())
                place = text.get_position()[axis.axis_name == "y"]
                edge = 1e-9 * (high - low)
                return bool(
                    axes.axison and axes.get_visible() and low - edge <= place <= high + edge
                )
    return True


def _within(box: BboxBase, whole: BboxBase) -> bool:
    return bool(
        box.x0 >= whole.x0 and box.y0 >= whole.y0 and box.x1 <= whole.x1 and box.y1 <= whole.y1
    )
