"""What a user wants of a drawn figure, whatever drew it: its title, scales and legends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.report.figure import COLORBAR
from lmctool.report.legends import place_legends, remove_legends
from lmctool.report.room import broken
from lmctool.report.scales import log_axis, percent_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

SHARE = re.compile(r"\bshares?\b(?!.*(%|per ?cent))")
"""How the label of an axis says that its numbers are shares, and in per cent not yet."""


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done to a figure once it is drawn.

    Attributes:
        title: what stands above it.
        percent: whether shares are in per cent, those too that are not anyway.
        log: whether values are on logarithmic scales.
        legend: ``outside``: below the figure or its panels; ``none``; or empty, as it is drawn.
    """

    title: str = ""
    percent: bool = False
    log: bool = False
    legend: Literal["outside", "none", ""] = ""

    def apply(self, figure: Figure) -> list[str]:
        """Change a figure that has its size.

        Returns:
            What a reader should be told beside it.

        Raises:
            LmctoolError: nothing in it is a share, or none of its numbers has a logarithm.
        """
        axes = [each for each in figure.axes if each.axison and each.get_label() != COLORBAR]
        if self.percent:
            _in_percent(axes)
        notes = _logarithmic([each for each in axes if _values(each).size]) if self.log else []
        if self.legend == "none":
            remove_legends(figure)
        elif self.legend:
            place_legends(figure, inside=False)
        if self.title:
            figure.suptitle(broken(self.title, figure.get_figwidth() * 0.95, "figure.titlesize"))
        return notes


def _logarithmic(axes: Sequence[Axes]) -> list[str]:
    """Let the values of panels be on logarithmic scales; tell how many cannot be."""
    drawn = [_values(each) for each in axes]
    if not any((values > 0).any() for values in drawn):
        raise LmctoolError("no number in the figure is above 0, so none has a logarithm")
    for each, values in zip(axes, drawn, strict=True):
        if (values > 0).any():
            _log_scale(_value_axis(each))
    without = sum(int((values <= 0).sum()) for values in drawn)
    return [f"{without} numbers are not above 0, so --log cannot show them"] if without else []


def _log_scale(axis: Axis) -> None:
    """Let an axis be logarithmic; shares on it stay in per cent."""
    percent = _is_percent(axis)
    log_axis(axis)
    if percent:
        percent_axis(axis)


def _in_percent(axes: Sequence[Axes]) -> None:
    """Write shares in per cent."""
    found = False
    for each in axes:
        for axis in (each.xaxis, each.yaxis):
            if not _is_percent(axis) and SHARE.search(axis.get_label_text()):
                percent_axis(axis)
            found = found or _is_percent(axis)
    if not found:
        raise LmctoolError("nothing in the figure is a share; leave out --percent")


def _is_percent(axis: Axis) -> bool:
    from matplotlib.ticker import FuncFormatter

    form = axis.get_major_formatter()
    return isinstance(form, FuncFormatter) and form(0.5, 0).endswith("%")


def _value_axis(axes: Axes) -> Axis:
    """Return the axis along which lines and bars have their values."""
    bars: Any = axes.containers
    lying = any(getattr(each, "orientation", "") == "horizontal" for each in bars)
    return axes.xaxis if lying else axes.yaxis


def _values(axes: Axes) -> Any:
    """Return the finite values of lines and bars: of images and points none."""
    lying = _value_axis(axes) is axes.xaxis
    bars: Any = axes.containers
    held: list[Any] = [
        [bar.get_width() if lying else bar.get_height() for bar in each]
        for each in bars
        if hasattr(each, "orientation")
    ]
    if not lying:
        held += [line.get_ydata() for line in axes.lines]
    values = np.concatenate([np.asarray(each, dtype=np.float64) for each in held] or [np.empty(0)])
    return values[np.isfinite(values)]
