"""Panels of a figure, as many as a result has metrics of networks, and the room of their texts."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


WIDTH, HEIGHT = 4.8, 3.6
"""The room of a panel where nobody says how large a figure is, in inches: labels fit beside it."""


def panel_shape(counts: Sequence[int]) -> tuple[int, int]:
    """Return in how many rows and columns groups of panels stand, each group in rows of its own.

    >>> [panel_shape([count]) for count in (1, 2, 3, 4, 6, 7)]
    [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)]
    >>> panel_shape([6, 2])
    (3, 3)

    Args:
        counts: how many panels each group has.
    """
    most = max(counts)
    columns = 2 if most == 4 else min(most, 3)
    return sum(-(-count // columns) for count in counts), columns


def panels(figure: Figure | SubFigure, counts: Sequence[int]) -> list[list[Axes]]:
    """Return the axes of groups of panels, one group below the other.

    Args:
        figure: an empty one.  Set its size before, by ``figure.set_size_inches`` and
            ``panel_shape``; one of Matplotlib's own size grows until each panel has 4.8 by 3.6
            inches.
        counts: how many panels each group has, such as one for each metric.
    """
    rows, columns = panel_shape(counts)
    _make_room(figure, rows, columns)
    places = iter(figure.subplots(rows, columns, squeeze=False).flat)
    groups = []
    for count in counts:
        groups.append(list(islice(places, count)))
        for spare in islice(places, -count % columns):
            figure.delaxes(spare)
    return groups


def _make_room(figure: Figure | SubFigure, rows: int, columns: int) -> None:
    """Let a figure whose size nobody set grow to what its panels need."""
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    own = rcParams["figure.figsize"]
    if isinstance(figure, Figure) and (figure.get_size_inches() == own).all():
        figure.set_size_inches(max(own[0], WIDTH * columns), max(own[1], HEIGHT * rows))


def text_width(text: str, size: str | float) -> float:
    """Return how wide a text stands in a figure, in inches.

    Args:
        text: one line.
        size: the size of its font, in points or as Matplotlib names it, such as ``small``.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72
