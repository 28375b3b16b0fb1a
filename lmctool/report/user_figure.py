"""A figure as a user wants it for a paper or a talk, of one result or of several."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.report import by_analysis
from lmctool.report.drawn_numbers import drawn_table
from lmctool.report.figure import failing_as_figure_error, saved
from lmctool.report.figure_settings import font_settings, style_settings, user_settings
from lmctool.report.finish import Finish
from lmctool.report.generic import WIDTH
from lmctool.report.plot import Plot
from lmctool.report.room import COLLAPSED
from lmctool.report.several.choice import Words
from lmctool.report.several.composition import Composition
from lmctool.report.several.table import series_table
from lmctool.report.style import DPI, applied
from lmctool.results.text import all_digits, cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.figure import Figure

    from lmctool.results.result import Result
    from lmctool.results.table import Table

FIGSIZE = "figure.figsize"


@dataclass(frozen=True, slots=True)
class Appearance:
    """The size, the style and the letters of a figure.

    Attributes:
        width: its width in inches; None for that of the style, or for what it needs.
        height: its height; None for what it needs.
        style: ``paper``, ``talk`` or a style file; empty for none.
        font: the font of all texts; empty for that of the style.
        dpi: dots per inch of pixels; None for those of the style.
    """

    width: float | None = None
    height: float | None = None
    style: str = ""
    font: str = ""
    dpi: int | None = None

    def settings(self) -> dict[str, Any]:
        """Return the settings of Matplotlib: the user's own, over these the style, then the rest.

        Raises:
            LmctoolError: one of them is broken, or isn't there.
        """
        return {
            "svg.fonttype": "none",
            **user_settings(),
            **(style_settings(self.style) if self.style else {}),
            **(font_settings(self.font) if self.font else {}),
            **({"savefig.dpi": self.dpi} if self.dpi else {}),
            **({"savefig.bbox": "standard"} if self.width or self.height else {}),
        }


@contextmanager
def too_small_as_error() -> Iterator[None]:
    """Turn Matplotlib's warning of a figure that has no room for its panels into an error.

    Raises:
        LmctoolError: the body drew such a figure.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", COLLAPSED)
        try:
            yield
        except UserWarning as cause:
            raise LmctoolError(
                "the figure is too small for its texts; give it more by --width or --height, or"
                " choose less by --metric, --variant and --split"
            ) from cause


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure that was drawn.

    Attributes:
        content: its file.
        notes: what a reader should be told beside it.
        shown: the numbers that it shows, as a terminal shows them.
        exact: the same with all digits.
    """

    content: bytes
    notes: tuple[str, ...]
    shown: Table
    exact: Table


@dataclass(frozen=True, slots=True)
class UserFigure:
    """A figure of results.

    Attributes:
        results: the results by what their files are called.
        words: which metrics, variants and splits.
        panels: what panels are of; none for those of the analysis, or for one of each metric and
            split.
        appearance: its size, style and letters.
        finish: what is done to it once it is drawn.
    """

    results: Mapping[str, Result]
    words: Words = field(default_factory=Words)
    panels: Sequence[str] = ()
    appearance: Appearance = field(default_factory=Appearance)
    finish: Finish = field(default_factory=Finish)

    def drawn(self, form: str) -> Drawn:
        """Draw it.

        Args:
            form: what ``kind`` of a figure returns.

        Raises:
            FigureError: it cannot be drawn.
            LmctoolError: something is asked for that isn't there.
        """
        settings = self.appearance.settings()
        width = self.appearance.width or settings.get(FIGSIZE, (None,))[0]
        with failing_as_figure_error(), applied(settings), too_small_as_error():
            from matplotlib.figure import Figure

            figure = Figure(layout="constrained", dpi=DPI)
            if len(self.results) == 1 and not self.panels and not self.words.variants:
                return self._of_analysis(figure, width, form)
            return self._composed(figure, width, form)

    def _of_analysis(self, figure: Figure, width: float | None, form: str) -> Drawn:
        """Draw the figure of the result's own analysis."""
        (result,) = self.results.values()
        plot = Plot(result, by_analysis.drawer(result), self.words.metrics, self.words.splits)
        plot.onto(figure, width, self.appearance.height)
        notes, content = self.finish.apply(figure), saved(figure, form)
        tables = (drawn_table(figure, write) for write in (cell, all_digits))
        return Drawn(content, tuple(notes), *tables)

    def _composed(self, figure: Figure, width: float | None, form: str) -> Drawn:
        """Draw the curves or the metrics of all results."""
        composition = Composition.of(self.results, self.words, self.panels)
        needed = WIDTH * min(len(composition.panels), 2)
        composition.draw(figure, width or needed, self.appearance.height)
        notes = [*composition.notes, *self.finish.apply(figure)]
        tables = (series_table(composition.series, exact=exact) for exact in (False, True))
        return Drawn(saved(figure, form), tuple(notes), *tables)
