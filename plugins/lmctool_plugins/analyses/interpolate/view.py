"""An interpolate result as a table and as a figure."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING, Any

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import (
    ShapeRule,
    all_shortened,
    best,
    end_titles,
    fall_notes,
    legend_below,
    legend_height,
    looks,
    named_parts,
    panel_shape,
    panels,
    part_looks,
    path_label,
    score_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result, ScoreMetric
    from lmctool.api.advanced import Mark

WIDTH, HEIGHT = 4.8, 3.8
"""The size of a panel without its legend, in inches."""
LONGEST, MARKED = 32, 5
"""Letters of the name of a path; which of its points have a marker."""
DASHES, WHOLE = ("-", "--", "-.", ":"), "all"


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
    labels = [_labels(shape, s, metric) for s in range(len(splits)) for metric in metrics]
    if parts is not None:
        counts += [2] * (len(splits) * len(pairs))
        labels.append([*(name for name in _part_names(parts) if name[0] != "_"), WHOLE])
    rows, columns = panel_shape(counts)
    tall = HEIGHT + max(legend_height(own, WIDTH) for own in labels)
    figure.set_size_inches(WIDTH * columns, tall * rows)
    grid = panels(figure, counts)
    for (s, split), row in zip(enumerate(splits), grid, strict=False):
        for axes, metric in zip(row, metrics, strict=True):
            _draw_paths(axes, result, s, metric)
            axes.set_title(f"{metric.name} on {split}")
    if parts is None:
        return
    places = product(range(len(splits)), range(len(pairs)))
    for (s, p), row in zip(places, grid[len(splits) :], strict=True):
        for axes, metric in zip(row, metrics[:2], strict=True):
            _draw_parts(axes, result, p, s, metric)
            of = f"{metric.name} on {splits[s]} by {_by(parts)}"
            axes.set_title("\n".join([of, *_last(curve, p)]))


def _by(parts: Group) -> str:
    return "class" if parts.attributes["by"] == "class" else "EL2N (1 easiest)"


def _pairs(group: Group) -> list[str]:
    return all_shortened([str(pair) for pair in group.variables["pair"].values], LONGEST)


def _last(curve: Group, pair: int) -> list[str]:
    """Return what the last variant of a pair is called; one path alone needs no name."""
    pairs, variants = _pairs(curve), curve.variables["variant"].values
    own = [pairs[pair]] if len(pairs) > 1 else []
    own += [str(variants[-1])] if len(variants) > 1 else []
    return [", ".join(own)] if own else []


def _labels(shape: Group, split: int, metric: ScoreMetric) -> list[str]:
    """Return the label of each path, with its shape and Delta, a variant after the other."""
    variants, pairs = shape.variables["variant"].values, _pairs(shape)
    shapes, deltas = (
        shape.variables[f"{key}_{metric.name}"].values[:, :, split] for key in ("shape", "delta")
    )
    return [
        f"{f'{pair}, ' if len(pairs) > 1 else ''}{variant}:"
        f" {shapes[p, v]}, Delta {metric.text(deltas[p, v])}"
        for (p, pair), (v, variant) in product(enumerate(pairs), enumerate(variants))
    ]


def _draw_paths(axes: Axes, result: Result, split: int, metric: ScoreMetric) -> None:
    """Draw every path, with its shape and Delta in the legend: pairs differ by their dash."""
    curve = result.groups["interpolate/curve"].variables
    alpha, values = curve["alpha"].values, curve[metric.name].values
    own = looks([str(name) for name in curve["variant"].values])
    several = len(curve["pair"].values) > 1
    labels = _labels(result.groups["interpolate/shape"], split, metric)
    places = product(range(len(curve["pair"].values)), enumerate(own))
    for label, (p, (v, look)) in zip(labels, places, strict=True):
        style = look.line | ({"linestyle": DASHES[p % len(DASHES)]} if several else {})
        axes.plot(alpha, values[p, v, split], label=label, markevery=MARKED, **style)
    _finish(axes, result, metric)


def _part_names(parts: Group) -> list[str]:
    """Return the labels of parts, of which a legend leaves out those with an underscore."""
    return named_parts(all_shortened([str(name) for name in parts.variables["part"].values]))


def _draw_parts(axes: Axes, result: Result, pair: int, split: int, metric: ScoreMetric) -> None:
    """Draw the last variant of each part of a split, and of the whole split in black."""
    curve, parts = result.groups["interpolate/curve"], result.groups["interpolate/part"]
    alpha, names = parts.variables["alpha"].values, _part_names(parts)
    styles = part_looks(len(names), ordered=parts.attributes["by"] == "el2n")
    for number, (name, look) in enumerate(zip(names, styles, strict=True)):
        values = parts.variables[metric.name].values[pair, -1, split, number]
        axes.plot(alpha, values, label=name, **look.line | {"marker": "", "linewidth": 1.2})
    whole = curve.variables[metric.name].values[pair, -1, split]
    axes.plot(alpha, whole, label=WHOLE, color="0", linestyle="-", marker="", linewidth=2.2)
    _finish(axes, result, metric)


def _finish(axes: Axes, result: Result, metric: ScoreMetric) -> None:
    """Name the axes; of several paths, which all lead to B, the start is another for each."""
    one = len(result.groups["interpolate/curve"].variables["pair"].values) == 1
    several = f"alpha (0 = start, 1 = {end_titles(result)[1]})"
    axes.set_xlabel(path_label(result) if one else several)
    score_axis(axes.yaxis, metric)
    legend_below(axes, WIDTH)
