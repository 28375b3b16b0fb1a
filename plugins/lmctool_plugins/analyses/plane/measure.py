"""Evaluating the networks of a grid in a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LazyNetworks, Result, Variable
from lmctool_plugins.analyses.plane.kernel import shares
from lmctool_plugins.analyses.plane.metrics import EXPLAINED, OUTSIDE
from lmctool_plugins.analyses.plane.spanned import spanned
from lmctool_plugins.analyses.plane.summary import summary
from lmctool_plugins.analyses.plane.ways import COUNTS, chosen_way, grid_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.api import Array, Run
    from lmctool.api.advanced import Series
    from lmctool_plugins.analyses.plane.spanned import Plane


def network_count(
    run: Run,
    points: str,
    random: bool,
    path: Series | None,
    margin: float | None,
    reach: float | None,
    **_: object,
) -> int:
    """Return how many networks are measured: the points of the grid, and a corner beside it."""
    way = chosen_way(run, random=random, path=path, margin=margin, reach=reach)
    columns, rows = grid_shape(points)
    return columns * rows + (COUNTS[way] > 1)


def measure(
    run: Run,
    points: str,
    margin: float | None,
    reach: float | None,
    definition: str,
    random: bool,
    path: Series | None,
    surface: bool,
) -> Result:
    """Evaluate the corners and every point of the grid.

    Raises:
        LmctoolError: the options ask for no plane, or what is to span it doesn't.
    """
    way = chosen_way(run, random=random, path=path, margin=margin, reach=reach)
    shape = grid_shape(points)
    splits = run.ends.splits  # before the alignment, so that a wrong model is reported at once
    for guess in run.guesses:
        run.doubt(guess.reason, split=guess.split)
    plane = spanned(run, way, shape, margin, reach, path)
    ends = _corner_scores(run, plane)
    values = _grid_scores(run, plane, ends)
    both = {"split": _names("split", splits)}
    grid = both | {
        "y": Variable(plane.y, ("y",), long_name=_axis_label(way, "y")),
        "x": Variable(plane.x, ("x",), long_name=_axis_label(way, "x")),
    }
    corner = {"corner": _names("corner", plane.names)} | both
    for number, key in enumerate("xy"):
        own = plane.places[: len(plane.names), number]
        corner[key] = Variable(own, ("corner",), long_name=f"{key} of the corner")
    for metric in run.metrics:
        name = metric.name
        grid[name] = metric.variable(values[name], ("split", "y", "x"))
        corner[name] = metric.variable(
            ends[name].T, ("corner", "split"), metric=f"plane.corner_{name}"
        )
    attributes: dict[str, str | int] = {
        "way": way,
        "definition": definition,
        "batchnorm": run.settings.batchnorm,
        "surface": int(surface),
    }
    groups = {
        "plane/grid": Group(grid, attributes),
        "plane/corners": Group(corner),
        "plane/summary": Group(both | summary(grid, corner, run.metrics, definition), attributes),
    }
    if path is not None:
        groups |= _path_groups(plane, path)
    return Result("plane", groups)


def _axis_label(way: str, key: str) -> str:
    """Return what a coordinate is."""
    return f"{key} (random direction)" if way == "random" else f"{key} (distance)"


def _corner_scores(run: Run, plane: Plane) -> dict[str, Array]:
    """Return the values of each metric at the corners, (split, corner); of files their own."""
    own = {metric.name: run.ends.values(metric) for metric in run.metrics}
    others = plane.networks[run.count : len(plane.names)]
    if not others:
        return own
    scores = run.evaluate(list(others), description="corner")
    return {
        metric.name: np.concatenate([own[metric.name], scores.values(metric)], axis=1)
        for metric in run.metrics
    }


def _grid_scores(run: Run, plane: Plane, ends: Mapping[str, Array]) -> dict[str, Array]:
    """Return the values of each metric on the grid, (split, y, x); NaN where there is none."""
    counts = shares(plane.x, plane.y[:, None], plane.places).reshape(-1, 3)
    known = np.full(len(counts), -1)
    for corner in range(len(plane.names)):
        known[(counts == np.eye(3)[corner]).all(axis=1)] = corner
    lost = _collapsed(run, plane, counts)
    new = np.flatnonzero((known < 0) & ~lost)
    networks = LazyNetworks(
        lambda own: run.batchnorm.mean(plane.networks, own),
        map(tuple, counts[new].tolist()),
        lambda own: run.batchnorm.mean_recipe(plane.networks, own),
    )
    scores = run.evaluate(networks, description="plane")
    nothing = np.isnan(scores.loss)
    found = {}
    for metric in run.metrics:
        values = np.full((len(scores.splits), len(counts)), np.nan)
        values[:, new] = np.where(nothing, np.nan, scores.values(metric))
        values[:, known >= 0] = ends[metric.name][:, known[known >= 0]]
        found[metric.name] = values.reshape(len(values), len(plane.y), len(plane.x))
    _tell(run, len(counts), int(lost.sum()), int(nothing.any(axis=0).sum()))
    return found


def _collapsed(run: Run, plane: Plane, counts: Array) -> NDArray[np.bool_]:
    """Return at which points a mixed running variance isn't above 0, (point,)."""
    lost = np.zeros(len(counts), dtype=bool)
    if run.settings.batchnorm != "interpolate":
        return lost
    for name in plane.networks[0]:
        if name.rpartition(".")[2] == "running_var":
            own = [network[name].flatten().cpu().double().numpy() for network in plane.networks]
            lost |= ~((counts @ np.stack(own)).min(axis=1) > 0)
    return lost


def _tell(run: Run, points: int, lost: int, nothing: int) -> None:
    """Note how many points of the grid have no values, and why."""
    if lost:
        run.note(
            f"at {lost} of {points} points of the grid a running variance of a BatchNorm would not"
            " be above 0, so they have neither loss nor error; --batchnorm reset takes it anew"
        )
    if nothing:
        run.note(
            f"at {nothing} of {points} points of the grid the loss is not a number, so they have no"
            " error either"
        )


def _path_groups(plane: Plane, path: Series) -> dict[str, Group]:
    """Return the path of a run in the plane, and the components that span it."""
    found = plane.components
    assert found is not None
    steps = {"step": Variable(np.array(path.steps, np.int64), ("step",), "1", "step of the run")}
    for number, key in enumerate("xy"):
        steps[key] = Variable(found.places[:, number], ("step",), long_name=f"{key} of the step")
    steps["distance"] = Variable(
        found.outside, ("step",), "1", OUTSIDE.meaning, OUTSIDE.name, "lower"
    )
    along = {
        "component": _names("component", "xy"),
        "explained": Variable(
            found.explained, ("component",), "1", EXPLAINED.meaning, EXPLAINED.name
        ),
    }
    return {
        "plane/path": Group(steps, {"run": str(path.path)}),
        "plane/components": Group(along),
    }


def _names(dim: str, names: Sequence[str]) -> Variable:
    return Variable(np.array(list(names), dtype=object), (dim,), long_name=dim)
