"""The numbers beside the axes of figures, written as everywhere else: 30 %, 0.001."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.results.text import number

if TYPE_CHECKING:
    from matplotlib.axis import Axis

    from lmctool.results.score_metric import ScoreMetric

FEWEST = 2
"""Numbers beside an axis, at least."""


def score_axis(axis: Axis, metric: ScoreMetric) -> None:
    """Name an axis after a metric of networks, and write the numbers beside it as the metric does.

    What is drawn are values of the metric, so that 0.3 of an error stands at 30 %.
    """
    axis.set_label_text(metric.label)
    if metric.percent:
        percent_axis(axis)


def percent_axis(axis: Axis) -> None:
    """Write the numbers beside an axis of shares in per cent."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{number(100 * value)} %"))


def log_axis(axis: Axis) -> None:
    """Let an axis be logarithmic, with plain numbers beside it: Matplotlib's own are formulas.

    Over less than two decades 1, 2 and 5 are numbered, over more the powers of ten; where fewer
    than two of these are in sight, a few even numbers.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    class Locator(LogLocator):
        def tick_values(self, vmin: float, vmax: float) -> Any:
            low, high = sorted((vmin, vmax))
            subs = (1, 2, 5) if high < 100 * low else (1,)
            powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high))
            places = np.outer(powers, subs)
            if ((low <= places) & (places <= high)).sum() < FEWEST:
                return MaxNLocator(4, steps=(1, 2, 5, 10)).tick_values(vmin, vmax)
            self.set_params(subs=subs)
            return super().tick_values(vmin, vmax)

    own: Any = axis
    own.axes.set(**{f"{own.axis_name}scale": "log"})
    axis.set_major_locator(Locator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(NullFormatter())
