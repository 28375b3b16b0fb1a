"""Figures and texts for TeX, which no name steers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.backends import backend_pgf

from lmctool.errors import LmctoolError
from lmctool.report import tex
from lmctool.report.figure import FigureError, image
from lmctool.report.plot import Plot
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

HOSTILE = r"a_b 5 % & #1 $x$ ~^ {\input{/etc/passwd}} <>"
HARMLESS = (
    r"a\_b 5 \% \& \#1 \$x\$ \textasciitilde{}\textasciicircum{}"
    r" \{\textbackslash{}input\{/etc/passwd\}\} \textless{}\textgreater{}"
)


@pytest.fixture
def some_tex(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one TeX be installed, which says that every text is as wide as it is high."""

    class Measures:
        def get_width_height_descent(self, *_: Any) -> tuple[float, float, float]:
            return 9.0, 9.0, 2.0

    monkeypatch.setattr("shutil.which", lambda name: name if name == "lualatex" else None)
    monkeypatch.setattr(
        backend_pgf.LatexManager, "_get_cached_or_new", classmethod(lambda _: Measures())
    )


def hostile() -> Result:
    """Return a result with names that are commands of TeX."""
    group = {
        "name": Variable(np.array([HOSTILE, "b"], dtype=object), ("name",)),
        "step": Variable(np.arange(4), ("step",)),
        "v": Variable(np.ones((2, 4)), ("name", "step"), long_name=HOSTILE),
    }
    return Result("x", {"g": Group(group)})


def test_a_text_is_shown_as_it_is() -> None:
    assert tex.tex_text(HOSTILE) == HARMLESS


@pytest.mark.usefixtures("some_tex")
def test_names_in_a_figure_are_no_commands(tmp_path: Path) -> None:
    content = image(hostile(), None, "pgf").decode()
    assert r"\begin{pgfpicture}" in content
    assert content.count(HARMLESS) == 2
    assert r"\input{/etc" not in content and "$x$" not in content
    Plot(hostile(), None).figure().savefig(tmp_path / "a.pgf")
    assert (tmp_path / "a.pgf").read_text().count(HARMLESS) == 2
    assert backend_pgf.RendererPgf.__module__ == backend_pgf.__name__


@pytest.mark.usefixtures("some_tex")
def test_images_have_no_place_in_a_figure_for_tex() -> None:
    def draw(_: Result, figure: Figure) -> None:
        figure.subplots().imshow([[1, 2], [3, 4]])

    with pytest.raises(FigureError, match=r"no place for the images in it; write .pdf"):
        image(hostile(), draw, "pgf")


def test_the_best_program_that_is_installed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"pdflatex", "lualatex"}
    monkeypatch.setattr("shutil.which", lambda name: name if name in there else None)
    assert tex.tex_program("xelatex") == "lualatex"
    assert tex.tex_program("pdflatex") == "pdflatex"


def test_without_a_program_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    told = "none of xelatex, lualatex, pdflatex is installed; install one .*, or write .pdf"
    with pytest.raises(LmctoolError, match=told):
        image(hostile(), None, "pgf")
