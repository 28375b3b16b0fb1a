"""The table and the figure of an alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool_plugins.analyses.align.filters import FILTERS, mosaic
from lmctool_plugins.analyses.align.maps import (
    COLUMNS as MAP_COLUMNS,
)
from lmctool_plugins.analyses.align.maps import (
    draw_maps,
    map_count,
    map_notes,
    map_rows,
    maps_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from lmctool.api import Group, Result, Table

SCORES = "align/scores"
MIDPOINTS = ("midpoint", "aligned midpoint")
MOST = 24
"""Groups that a figure names; of more, the largest."""
WIDTH, LEGEND, COLUMNS = 4.8, 0.6, 8
"""The width of a panel and the height of its legend and title in inches; filters in a row."""
NAMES = {"aligned b": "aligned B"}
VARIANTS = {"midpoint": "plain", "aligned midpoint": "align"}
"""Of which path a midpoint is."""


def table(result: Result) -> Table:
    """Show what moved, what the proof says, and the scores or else the groups."""
    from lmctool.api import Table, metrics_of, score_table

    variables = result.groups["permutations"].variables
    proof = result.groups["proof"].variables
    units = variables.get("units", variables["size"]).values  # earlier results have no inner groups
    maps = maps_of(result)
    notes = (
        f"{variables['moved'].values.sum()} of {units.sum()} units moved, in {len(units)} groups",
        *(map_notes(result, maps) if maps else ()),
        f"proof: outputs of B and aligned B differ by {proof['difference'].values.max():.2g},"
        f" rounding explains {proof['tolerance'].values.min():.2g}",
    )
    if SCORES in result.groups:
        return score_table("Alignment", result.groups[SCORES], notes, metrics_of(result), MIDPOINTS)
    columns = (variables["group"].values, units, variables["moved"].values)
    rows: list[tuple[str, ...]] = [tuple(map(str, row)) for row in zip(*columns, strict=True)]
    names: tuple[str, ...] = ("group", "units", "moved")
    if maps:
        mapped, none = map_rows(maps), ("-",) * len(MAP_COLUMNS)
        rows = [(*row, *mapped.pop(row[0], none)) for row in rows]
        rows += [(name, "-", "-", *row) for name, row in mapped.items()]
        names += MAP_COLUMNS
    return Table("Alignment", names, tuple(rows), notes)


def draw(result: Result, figure: Figure) -> None:
    """Draw what moved, linear maps, all but the loss of each network, and the first filters.

    The scores where they are known, the filters where they are images.
    """
    from lmctool.api import metrics_of
    from lmctool.api.advanced import bars_height, draw_scores, end_titles, panel_shape, panels

    scores, seen = result.groups.get(SCORES), result.groups.get(FILTERS)
    metrics = metrics_of(result)[1:] if scores else ()
    maps = maps_of(result)
    count = 1 + (maps is not None) + len(metrics)
    lines, columns = panel_shape([count])
    networks, splits = scores.variables[metrics[0].name].values.shape if scores else (0, 1)
    groups = min(len(result.groups["permutations"].variables["group"].values), MOST)
    rows_of_maps = map_count(maps) if maps else 0
    bars = max(bars_height(max(groups, rows_of_maps)), bars_height(networks, splits))
    height = bars + LEGEND
    width = WIDTH * columns if count > 1 else 6
    below = _height(seen, width) if seen else 0
    figure.set_size_inches(width, height * lines + below)
    heights = [height * lines, below] if seen else [height]
    rows = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)
    ((moved, *others),) = panels(rows[0, 0], [count])
    _draw_moved(moved, result.groups["permutations"], bars)
    if maps:
        draw_maps(others.pop(0), maps, WIDTH, bars)
    a, b = end_titles(result)
    for axes, metric in zip(others, metrics, strict=True):
        assert scores is not None
        draw_scores(axes, scores, metric, NAMES | {"a": a, "b": b}, VARIANTS, (WIDTH, bars))
    if seen is not None:
        _draw_filters(rows[1, 0], seen, {"A": a, "B": b})


def _draw_moved(axes: Axes, group: Group, height: float) -> None:
    from lmctool.api.advanced import legend_below, name_rows, row_share

    variables = group.variables
    units = variables.get("units", variables["size"]).values
    largest = sorted(sorted(range(len(units)), key=lambda n: -units[n])[:MOST])
    names = [str(variables["group"].values[number]) for number in largest]
    moves = variables["moved"].values[largest]
    places, thick = range(len(largest)), row_share(len(largest), height)
    whole = axes.barh(places, units[largest], thick, color="0.85", label="units")
    axes.barh(places, moves, thick, label="moved")
    labels = [f"{moved} of {count}" for moved, count in zip(moves, units[largest], strict=True)]
    axes.bar_label(whole, labels, padding=3, fontsize="small")
    name_rows(axes, names)
    axes.margins(x=0.28)
    axes.set_xlabel("units")
    axes.set_title(f"{len(units)} groups" + (f", the largest {MOST}" if len(units) > MOST else ""))
    legend_below(axes, WIDTH)


def _height(group: Group, width: float) -> float:
    """Return how high the filters stand in a figure of some width, in inches."""
    networks, units, _, rows, columns = map(int, group.variables["filter"].values.shape)
    tile = 0.9 * width / networks / min(units, COLUMNS)
    return 0.5 + tile * (rows / columns) * -(-units // COLUMNS)


def _draw_filters(figure: SubFigure, group: Group, titles: Mapping[str, str]) -> None:
    values, attributes = group.variables["filter"].values, group.attributes
    names = group.variables["network"].values
    panels = figure.subplots(1, len(names), gridspec_kw={"wspace": 0.08})
    for axes, name, own in zip(panels, names, values, strict=True):
        axes.imshow(mosaic(own, min(len(own), COLUMNS)), interpolation="nearest")
        axes.set_title(titles.get(str(name), str(name)))
        axes.set_axis_off()
    shown = (
        f"{values.shape[1]} of {attributes['units']}"
        if values.shape[1] < attributes["units"]
        else "all"
    )
    figure.supxlabel(f"input weights of {attributes['layer']}, {shown} units", fontsize="small")
