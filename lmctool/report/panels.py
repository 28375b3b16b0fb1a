"""Panels of a figure, as many as a result has metrics of networks, and the room of their texts."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


WIDTH, HEIGHT = 4.8, 3.6
"""The room of a panel where nobody says how large a figure is, in inches: labels fit beside it."""
HANDLE, APART = 0.33, 0.23
"""The width of what stands before a label of a legend, and between its columns, in inches."""
LABEL, LINE = 0.33, 0.18
"""The height of ticks below a panel, and of each line of its label, in inches."""
ROW, MOST_COLUMNS = 0.18, 4
"""The height of a row of a legend, in inches, and the most columns."""
BESIDE, FREE = 0.9, 0.3
"""The width of the numbers and the label of an axis, and of what is left free, in inches."""
LOOKED_AT = 5
"""Names whose width is looked at: the longest."""


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


def panels(
    figure: Figure | SubFigure,
    counts: Sequence[int],
    sharey: Literal["none", "row"] = "none",
) -> list[list[Axes]]:
    """Return the axes of groups of panels, one group below the other.

    Args:
        figure: an empty one.  Set its size before, by ``figure.set_size_inches`` and
            ``panel_shape``; one of Matplotlib's own size grows until each panel has 4.8 by 3.6
            inches.
        counts: how many panels each group has, such as one for each metric.
        sharey: ``"row"`` where the panels of a row have one vertical axis, such as names of layers,
            which the first of them alone shows.
    """
    rows, columns = panel_shape(counts)
    _make_room(figure, rows, columns)
    places = iter(figure.subplots(rows, columns, squeeze=False, sharey=sharey).flat)
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

    if not text.strip():
        return 0.0
    font = FontProperties(size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72


def legend_below(axes: Axes, width: float, title: str = "") -> None:
    """Put a legend below a panel and its label, in as many columns as have room.

    Call it last: the legend stands below the lines that the label has then.

    Args:
        axes: the panel, with what the legend names.
        width: the room of the panel and what stands beside it, in inches.
        title: the title of the legend.
    """
    from matplotlib.transforms import ScaledTranslation

    _, labels = axes.get_legend_handles_labels()
    figure: Any = axes.get_figure()
    lines = axes.get_xlabel().count("\n") + 1 if axes.get_xlabel() else 0
    down = ScaledTranslation(0, -LABEL - LINE * lines, figure.dpi_scale_trans)
    axes.legend(
        title=title or None,
        fontsize="small",
        ncols=legend_columns(labels, width - _beside(axes)),
        loc="upper center",
        borderaxespad=0,
        bbox_to_anchor=(0.5, 0),
        bbox_transform=axes.transAxes + down,
    )


def legend_above(axes: Axes, width: float) -> None:
    """Put a legend above a panel, in as many columns as have room, such as where names stand below.

    Args:
        axes: the panel, with what the legend names and without a title.
        width: the room of the panel and what stands beside it, in inches.
    """
    _, labels = axes.get_legend_handles_labels()
    columns = legend_columns(labels, width - _beside(axes))
    axes.legend(fontsize="small", ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1))


def legend_height(labels: Sequence[str], width: float) -> float:
    """Return how high a legend below a panel of curves stands, without a title, in inches.

    Args:
        labels: what the legend names.
        width: the room of the panel and what stands beside it, in inches.
    """
    return ROW * -(-len(labels) // legend_columns(labels, width - BESIDE))


def _beside(axes: Axes) -> float:
    """Return how wide the numbers or names of the vertical axis stand, in inches."""
    names = sorted((label.get_text() for label in axes.get_yticklabels()), key=len)
    return max([BESIDE, *(FREE + text_width(name, "small") for name in names[-LOOKED_AT:])])


def legend_columns(labels: Sequence[str], width: float) -> int:
    """Return how many columns of a legend have room, one or more.

    Args:
        labels: its labels, in small type.
        width: the room in inches.
    """
    widths = [HANDLE + text_width(label, "small") for label in labels]
    return columns_within(width, widths, APART, MOST_COLUMNS)


def columns_within(room: float, widths: Sequence[float], apart: float, most: int) -> int:
    """Return in how many columns entries of a legend have room, one or more.

    Matplotlib fills one column after the other, the first ones with an entry more.

    Args:
        room: how wide all columns may be.
        widths: of the entries, in the same unit.
        apart: the room between two columns.
        most: the most columns.
    """
    for columns in range(min(len(widths), most), 1, -1):
        rows, more = divmod(len(widths), columns)
        counts = [rows + (column < more) for column in range(columns)]
        starts = [sum(counts[:column]) for column in range(columns)]
        own = [max(widths[at : at + n]) for at, n in zip(starts, counts, strict=True)]
        if sum(own) + apart * (columns - 1) <= room:
            return columns
    return 1
