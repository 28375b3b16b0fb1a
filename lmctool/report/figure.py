"""Saving the figure of a result."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.files.publish import refuse_existing, write_bytes
from lmctool.report.escaped import escaped
from lmctool.report.generic import draw_curves
from lmctool.report.style import DPI, applied, matplotlib
from lmctool.report.tex import escaping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.results.result import Result

COLORBAR = "<colorbar>"
"""The label that Matplotlib gives to the axes of a colour bar."""
# What would make two figures of one result differ in their bytes is left out.
SAVED: Mapping[str, dict[str, Any]] = {
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
    "png": {"metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None}},
    "pgf": {},
}
"""How each format is saved."""

INLINE = {"svg.fonttype": "none", "figure.facecolor": "none", "axes.facecolor": "none"}
"""Settings of a figure on a page: its texts are texts of the page, and it has the page's ground."""

AS_DRAWN: Mapping[str, Any] = {
    "savefig.bbox": None,
    "savefig.facecolor": "auto",
    "savefig.edgecolor": "auto",
    "savefig.transparent": False,
}
"""Settings of saving under which a file holds a figure as it is drawn."""


class FigureError(LmctoolError):
    """A figure that cannot be drawn, of a result that may be sound."""


def kind(path: Path) -> str:
    """Return the format that a path's suffix names.

    Raises:
        LmctoolError: it is none of pdf, pgf, png, svg.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in SAVED:
        raise LmctoolError(f"figure '{path}' must end in .png, .svg, .pdf or .pgf")
    return form


def save(
    result: Result, draw: Callable[[Result, Figure], None] | None, path: Path, force: bool
) -> None:
    """Draw a result and publish the figure at once under ``path``.

    The same result gives the same bytes.

    Args:
        result: the result.
        draw: draws it into an empty figure; None draws every curve, or else the metrics.
        path: a file that ends in .png, .svg, .pdf or .pgf.
        force: whether an existing file may be replaced.

    Raises:
        FigureError: nothing to draw, or drawing it failed.
        LmctoolError: another suffix, or a file that exists.
    """
    refuse_existing([path], force)
    write_bytes(path, image(result, draw, kind(path)), force)


def image(result: Result, draw: Callable[[Result, Figure], None] | None, form: str) -> bytes:
    """Return the file of a result's figure, as ``save`` publishes it.

    Args:
        result: the result.
        draw: as for ``save``.
        form: what ``kind`` returns.

    Raises:
        FigureError: nothing to draw, or drawing it failed.
    """
    content, _ = _rendered(result, draw, form)
    return content


def inline(
    result: Result, draw: Callable[[Result, Figure], None] | None
) -> tuple[bytes, list[str]]:
    """Return the figure of a result as SVG with its text as text, and the names of its panels.

    Raises:
        FigureError: nothing to draw, or drawing it failed.
    """
    return _rendered(result, draw, "svg", INLINE)


def _rendered(
    result: Result,
    draw: Callable[[Result, Figure], None] | None,
    form: str,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[bytes, list[str]]:
    """Return the file of a figure, and the names of its panels.

    Raises:
        FigureError: whatever goes wrong, in Matplotlib or in a drawing function of a plugin.
    """
    with failing_as_figure_error(), drawing(result, draw, more) as figure:
        return saved(figure, form), panel_names(figure)


def saved(figure: Figure, form: str) -> bytes:
    """Return the file of a figure while its style holds.

    Args:
        figure: a drawn figure.
        form: what ``kind`` returns.

    Raises:
        LmctoolError: it cannot be a .pgf.
    """
    file = BytesIO()
    if form == "png" and _saved_as_drawn(figure):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(figure)  # only some versions type its methods
        canvas.print_png(file, **SAVED[form])  # savefig would draw it twice, for its layout
        return file.getvalue()
    with escaping() if form == "pgf" else nullcontext():
        figure.savefig(file, format=form, **SAVED[form])
    return file.getvalue()


def _saved_as_drawn(figure: Figure) -> bool:
    """Tell whether the file of a figure holds it as it is drawn."""
    settings: Any = matplotlib().rcParams  # only some versions type its keys
    same = figure.dpi == settings["savefig.dpi"]
    return same and all(settings[name] == value for name, value in AS_DRAWN.items())


@contextmanager
def failing_as_figure_error() -> Iterator[None]:
    """Turn whatever goes wrong into one error.

    Raises:
        FigureError: the body raised, in Matplotlib or in a drawing function of a plugin.
    """
    try:
        yield
    except LmctoolError as cause:
        raise FigureError(str(cause)) from cause
    except (Exception, SystemExit) as cause:
        reason = f"{type(cause).__name__}: {cause}"
        raise FigureError(f"the figure cannot be drawn: {reason}") from cause


def panel_names(figure: Figure) -> list[str]:
    """Return the names of the panels that have one."""
    names = (panel_name(axes) for axes in figure.axes if axes.get_label() != COLORBAR)
    return list(dict.fromkeys(filter(None, names)))


def panel_name(axes: Axes) -> str:
    """Return the title of a panel, or else what its axes are of; empty where nothing says it."""
    labels = filter(None, (axes.get_ylabel(), axes.get_xlabel()))
    name = axes.get_title() or " over ".join(labels)
    return " ".join((name if axes.axison or not name else f"image {name}").split())


@contextmanager
def drawing(
    result: Result,
    draw: Callable[[Result, Figure], None] | None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[Figure]:
    """Yield the drawn figure of a result while lmctool's style, and ``more`` of it, holds.

    Names with characters that cannot be seen, or stand in no XML file, are drawn as escapes.
    """
    with applied(more):
        from matplotlib.figure import Figure

        figure = Figure(layout="constrained", dpi=DPI)
        (draw or draw_curves)(escaped(result), figure)
        yield figure
