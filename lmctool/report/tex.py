"""Texts and figures for TeX, which take no name for a command."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("xelatex", "lualatex", "pdflatex")
"""The programs that can measure texts for a figure, the best first."""
MEANINGS = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",
    }
)
"""What TeX takes for commands, or shows as another character, and how it shows it."""


def tex_text(text: str) -> str:
    r"""Return a text as TeX shows it, whatever is in it.

    >>> tex_text(r"50 % of \input{layer_1}")
    '50 \\% of \\textbackslash{}input\\{layer\\_1\\}'
    """
    return text.translate(MEANINGS)


def tex_program(own: str) -> str:
    """Return the program that measures texts of a figure.

    Args:
        own: the one that is best, if it is installed.

    Raises:
        LmctoolError: none is installed.
    """
    for name in (own, *PROGRAMS):
        if shutil.which(name):
            return name
    raise LmctoolError(
        f"a .pgf figure needs TeX to measure its texts, and none of {', '.join(PROGRAMS)} is"
        " installed; install one (such as the package texlive-xetex), or write .pdf"
    )


@contextmanager
def escaping() -> Iterator[None]:
    """Let texts of figures be escaped where they are saved as .pgf: Matplotlib does not.

    Raises:
        LmctoolError: the figure that is saved has images, or no TeX is installed.
    """
    from matplotlib import rcParams
    from matplotlib.backends import backend_pgf

    parameters: Any = rcParams
    parameters["pgf.texsystem"] = tex_program(str(parameters["pgf.texsystem"]))
    own = backend_pgf.RendererPgf

    class Renderer(own):  # type: ignore[valid-type, misc]
        def draw_text(self, gc: Any, x: float, y: float, s: str, *rest: Any, **more: Any) -> None:
            super().draw_text(gc, x, y, tex_text(s), *rest, **more)

        def get_text_width_height_descent(
            self, s: str, prop: Any, ismath: Any
        ) -> tuple[float, float, float]:
            size: tuple[float, float, float] = super().get_text_width_height_descent(
                tex_text(s), prop, ismath
            )
            return size

        def draw_image(self, *_: Any, **__: Any) -> None:
            raise LmctoolError("a .pgf figure has no place for the images in it; write .pdf")

    backend_pgf.RendererPgf = Renderer  # type: ignore[misc]
    try:
        yield
    finally:
        backend_pgf.RendererPgf = own  # type: ignore[misc]
