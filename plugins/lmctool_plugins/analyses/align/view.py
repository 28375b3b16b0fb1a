"""The table and the figure of an alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool_plugins.analyses.align.filters import FILTERS, mosaic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from lmctool.api import Group, Result, ScoreMetric, Table

SCORES = "align/scores"
MIDPOINTS = ("midpoint", "aligned midpoint")
MOST = 24
"""Groups that a figure names; of more, the largest."""
WIDTH, HEIGHT, COLUMNS = 4.6, 4.6, 8
"""The size of a panel in inches, and how many filters stand in a row below them."""


def table(result: Result) -> Table:
    """Show how many units moved, what the proof says, and the scores or else the groups."""
    from lmctool.api import Table, metrics_of, score_table

    variables = result.groups["permutations"].variables
    proof = result.groups["proof"].variables
    units = variables.get("units", variables["size"]).values  # earlier results have no inner groups
    notes = (
        f"{variables['moved'].values.sum()} of {units.sum()} units moved, in {len(units)} groups",
        f"proof: outputs of B and aligned B differ by {proof['difference'].values.max():.2g},"
        f" rounding explains {proof['tolerance'].values.min():.2g}",
    )
    if SCORES in result.groups:
        return score_table("Alignment", result.groups[SCORES], notes, metrics_of(result), MIDPOINTS)
    columns = (variables["group"].values, units, variables["moved"].values)
    rows = tuple(tuple(map(str, row)) for row in zip(*columns, strict=True))
    return Table("Alignment", ("group", "units", "moved"), rows, notes)


def draw(result: Result, figure: Figure) -> None:
    """Draw what moved, all but the loss of each network, and the filters of the first layer.

    The scores where they are known, the filters where they are images.
    """
    from lmctool.api import metrics_of
    from lmctool.api.advanced import panel_shape, panels

    scores, seen = result.groups.get(SCORES), result.groups.get(FILTERS)
    metrics = metrics_of(result)[1:] if scores else ()
    lines, columns = panel_shape([1 + len(metrics)])
    width, height = WIDTH * columns if metrics else 6, HEIGHT * lines
    below = _height(seen, width) if seen else 0
    figure.set_size_inches(width, height + below)
    heights = [height, below] if seen else [height]
    rows = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)
    ((moved, *others),) = panels(rows[0, 0], [1 + len(metrics)])
    _draw_moved(moved, result.groups["permutations"])
    if scores is not None:
        for axes, metric in zip(others, metrics, strict=True):
            _draw_scores(axes, scores, metric)
    if seen is not None:
        _draw_filters(rows[1, 0], seen)


def _draw_moved(axes: Axes, group: Group) -> None:
    variables = group.variables
    units = variables.get("units", variables["size"]).values
    largest = sorted(sorted(range(len(units)), key=lambda n: -units[n])[:MOST])
    names = [str(variables["group"].values[number]) for number in largest]
    places = range(len(largest))
    axes.barh(places, units[largest], color="0.85", label="units")
    axes.barh(places, variables["moved"].values[largest], label="moved")
    axes.set_yticks(places, names, fontsize="small" if len(names) < MOST else "x-small")
    axes.invert_yaxis()
    axes.set_xlabel("units")
    axes.set_title(f"{len(units)} groups" + (f", the largest {MOST}" if len(units) > MOST else ""))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def _draw_scores(axes: Axes, scores: Group, metric: ScoreMetric) -> None:
    names = [str(name) for name in scores.variables["network"].values]
    values, splits = scores.variables[metric.name].values, scores.variables["split"].values
    height = 0.8 / len(splits)
    for number, split in enumerate(splits):
        places = [place + number * height for place in range(len(names))]
        axes.barh(places, values[:, number], height, label=str(split))
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(metric.label)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)


def _height(group: Group, width: float) -> float:
    """Return how high the filters stand in a figure of some width, in inches."""
    networks, units, _, rows, columns = map(int, group.variables["filter"].values.shape)
    tile = 0.9 * width / networks / min(units, COLUMNS)
    return 0.5 + tile * (rows / columns) * -(-units // COLUMNS)


def _draw_filters(figure: SubFigure, group: Group) -> None:
    values, attributes = group.variables["filter"].values, group.attributes
    names = group.variables["network"].values
    panels = figure.subplots(1, len(names), gridspec_kw={"wspace": 0.08})
    for axes, name, own in zip(panels, names, values, strict=True):
        axes.imshow(mosaic(own, min(len(own), COLUMNS)), interpolation="nearest")
        axes.set_title(str(name))
        axes.set_axis_off()
    shown = (
        f"{values.shape[1]} of {attributes['units']}"
        if values.shape[1] < attributes["units"]
        else "all"
    )
    figure.supxlabel(f"input weights of {attributes['layer']}, {shown} units", fontsize="small")
