"""An interpolate result as a table and as a figure."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import ShapeRule, best, fall_notes, panel_shape, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result, ScoreMetric
    from lmctool.api.advanced import Mark

WIDTH, HEIGHT, LEGEND_ROW = 4.6, 3.7, 0.22
"""The size of a panel, and the height of a line of its legend, in inches."""


def tabulate(result: Result) -> Table:
    """Show ends, maximum, Delta and shape of every curve."""
    curve, shape = result.groups["interpolate/curve"], result.groups["interpolate/shape"]
    values = {name: variable.values for name, variable in shape.variables.items()}
    metrics = shown_metrics(result)
    rows: list[tuple[str, ...]] = []
    marks: dict[tuple[int, int], Mark] = {}
    for (s, split), metric, (p, pair) in product(
        enumerate(values["split"]), metrics, enumerate(values["pair"])
    ):
        lowest = best(values[f"delta_{metric.name}"][p, :, s], "lower")
        marks |= {(len(rows) + v, COLUMNS.index("Delta")): "best" for v in lowest}
        for v, variant in enumerate(values["variant"]):
            ends = curve.variables[metric.name].values[p, v, s][[0, -1]]
            here = {key: values[f"{key}_{metric.name}"][p, v, s] for key in KEYS}
            rows.append(
                (
                    *map(str, (split, metric.name, pair, variant)),
                    *map(metric.text, (*ends, here["highest"])),
                    f"{here['alpha']:.3g}",
                    metric.text(here["delta"]),
                    "-" if here["shape"] == "barrier" else f"{here['level']:.3g}",
                    str(here["shape"]),
                )
            )
    count = len(curve.variables["alpha"].values)
    made = result.groups.get("interpolate/saved")
    notes = (f"checkpoint: {made.attributes['made']}",) if made is not None else ()
    return Table(
        f"Paths ({count} points, BatchNorm {shape.attributes['batchnorm']})",
        COLUMNS,
        tuple(rows),
        (*_rule(shape).notes(metrics), *fall_notes(metrics), *notes),
        keys=COLUMNS.index("start"),
        marks=marks,
    )


KEYS = ("highest", "alpha", "delta", "level", "shape")
COLUMNS = (
    *("split", "metric", "path", "variant"),
    *("start", "B", "highest", "at", "Delta", "level until", "shape"),
)


def _rule(group: Group) -> ShapeRule:
    thresholds: dict[str, Any] = {
        each.name: group.attributes[each.name] for each in fields(ShapeRule)
    }
    return ShapeRule(**thresholds)


def draw(result: Result, figure: Figure) -> None:
    """Draw each metric on every split, then loss and error of every part where they are there."""
    metrics = shown_metrics(result)
    curve, shape = result.groups["interpolate/curve"], result.groups["interpolate/shape"]
    parts = result.groups.get("interpolate/part")
    splits, pairs = (curve.variables[name].values for name in ("split", "pair"))
    counts = [len(metrics)] * len(splits)
    if parts is not None:
        counts += [2] * (len(splits) * len(pairs))
    rows, columns = panel_shape(counts)
    lines = len(pairs) * len(curve.variables["variant"].values)
    figure.set_size_inches(WIDTH * columns, (HEIGHT + LEGEND_ROW * lines) * rows)
    grid = panels(figure, counts)
    for (s, split), row in zip(enumerate(splits), grid, strict=False):
        for axes, metric in zip(row, metrics, strict=True):
            _draw_paths(axes, curve, shape, s, metric)
            axes.set_title(f"{metric.name} on {split}")
    if parts is None:
        return
    places = product(range(len(splits)), range(len(pairs)))
    for (s, p), row in zip(places, grid[len(splits) :], strict=True):
        for axes, metric in zip(row, metrics[:2], strict=True):
            _draw_parts(axes, curve, parts, p, s, metric)
            axes.set_title(f"{metric.name} on {splits[s]} by {_by(parts)}, {_last(curve, p)}")


def _by(parts: Group) -> str:
    return "class" if parts.attributes["by"] == "class" else "EL2N (1 easiest)"


def _last(curve: Group, pair: int) -> str:
    """Return what the last variant of a pair is called; one alone needs no name."""
    pairs, variants = (curve.variables[name].values for name in ("pair", "variant"))
    return f"{pairs[pair]}, {variants[-1]}" if len(variants) > 1 else str(pairs[pair])


def _draw_paths(axes: Axes, curve: Group, shape: Group, split: int, metric: ScoreMetric) -> None:
    """Draw every path, with its shape and Delta in the legend."""
    alpha, values = (curve.variables[name].values for name in ("alpha", metric.name))
    names, pairs = (curve.variables[name].values for name in ("variant", "pair"))
    shapes, deltas = (
        shape.variables[f"{key}_{metric.name}"].values[:, :, split] for key in ("shape", "delta")
    )
    for (p, pair), (v, variant) in product(enumerate(pairs), enumerate(names)):
        own = f"{pair}, {variant}" if len(names) > 1 else str(pair)
        label = f"{own}: {shapes[p, v]}, Delta {deltas[p, v]:.2g}".lstrip("_")
        axes.plot(alpha, values[p, v, split], label=label, marker="")
    _finish(axes, metric, columns=1)


def _draw_parts(
    axes: Axes, curve: Group, parts: Group, pair: int, split: int, metric: ScoreMetric
) -> None:
    """Draw the last variant of each part of a split, and of the whole split, dashed."""
    import matplotlib as mpl

    alpha, names = (parts.variables[name].values for name in ("alpha", "part"))
    ordered = parts.attributes["by"] == "el2n" or len(names) > 10
    palette = mpl.colormaps["viridis" if ordered else "tab10"]
    colours = palette(np.linspace(0, 0.92, len(names)) if ordered else np.arange(len(names)))
    for number, name in enumerate(names):
        values = parts.variables[metric.name].values[pair, -1, split, number]
        colour = colours[number]
        axes.plot(alpha, values, label=str(name), color=colour, linestyle="-", marker="", lw=1.2)
    whole = curve.variables[metric.name].values[pair, -1, split]
    axes.plot(alpha, whole, label="all", color="0", linestyle="--", marker="")
    _finish(axes, metric, columns=6)


def _finish(axes: Axes, metric: ScoreMetric, columns: int) -> None:
    axes.set_xlabel("alpha (0 = start, 1 = B)")
    axes.set_ylabel(metric.label)
    axes.legend(fontsize="small", ncols=columns, loc="upper center", bbox_to_anchor=(0.5, -0.16))
