"""Legends of a drawn figure: below their panels, in as many columns as have room, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.report.room import fit_texts, lay_out, legend_columns, points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase
    from matplotlib.legend import Legend

GAP = 3
"""Points between a panel with its texts and its legend."""


def remove_legends(figure: Figure) -> None:
    """Take every legend out of a figure."""
    for part in _parts(figure):
        for legend in [*part.legends]:
            legend.remove()
    for axes in figure.axes:
        own = axes.get_legend()
        if own is not None:
            own.remove()


def place_legends(figure: Figure, *, inside: bool) -> None:
    """Put legends where they have room, in as many columns as that is wide.

    Those of one panel go below it, those of several below all of them.  Titles and labels that are
    wider than their panel are broken before, as wide as panels are without legends.

    Args:
        figure: a figure that has its width, and a constrained layout.
        inside: whether legends that stand within their panel, and are smaller, stay there.
    """
    legends = [(axes, own) for axes in figure.axes if (own := axes.get_legend()) is not None]
    for _, legend in legends:
        legend.set_in_layout(False)
    fit_texts(figure)
    lay_out(figure)
    for axes, legend in legends:
        if inside and _fits_inside(legend, axes):
            legend.set_in_layout(True)
        else:
            _put_below(legend, axes)
    for part in _parts(figure):
        for legend in [*part.legends]:
            _put_at_the_bottom(legend, part)


def _fits_inside(legend: Legend, axes: Axes) -> bool:
    box, room = legend.get_window_extent(), axes.bbox
    within = legend.get_bbox_to_anchor() is axes.bbox
    return within and box.width < room.width and box.height < room.height / 2


def _put_below(legend: Legend, axes: Axes) -> None:
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    box = axes.xaxis.get_tightbbox()
    texts = 0.0 if box is None else max(axes.bbox.y0 - box.y0, 0.0)
    left, right = _cell(axes)
    aside = ((left + right) / 2 - (axes.bbox.x0 + axes.bbox.x1) / 2) / figure.dpi
    down = ScaledTranslation(aside, -texts / figure.dpi - GAP / 72, figure.dpi_scale_trans)
    content = _content(legend, (right - left) / figure.dpi)
    legend.remove()
    axes.legend(
        **content,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=axes.transAxes + down,
        borderaxespad=0,
    )


def _put_at_the_bottom(legend: Legend, part: Any) -> None:
    content = _content(legend, part.bbox.width / part.get_figure(root=True).dpi)
    legend.remove()
    part.legend(**content, loc="outside lower center")


def _content(legend: Legend, inches: float) -> dict[str, Any]:
    """Return what a legend shows, in columns that have room."""
    labels = [text.get_text() for text in legend.get_texts()]
    size = float(legend.get_texts()[0].get_fontsize()) if labels else points("legend.fontsize")
    scale = points("legend.fontsize") / size
    return {
        "handles": [handle for handle in legend.legend_handles if handle is not None],
        "labels": labels,
        "title": legend.get_title().get_text() or None,
        "fontsize": size,
        "ncols": legend_columns(labels, inches * scale),
    }


def _cell(axes: Axes) -> tuple[float, float]:
    """Return where the place of a panel begins and ends, with all that is around it, in pixels."""
    part: Any = axes.get_figure()
    spec = axes.get_subplotspec()
    if spec is None:
        return part.bbox.x0, part.bbox.x1
    width = part.bbox.width / spec.get_gridspec().ncols
    return (
        part.bbox.x0 + spec.colspan.start * width,
        part.bbox.x0 + spec.colspan.stop * width,
    )


def _parts(figure: FigureBase) -> Iterator[FigureBase]:
    """Yield a figure and the parts of it."""
    yield figure
    for part in figure.subfigs:
        yield from _parts(part)
