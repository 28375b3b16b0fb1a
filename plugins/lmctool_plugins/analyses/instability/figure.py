"""Instability over the steps of the forks as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import shown_metrics
from lmctool.api.advanced import legend_below, legend_height, looks, panel_shape, panels, score_axis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lmctool.api import Result, ScoreMetric, Variable

    Variables = Mapping[str, Variable]

WIDTH, HEIGHT = 4.8, 3.4
"""The size of a panel without its legend, in inches."""
APART = 0.06
"""The least distance of two numbers below the axis, as a share of its length."""
LABELS = {"align": "align (weak: each pair)", "strong": "strong (one permutation each)"}
"""What variants are called beside each other."""
BAND, PAIR = 0.15, 0.5
"""How opaque an interval and the point of a pair are."""
KEYS = ("a pair", "95 % interval over siblings")
"""What points and bands are."""
ABOVE = 1.15
"""The top of a panel, by the greatest barrier of a pair: an interval of few siblings reaches on."""


def draw(result: Result, figure: Figure) -> None:
    """Draw each variant over the steps, with each pair, the interval, and the criterion."""
    metrics, curve = shown_metrics(result), result.groups["instability/curve"].variables
    pairs = result.groups["instability/pairs"].variables
    bound = float(str(result.groups["instability/stable"].attributes["threshold"]))
    variants = [str(name) for name in curve["variant"].values]
    strong = "strong" in variants
    labels = [LABELS.get(name, name) if strong else name for name in variants]
    splits = curve["split"].values
    counts = [len(metrics)] * len(splits)
    rows, columns = panel_shape(counts)
    below = f"stable: below {metrics[0].text(bound)}"
    height = HEIGHT + legend_height([*labels, below, *KEYS], WIDTH)
    figure.set_size_inches(WIDTH * columns, height * rows)
    for s, group in enumerate(panels(figure, counts)):
        for axes, metric in zip(group, metrics, strict=True):
            for v, (label, look) in enumerate(zip(labels, looks(variants), strict=True)):
                axes.plot([], [], label=label, **look.line)
                _draw(axes, curve, pairs, metric, (slice(None), v, s), look.line)
            _explain(axes, curve, metric)
            if metric == metrics[0]:
                axes.axhline(bound, color="0.4", linewidth=1, linestyle=":", marker="", label=below)
            highest = float(pairs[metric.name].values[:, :, s].max())
            axes.set_ylim(-0.04 * highest, (ABOVE * max(highest, bound)) or None)
            _step_axis(axes, curve["step"].values)
            axes.set_title(f"{metric.name} instability on {splits[s]}")
            score_axis(axes.yaxis, metric)
            axes.set_ylabel(f"mean barrier of the\n{metric.label}")
            legend_below(axes, WIDTH)


def _draw(
    axes: Axes,
    curve: Variables,
    pairs: Variables,
    metric: ScoreMetric,
    place: tuple[slice, int, int],
    style: Mapping[str, Any],
) -> None:
    """Draw one variant: its means, each pair, and a band between the bounds if there are any."""
    steps, mean = curve["step"].values, curve[metric.name].values[place]
    lower, upper = (curve[f"{metric.name}_{bound}95"].values[place] for bound in ("lower", "upper"))
    colour = style["color"]
    axes.plot(steps, mean, markersize=5, **style)
    axes.fill_between(steps, lower, upper, color=colour, alpha=BAND, linewidth=0)
    each = pairs[metric.name].values[place]
    points: dict[str, Any] = {"linestyle": "", "marker": ".", "markersize": 4, "alpha": PAIR}
    axes.plot(pairs["fork"].values, each, color=colour, **points)


def _explain(axes: Axes, curve: Variables, metric: ScoreMetric) -> None:
    """Name points and bands in the legend."""
    pair, band = KEYS
    axes.plot([], [], linestyle="", marker=".", color="0.4", label=pair)
    if np.isfinite(curve[f"{metric.name}_upper95"].values).any():
        axes.fill_between([], [], color="0.4", alpha=BAND, linewidth=0, label=band)


def _step_axis(axes: Axes, steps: NDArray[Any]) -> None:
    """Let the axis be logarithmic above the first step after 0, with the steps as its numbers."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    positive = [step for step in steps.tolist() if step > 0]
    if len(positive) > 1:
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.4)
    own = axes.transData.transform([(step, 0) for step in steps])
    places = axes.transAxes.inverted().transform(own)[:, 0]
    shown: list[int] = []
    for number, place in enumerate(places):
        if not shown or place - places[shown[-1]] >= APART:
            shown.append(number)
    axes.xaxis.set_major_locator(FixedLocator(steps[shown].tolist()))
    axes.xaxis.set_major_formatter(FixedFormatter([str(step) for step in steps[shown]]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("step of the fork")
