"""A result drawn for Python code: as a figure of its own, or into axes that are there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.report.escaped import escaped, without_mathematics
from lmctool.report.figure import failing_as_figure_error, panel_name
from lmctool.report.figure_settings import user_settings
from lmctool.report.generic import HEIGHT, WIDTH, draw_curves, grid
from lmctool.report.legends import place_legends
from lmctool.report.room import make_room, points
from lmctool.report.style import applied, rc_settings, user_style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.report.styled_figure import StyledFigure
    from lmctool.results.result import Result

    Draw = Callable[[Result, Figure], None]

POINTS = 10
"""The size of the letters that figures of analyses are made for."""
NARROWEST = 0.85
"""The least width of a figure whose panels stay where they are, of the one that it is made for."""


class Plot:
    """A figure that a result can be drawn as, or some of its panels."""

    def __init__(
        self,
        result: Result,
        draw: Draw | None,
        metrics: Sequence[str] = (),
        splits: Sequence[str] = (),
        style: Mapping[str, Any] | None = None,
    ) -> None:
        """Take what is drawn, and how.

        Args:
            result: the result.
            draw: draws it into an empty figure; None draws every curve, or else the metrics.
            metrics: the panels of these metrics alone, such as ``error``.
            splits: the panels of these splits alone.
            style: settings of Matplotlib by name, with ``_`` for each dot.

        Raises:
            LmctoolError: Matplotlib has no such setting.
        """
        self._result, self._draw = escaped(result), draw or draw_curves
        self._words = [tuple(words) for words in (metrics, splits) if words]
        self._style = rc_settings(style or {})

    def figure(self, size: tuple[float, float] | None = None) -> StyledFigure:
        """Return a figure in the user's style over lmctool's, which shows itself in a notebook.

        Args:
            size: its width and height in inches; None for what it needs.

        Raises:
            FigureError: there is nothing to draw, or drawing it failed.
            LmctoolError: there is no such panel, or the user's matplotlibrc is broken.
        """
        style = {**user_settings(), **self._style}
        with failing_as_figure_error(), applied(style):
            from lmctool.report.styled_figure import StyledFigure

            figure = StyledFigure(style)
            if self._words:
                chosen, _ = self._panels()
                places = grid(figure, len(chosen))
                figure.set_size_inches(_room(list(chosen.values()), places))
                self._lend(self._result, dict(zip(chosen, places, strict=True)))
            else:
                self._draw(self._result, figure)
            if size is not None:
                figure.set_size_inches(size)
            return figure

    def onto(self, figure: Figure, width: float | None, height: float | None) -> None:
        """Draw into an empty figure of some width, panels below each other where it is too narrow.

        Args:
            figure: the figure, with a constrained layout, while its style holds.
            width: its width in inches; None for what it needs.
            height: its height; None for what it needs.

        Raises:
            LmctoolError: there is nothing to draw, or no such panel.
        """
        chosen, (wide, high) = self._panels()
        scale = points("font.size") / POINTS
        if not self._words and (width is None or width >= NARROWEST * scale * wide):
            self._draw(self._result, figure)
            if width is not None:
                figure.set_size_inches(width, high * width / wide)
        else:
            own = max(_size(axes)[0] for axes in chosen.values())
            tall = max(_size(axes)[1] for axes in chosen.values())
            width = width or own * min(len(chosen), 2)
            columns = max(min(round(width / (own * scale)), len(chosen)), 1)
            rows = -(-len(chosen) // columns)
            figure.set_size_inches(width, max(width / columns / own, scale) * tall * rows)
            places = list(figure.subplots(rows, columns, squeeze=False).flat)
            for spare in places[len(chosen) :]:
                figure.delaxes(spare)
            self._lend(self._result, dict(zip(chosen, places, strict=False)))
        if width is not None or height is not None:
            place_legends(figure, inside=True)
            make_room(figure)
        if height is not None:
            figure.set_size_inches(figure.get_figwidth(), height)

    def into(self, axes: Sequence[Axes]) -> None:
        """Draw the panels into axes that are there, in the user's own style.

        Raises:
            FigureError: there is nothing to draw, or drawing it failed.
            LmctoolError: there is no such panel, or not one for each of the axes.
        """
        with failing_as_figure_error(), user_style(self._style) as parses:
            from matplotlib.axes import Axes

            for each in axes:
                if not isinstance(each, Axes):
                    raise LmctoolError(f"ax is {type(each).__name__}, and no axes of Matplotlib")
            chosen, _ = self._panels()
            if len(chosen) != len(axes):
                raise LmctoolError(_needed(list(chosen.values()), len(axes)))
            result = without_mathematics(self._result) if parses else self._result
            self._lend(result, dict(zip(chosen, axes, strict=True)))

    def _lend(self, result: Result, lent: Mapping[int, Axes]) -> None:
        from lmctool.report.borrowed_axes import StandIn

        figure = StandIn(lent)
        self._draw(result, figure)
        figure.settle()

    def _panels(self) -> tuple[dict[int, Axes], tuple[float, float]]:
        """Return the panels that are asked for, by their number, and the size of the figure."""
        from lmctool.report.borrowed_axes import StandIn

        figure = StandIn()
        self._draw(self._result, figure)
        panels = figure.panels()
        chosen = {
            number: axes
            for number, axes in panels.items()
            if all(any(_is_of(axes, word) for word in words) for words in self._words)
        }
        if not chosen:
            asked = " and ".join(" or ".join(map(repr, words)) for words in self._words)
            raise LmctoolError(
                f"no panel of the figure is of {asked}; it has {_named(list(panels.values()))}"
            )
        wide, high = figure.get_size_inches()
        return chosen, (float(wide), float(high))


def _is_of(axes: Axes, word: str) -> bool:
    """Tell whether a panel's title or labels, or those that it shares, name something."""
    figure: Any = axes.get_figure()
    texts = [axes.get_title(), figure.get_suptitle()]
    texts += [each.get_xlabel() for each in axes.get_shared_x_axes().get_siblings(axes)]
    texts += [each.get_ylabel() for each in axes.get_shared_y_axes().get_siblings(axes)]
    return any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) for text in texts)


def _room(panels: Sequence[Axes], places: Sequence[Axes]) -> tuple[float, float]:
    """Return the width and the height in inches that places need for panels of another figure."""
    sizes = [_size(axes) for axes in panels]
    spec = places[0].get_subplotspec()
    rows, columns = spec.get_gridspec().get_geometry() if spec else (1, 1)
    return columns * max(width for width, _ in sizes), rows * max(height for _, height in sizes)


def _size(axes: Axes) -> tuple[float, float]:
    """Return the width and the height of a panel with all that is around it, in inches."""
    spec, figure = axes.get_subplotspec(), axes.get_figure()
    if spec is None or figure is None:
        return WIDTH, HEIGHT
    rows, columns = spec.get_gridspec().get_geometry()
    return figure.bbox.width / figure.dpi / columns, figure.bbox.height / figure.dpi / rows


def _named(panels: Sequence[Axes]) -> str:
    names = [panel_name(axes) or f"panel {number}" for number, axes in enumerate(panels, 1)]
    return "; ".join(names) or "none"


def _needed(panels: Sequence[Axes], count: int) -> str:
    return (
        f"the figure needs axes for {_named(panels)}: {len(panels)}, not {count}; give as many as"
        " ax, or choose some by metric= and split="
    )
