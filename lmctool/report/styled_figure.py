"""A figure that keeps its style, and shows itself in a notebook."""

from __future__ import annotations

from contextlib import nullcontext
from io import BytesIO
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from lmctool.report.style import applied
from lmctool.report.tex import escaping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.backend_bases import RendererBase

PIXELS = 96
"""Pixels of a page in an inch, whatever those of a screen are."""


class StyledFigure(Figure):
    """A figure in lmctool's style, whatever the user's own settings are when it is drawn or saved.

    pyplot doesn't know of it, so that a notebook shows it where it is the value of a cell, once.
    """

    def __init__(self, style: Mapping[str, Any]) -> None:
        """Take what is added to the style, which has to hold already."""
        super().__init__(layout="constrained")
        self._style = style

    def draw(self, renderer: RendererBase) -> None:
        """Draw in its own style."""
        with applied(self._style):
            super().draw(renderer)

    def savefig(self, *arguments: Any, **options: Any) -> None:
        """Save in its own style; the arguments are those of any figure of Matplotlib."""
        wanted = options.get("format") or getattr(arguments[0], "suffix", str(arguments[0]))
        with applied(self._style), escaping() if str(wanted).endswith("pgf") else nullcontext():
            super().savefig(*arguments, **options)

    def png(self) -> tuple[bytes, int, int]:
        """Return it as a file, and its width and height on a page in pixels."""
        file = BytesIO()
        self.savefig(file, format="png")
        width, height = (round(PIXELS * inches) for inches in self.get_size_inches())
        return file.getvalue(), width, height

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return what a notebook shows."""
        content, width, height = self.png()
        return content, {"width": width, "height": height}
