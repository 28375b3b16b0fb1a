"""The room of texts in a figure: lines that are broken where they have no more."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from lmctool.report.panels import columns_within, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HANDLE, APART = 2.8, 2.0
"""What stands before a label of a legend, and between its columns, in widths of its letters."""
LINE = 1.45
"""The height of a line of text, in heights of its letters."""
COLLAPSED = "constrained_layout not applied"
"""How Matplotlib warns of a figure that is too small for its texts."""
FLATTEST = 0.6
"""The least height of a panel, in its widths."""


def points(size: str) -> float:
    """Return the size of a font in points, as a setting of the style that holds.

    Args:
        size: the setting, such as ``legend.fontsize``.
    """
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties

    value: float = FontProperties(size=rcParams[size]).get_size_in_points()  # type: ignore[index]
    return value


def broken(text: str, inches: float, size: str) -> str:
    """Return a text in lines that are no wider than there is room, between its words.

    Args:
        text: the text.
        inches: the room.
        size: the setting of its font.
    """
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, points(size)) <= inches:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def cut(text: str, inches: float, size: str) -> str:
    """Return a text, or its end where it is wider than there is room: there names differ most."""
    shown = text
    while len(shown) > 2 and text_width(shown, points(size)) > inches:
        shown = f"…{shown[2:]}"
    return shown


def legend_columns(labels: Sequence[str], inches: float) -> int:
    """Return in how many columns labels of a legend have room."""
    em = points("legend.fontsize") / 72
    widths = [HANDLE * em + text_width(label, points("legend.fontsize")) for label in labels]
    apart = APART * em
    return columns_within(inches - 2 * apart, widths, apart, len(labels))


def lay_out(figure: Figure) -> None:
    """Let a figure find the places of its panels, be it too small for them as yet."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", COLLAPSED)
        figure.draw_without_rendering()


def fit_texts(figure: Figure) -> None:
    """Break titles and labels of panels that are longer than the panel is wide or high."""
    lay_out(figure)
    for axes in figure.axes:
        wide, high = axes.bbox.width / figure.dpi, axes.bbox.height / figure.dpi
        for text, room, size in (
            (axes.title, wide, "axes.titlesize"),
            (axes.xaxis.label, wide, "axes.labelsize"),
            (axes.yaxis.label, high, "axes.labelsize"),
        ):
            lines = text.get_text().split("\n")
            text.set_text("\n".join(broken(line, room, size) for line in lines))


def make_room(figure: Figure) -> None:
    """Let a figure grow until no panel is flatter than it can be read."""
    lay_out(figure)
    missing = [
        FLATTEST * min(axes.bbox.width, figure.bbox.width / 2) - axes.bbox.height
        for axes in figure.axes
        if axes.get_subplotspec() is not None
    ]
    rows = max((_rows(axes) for axes in figure.axes), default=1)
    if missing and max(missing) > 0:
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + rows * max(missing) / figure.dpi)


def _rows(axes: Axes) -> int:
    spec = axes.get_subplotspec()
    return spec.get_gridspec().nrows if spec is not None else 1
