"""A plane result as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import fall_notes, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.api import Result, ScoreMetric, Variable

    Variables = Mapping[str, Variable]

EXTREMES = ("lowest", "highest", "barrier")
SPANS = {
    "checkpoints": "through A, B and C",
    "align": "through A, B and aligned B",
    "random": "around A, random directions",
    "run": "through A, principal components of a run",
}
"""What a plane is spanned by, in a few words."""
REFERENCES = {
    "chord": "the plane through the corners' values",
    "mean-ends": "the mean of the corners",
    "max-end": "the greatest of the corners",
}


def tabulate(result: Result) -> Table:
    """Show the corners, the extremes on the grid with their places, and the barriers."""
    groups = [result.groups[f"plane/{name}"] for name in ("grid", "corners", "summary")]
    grid, corners, summary = (group.variables for group in groups)
    attributes, metrics = groups[0].attributes, shown_metrics(result)
    names = [str(name) for name in corners["corner"].values]
    shown = [key for key in EXTREMES if f"{key}_loss" in summary]
    rows = []
    for s, split in enumerate(grid["split"].values):
        for metric in metrics:
            own = map(metric.text, corners[metric.name].values[:, s])
            cells = [cell for key in shown for cell in _extreme(summary, metric, key, s)]
            rows.append((str(split), metric.name, *own, *cells))
    columns, points = grid["x"].values, grid["y"].values
    how = f"{len(columns)} x {len(points)} points, BatchNorm {attributes['batchnorm']}"
    return Table(
        f"Plane {SPANS[str(attributes['way'])]} ({how})",
        (
            *("split", "metric"),
            *(name[:-1] + name[-1].upper() for name in names),
            *(head for key in shown for head in (key, "at x, y")),
        ),
        tuple(rows),
        tuple(_notes(result, metrics)),
        keys=2,
    )


def _extreme(summary: Variables, metric: ScoreMetric, key: str, split: int) -> tuple[str, str]:
    """Return a value of the summary, and where it is."""
    name = f"{key}_{metric.name}"
    value, x, y = (summary[each].values[split] for each in (name, f"{name}_x", f"{name}_y"))
    return metric.text(value), "-" if np.isnan(x) else f"{x:.3g}, {y:.3g}"


def _notes(result: Result, metrics: tuple[ScoreMetric, ...]) -> Iterator[str]:
    grid = result.groups["plane/grid"]
    corners = result.groups["plane/corners"].variables
    places = [
        f"{name[:-1]}{name[-1].upper()} at {x:.4g}, {y:.4g}"
        for name, x, y in zip(*(corners[key].values for key in ("corner", "x", "y")), strict=True)
    ]
    yield f"{'; '.join(places)} ({_unit(str(grid.attributes['way']))})"
    if len(places) > 1:
        reference = REFERENCES[str(grid.attributes["definition"])]
        yield f"barrier: the greatest rise within the triangle above {reference}"
    lost = np.isnan(grid.variables["loss"].values).any(axis=0).sum()
    if lost:
        yield f"{lost} points of the grid have neither loss nor error"
    if "plane/path" in result.groups:
        yield _of_path(result)
    yield from fall_notes(metrics)


def _unit(way: str) -> str:
    return "lengths of the directions" if way == "random" else "distances in weight space"


def _of_path(result: Result) -> str:
    """Say how much of a run the plane shows."""
    path = result.groups["plane/path"].variables
    along = result.groups["plane/components"].variables["explained"].values
    step, far = path["step"].values, path["distance"].values
    worst = int(far.argmax())
    return (
        f"the components hold {percent(along[0], 1)} and {percent(along[1], 1)} of the variance of"
        f" {len(step)} steps; step {step[worst]} is farthest from the plane, at {far[worst]:.3g}"
    )
