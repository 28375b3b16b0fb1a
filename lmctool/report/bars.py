"""Bars beside names, such as the scores of networks, each with its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.report.look import looks
from lmctool.report.panels import legend_below
from lmctool.report.scales import score_axis
from lmctool.report.shortened import all_shortened
from lmctool.report.style import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from numpy.typing import NDArray

    from lmctool.results.result import Group
    from lmctool.results.score_metric import ScoreMetric

BAR, APART, AROUND = 0.17, 0.13, 1.0
"""The height of a bar, the room between names, and that of an axis and its label, in inches."""
TALLEST, NUMBERED = 40.0, 0.13
"""The height of the tallest panel, and that of a bar that has room for its number, in inches."""
LONGEST, OTHERS = 32, 1.2
"""Letters of a name beside a bar; the room that long names of the panel beside may take from a
legend, in inches, for panels are equally wide."""
MANY = 200
"""Bars that are drawn one by one; of more, all of a series are one object, and have no numbers."""
NAME = 0.15
"""The height of a name beside a row, in inches; where rows are lower, not every one is named."""
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++")
END = "0.6"
"""The colour of networks that are no variants: the ends of a path, and whatever was merged."""


def bars_height(names: int, series: int = 1) -> float:
    """Return the height in inches of a panel of bars, without a legend."""
    return min(AROUND + names * (BAR * series + APART), TALLEST)


def row_share(names: int, height: float, series: int = 1) -> float:
    """Return the share of a row of a panel that one bar has, so that it is no thicker than others.

    Args:
        names: how many rows the panel has.
        height: the height of the panel with its axis, in inches.
        series: how many bars a row has.
    """
    row = (height - AROUND) / names
    return min(BAR / row, 0.85 / series)


def draw_bars(
    axes: Axes,
    names: Sequence[str],
    values: NDArray[np.float64],
    series: Sequence[str],
    text: Callable[[float], str],
    height: float,
    *,
    colours: Sequence[str] = (),
    series_colours: Sequence[str] = COLOURS,
) -> None:
    """Draw horizontal bars, those of a name together, from the top down, each with its number.

    Bars that are too thin for their numbers have none.

    Args:
        axes: an empty panel.
        names: of the groups of bars, which are shortened where they are long.
        values: (name, series) their lengths.
        series: what the bars of a name are of; they differ by colour and hatch.
        text: writes the number of a bar.
        height: the height of the panel with its axis, in inches, such as ``bars_height``.
        colours: of each name, where names are what colours tell; the series then differ by hatch
            alone.
        series_colours: else of each of the series.
    """
    count, places = len(series), np.arange(len(names))
    thick = row_share(len(names), height, count)
    for number, label in enumerate(series):
        own = list(colours) or series_colours[number % len(series_colours)]
        look: dict[str, Any] = {"edgecolor": "white", "linewidth": 0, "label": label}
        look["hatch"] = HATCHES[number % len(HATCHES)]
        rows = places + (number - (count - 1) / 2) * thick
        bars = row_bars(axes, rows, values[:, number], thick, color=own, **look)
        if bars is not None and thick * (height - AROUND) / len(names) >= NUMBERED:
            labels = [text(float(value)) for value in values[:, number]]
            axes.bar_label(bars, labels, padding=3, fontsize="small")
    name_rows(axes, names, height)
    axes.margins(x=0.22)


def row_bars(
    axes: Axes,
    places: NDArray[Any],
    lengths: NDArray[Any],
    thick: float,
    *,
    color: str | Sequence[str],
    **look: Any,
) -> BarContainer | None:
    """Draw a horizontal bar at each place: of many all are one object, which costs what one does.

    Args:
        axes: the panel.
        places: (bar,) where on the vertical axis.
        lengths: (bar,) their lengths from 0; NaN has no bar.
        thick: how thick they are, of the distance between two rows.
        color: of all bars, or of each.
        look: what else Matplotlib is to know, such as ``label``.

    Returns:
        The bars, for ``bar_label``; None where they are one object.
    """
    if len(places) <= MANY:
        return axes.barh(places, lengths, thick, color=color, **look)
    from matplotlib.collections import PolyCollection

    known = np.flatnonzero(np.isfinite(lengths))
    low, high = places[known] - thick / 2, places[known] + thick / 2
    ends, start = np.asarray(lengths)[known], np.zeros(len(known))
    across, along = np.stack([start, ends, ends, start], 1), np.stack([low, low, high, high], 1)
    own = color if isinstance(color, str) else [color[int(place)] for place in known]
    bars = PolyCollection([*np.stack([across, along], -1)], facecolor=own, **look)
    bars.sticky_edges.x[:] = [0]
    axes.add_collection(bars)
    axes.autoscale_view()
    return None


def name_rows(axes: Axes, names: Sequence[str], height: float = TALLEST) -> list[int]:
    """Write names beside the rows of a panel, from the top down, as many as have room.

    Args:
        axes: the panel.
        names: of all its rows, which are shortened where they are long.
        height: the height of the panel with its axis, in inches, such as ``bars_height``.

    Returns:
        The rows that are named, in the order of the labels.
    """
    step = -(-len(names) // max(int((height - AROUND) / NAME), 1)) if names else 1
    shown = list(range(0, len(names), step))
    texts = all_shortened([names[row] for row in shown], LONGEST)
    axes.set_yticks(shown, texts, fontsize="small")
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    return shown


def draw_scores(
    axes: Axes,
    scores: Group,
    metric: ScoreMetric,
    names: Mapping[str, str],
    variants: Mapping[str, str],
    size: tuple[float, float],
) -> None:
    """Draw a metric of networks on every split as bars, in the colours of their variants.

    Args:
        axes: an empty panel.
        scores: values over (network, split), as ``score_group`` makes them.
        metric: which of them.
        names: how a figure writes the name of a network, where not as it is.
        variants: of networks that are variants, which.
        size: the width of the panel and its height with its axis, in inches.
    """
    networks, splits = (list(map(str, scores.variables[d].values)) for d in ("network", "split"))
    drawn = looks([*variants.values()])
    colour = {name: look.colour for name, look in zip(variants, drawn, strict=True)}
    draw_bars(
        axes,
        [names.get(name, name) for name in networks],
        scores.variables[metric.name].values,
        splits,
        metric.text,
        size[1],
        colours=[colour.get(name, END) for name in networks],
    )
    score_axis(axes.xaxis, metric)
    if len(splits) > 1:
        legend_below(axes, size[0] - OTHERS)
    else:
        axes.set_title(f"{metric.name} on {splits[0]}")
