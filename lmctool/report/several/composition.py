"""A figure of several results: its panels, its legend, and the numbers that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.report.panels import text_width
from lmctool.report.room import HANDLE, LINE, broken, cut, legend_columns, points
from lmctool.report.scales import percent_axis
from lmctool.report.several.bars import bar_rows, draw_bars
from lmctool.report.several.choice import chosen
from lmctool.report.several.encoding import Encoding
from lmctool.report.several.lines import draw_lines
from lmctool.report.several.panels import DEFAULT, Panel, panels_of
from lmctool.report.several.series import ALPHA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.report.several.choice import Words
    from lmctool.report.several.series import Series
    from lmctool.results.result import Result

EMS = 20
"""The least width of a panel, in heights of letters."""
ASPECT = 0.68
"""The height of a panel with curves, in its widths."""
BAR_EMS = 1.5
"""The height of a row of bars, in heights of letters."""
AROUND_EMS = 6
"""The room of what is around a panel, likewise."""
INNER = 0.75
"""The height of a panel without what is around it, of its whole height."""
ENDS = "alpha (0 = A, 1 = B)"
"""The label of a path where A and B are others in each file."""


@dataclass(frozen=True, slots=True)
class Composition:
    """What a figure is composed of.

    Attributes:
        panels: its panels.
        encoding: what colours, markers and dashes stand for.
        notes: what a reader should be told beside it.
    """

    panels: tuple[Panel, ...]
    encoding: Encoding
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, results: Mapping[str, Result], words: Words, kinds: Sequence[str] = ()
    ) -> Composition:
        """Compose a figure.

        Args:
            results: the results by what their files are called.
            words: which metrics, variants and splits.
            kinds: what panels are of; none for one of each metric and split.

        Raises:
            LmctoolError: as ``chosen``.
        """
        found = chosen(results, words)
        dims = kinds or DEFAULT
        encoding = Encoding.of(found.series, dims)
        notes = list(found.left_out)
        if encoding.repeats:
            notes.append(
                f"{len(encoding.dashed)} lines of one colour repeat their dashes; choose by"
                " --variant, --split and --metric, or have panels of more by --panels"
            )
        return cls(tuple(panels_of(found.series, dims)), encoding, tuple(notes))

    @property
    def series(self) -> list[Series]:
        """All lines or bars."""
        return [each for panel in self.panels for each in panel.series]

    def draw(self, figure: Figure, width: float, height: float | None = None) -> None:
        """Draw it into an empty figure.

        Args:
            figure: the figure, with a constrained layout.
            width: its width in inches.
            height: its height; None for what it needs.
        """
        em = points("font.size") / 72
        columns = max(min(int(width / (EMS * em)), len(self.panels), 4), 1)
        rows = -(-len(self.panels) // columns)
        heights = [self._height(row * columns, columns, width / columns) for row in range(rows)]
        legend = self._legend_height(width)
        figure.set_size_inches(width, height or sum(heights) + legend)
        grid = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
        places = [axes for row in grid for axes in row]
        for axes in places[len(self.panels) :]:
            figure.delaxes(axes)
        spare = figure.get_figheight() / (sum(heights) + legend)
        for number, (axes, panel) in enumerate(zip(places, self.panels, strict=False)):
            room = width / columns - AROUND_EMS * em, heights[number // columns] * spare * INNER
            self._draw_panel(axes, panel, room)
        self._share(places)
        self._draw_legend(figure, width)

    def _height(self, first: int, columns: int, width: float) -> float:
        """Return the height of a row of panels, in inches."""
        row = self.panels[first : first + columns]
        if row[0].quantity.dim:
            return width * ASPECT
        em = points("font.size") / 72
        most = max(bar_rows(panel, self.encoding) for panel in row)
        return (AROUND_EMS + BAR_EMS * most) * em

    def _draw_panel(self, axes: Axes, panel: Panel, room: tuple[float, float]) -> None:
        """Draw one panel, for whose texts there is some room: its width and height in inches."""
        quantity, (wide, high) = panel.quantity, room
        if quantity.dim:
            draw_lines(axes, panel, self.encoding)
            axes.set_xlabel(self._axis_label(panel, wide))
            axes.set_ylabel(broken(quantity.label, high, "axes.labelsize"))
        else:
            draw_bars(axes, panel, self.encoding, wide / 2)
            axes.set_xlabel(broken(quantity.label, wide, "axes.labelsize"))
        if quantity.known.in_percent:
            percent_axis(axes.yaxis if quantity.dim else axes.xaxis)
        axes.set_title(broken(panel.title, wide, "axes.titlesize"))

    def _axis_label(self, panel: Panel, room: float) -> str:
        """Return what positions are called in every file that a panel shows, as far as it fits."""
        names = {each.axis for each in panel.series}
        dim = panel.quantity.dim
        wanted = [*names] if len(names) == 1 else []
        for label in (*wanted, *([ENDS] if dim == ALPHA else [])):
            if text_width(label, points("axes.labelsize")) <= room:
                return label
        return dim

    def _share(self, places: Sequence[Axes]) -> None:
        """Let panels of one metric have one scale."""
        first: dict[object, Axes] = {}
        for axes, panel in zip(places, self.panels, strict=False):
            shared = first.setdefault(panel.quantity, axes)
            if shared is not axes:
                (axes.sharey if panel.quantity.dim else axes.sharex)(shared)

    def _handles(self, width: float) -> list[Artist]:
        """Return what the legend shows, names cut that are wider than the figure."""
        handles = self.encoding.handles()
        room = width - 2 * HANDLE * points("legend.fontsize") / 72
        for handle in handles:
            handle.set_label(cut(str(handle.get_label()), room, "legend.fontsize"))
        return handles

    def _legend_height(self, width: float) -> float:
        labels = [str(handle.get_label()) for handle in self._handles(width)]
        if not labels:
            return 0.0
        rows = -(-len(labels) // legend_columns(labels, width))
        return (rows * LINE + 1) * points("legend.fontsize") / 72

    def _draw_legend(self, figure: Figure, width: float) -> None:
        handles = self._handles(width)
        if handles:
            labels = [str(handle.get_label()) for handle in handles]
            columns = legend_columns(labels, width)
            figure.legend(handles=handles, loc="outside lower center", ncols=columns)
