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
"""The least distance of two numbers below the axis, and its margins, as a share of its length."""
LABELS = {"align": "align (weak: each pair)", "strong": "strong (one permutation each)"}
"""What variants are called beside each other."""
ASIDE = 5
"""How far variants stand beside each other at a step, in points."""
PAIR = 0.5
BAR: dict[str, Any] = {"linewidth": 3, "alpha": 0.25}
"""How opaque the point of a pair is, and how an interval looks."""
KEYS = ("a pair", "95 % interval over siblings")
"""What points and bars are."""
MOST = 2
"""How many times the greatest barrier of a pair a panel shows at most: of three siblings an
interval may be much wider."""


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
            upper = curve[f"{metric.name}_upper95"].values[:, :, s]
            least = bound if metric == metrics[0] else 0
            _limit(axes, pairs[metric.name].values[:, :, s], upper, least)
            _step_axis(axes, curve["step"].values)
            axes.set_title(f"{metric.name} instability on {splits[s]}")
            score_axis(axes.yaxis, metric)
            axes.set_ylabel(f"mean barrier of the\n{metric.label}")
            legend_below(axes, WIDTH)


def _limit(axes: Axes, heights: NDArray[Any], upper: NDArray[Any], bound: float) -> None:
    """Let a panel reach from 0 to above the highest pair and the bound, and to most intervals."""
    highest, widest = float(heights.max()), float(np.nan_to_num(upper).max())
    top = 1.1 * max(highest, bound, min(widest, MOST * highest))
    if top > 0:
        axes.set_ylim(-0.04 * top, top)


def _draw(
    axes: Axes,
    curve: Variables,
    pairs: Variables,
    metric: ScoreMetric,
    place: tuple[slice, int, int],
    style: Mapping[str, Any],
) -> None:
    """Draw one variant, beside the others: its means, each pair, and intervals where it has any."""
    from matplotlib.transforms import ScaledTranslation

    steps, mean = curve["step"].values, curve[metric.name].values[place]
    middle = (len(curve["variant"].values) - 1) / 2
    figure = axes.get_figure(root=True)
    assert figure is not None
    aside = ScaledTranslation((place[1] - middle) * ASIDE / 72, 0, figure.dpi_scale_trans)
    moved = axes.transData + aside
    axes.plot(steps, mean, markersize=5, transform=moved, **style)
    each = pairs[metric.name].values[place]
    points: dict[str, Any] = {"linestyle": "", "marker": ".", "markersize": 4, "alpha": PAIR}
    axes.plot(pairs["fork"].values, each, color=style["color"], transform=moved, **points)
    lower, upper = (curve[f"{metric.name}_{bound}95"].values[place] for bound in ("lower", "upper"))
    axes.vlines(steps, lower, upper, color=style["color"], transform=moved, **BAR)


def _explain(axes: Axes, curve: Variables, metric: ScoreMetric) -> None:
    """Name points and bars in the legend."""
    pair, bar = KEYS
    axes.plot([], [], linestyle="", marker=".", color="0.4", label=pair)
    if np.isfinite(curve[f"{metric.name}_upper95"].values).any():
        axes.plot([], [], color="0.4", marker="", label=bar, **BAR)


def _step_axis(axes: Axes, steps: NDArray[Any]) -> None:
    """Let the axis be logarithmic above the first step after 0, with the steps as its numbers."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    positive = [step for step in steps.tolist() if step > 0]
    if len(positive) > 1:
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.4)
    scale = axes.xaxis.get_transform()
    own = scale.transform(steps.astype(np.float64))
    margin = APART * (own[-1] - own[0]) or 1.0
    axes.set_xlim(*scale.inverted().transform(np.array([own[0] - margin, own[-1] + margin])))
    places = (own - own[0]) / (2 * margin + own[-1] - own[0])
    shown: list[int] = []
    for number, place in enumerate(places):
        if not shown or place - places[shown[-1]] >= APART:
            shown.append(number)
    axes.xaxis.set_major_locator(FixedLocator(steps[shown].tolist()))
    axes.xaxis.set_major_formatter(FixedFormatter([str(step) for step in steps[shown]]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("step of the fork")
