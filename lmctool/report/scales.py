"""The numbers beside the axes of figures, written as everywhere else: 30 %, 0.001."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.results.text import number

if TYPE_CHECKING:
    from matplotlib.axis import Axis

    from lmctool.results.score_metric import ScoreMetric

DECADES = 300
"""How many times the least value the greatest is, from which on powers of ten are enough."""


def score_axis(axis: Axis, metric: ScoreMetric) -> None:
    """Name an axis after a metric of networks, and write the numbers beside it as the metric does.

    What is drawn are values of the metric, so that 0.3 of an error stands at 30 %.
    """
    axis.set_label_text(metric.label)
    if metric.percent:
        percent_axis(axis)


def percent_axis(axis: Axis) -> None:
    """Write the numbers beside an axis of shares in per cent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def log_axis(axis: Axis) -> None:
    """Let an axis be logarithmic, with plain numbers beside it: Matplotlib's own are formulas.

    Powers of ten have numbers; where few of them are in sight, so have twice and five times them.
    """
    from matplotlib.ticker import FuncFormatter

    own: Any = axis
    own.axes.set(**{f"{own.axis_name}scale": "log"})
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(FuncFormatter(lambda value, _: _between(value, axis)))


def _between(value: float, axis: Axis) -> str:
    """Return what stands beside a tick between two powers of ten."""
    low, high = axis.get_view_interval()
    leading = f"{value:.0e}"[0]
    return number(value) if high < DECADES * low and leading in "25" else ""
