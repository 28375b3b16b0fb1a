"""Saving the figure of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.publish import publish
from lmctool.report.generic import draw_curves
from lmctool.report.style import DPI, applied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from lmctool.results.result import Result

# What would make two figures of one result differ in their bytes is left out.
METADATA: Mapping[str, dict[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
    "svg": {"Date": None},
}


def kind(path: Path) -> str:
    """Return the format that a path's suffix names.

    Raises:
        LmctoolError: it is none of pdf, png, svg.
    """
    found = path.suffix.lower().removeprefix(".")
    if found not in METADATA:
        raise LmctoolError(f"figure '{path}' must end in .png, .svg or .pdf")
    return found


def save(
    result: Result, draw: Callable[[Result, Figure], None] | None, path: Path, force: bool
) -> None:
    """Draw a result and publish the figure at once under ``path``.

    The same result gives the same bytes.

    Args:
        result: the result.
        draw: draws it into an empty figure; None draws every curve, or else the metrics.
        path: a file that ends in .png, .svg or .pdf.
        force: whether an existing file may be replaced.

    Raises:
        LmctoolError: another suffix, a file that exists, or nothing to draw.
    """
    form = kind(path)
    with publish(path, force) as draft, applied():
        from matplotlib.figure import Figure

        figure = Figure(layout="constrained", dpi=DPI)
        (draw or draw_curves)(result, figure)
        figure.savefig(draft, format=form, metadata=METADATA[form])
