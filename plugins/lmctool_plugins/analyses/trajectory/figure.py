"""A trajectory result as a figure."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import ERROR, shown_metrics
from lmctool.api.advanced import panel_shape, panels
from lmctool_plugins.analyses.trajectory.record import PARENT, THEN
from lmctool_plugins.analyses.trajectory.table import last

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result, ScoreMetric, Variable

    Variables = Mapping[str, Variable]

WIDTH, HEIGHT = 4.8, 4
"""The size of a panel, in inches."""
COLOURS, AFTER = ("C0", "C1", "C2", "C3", "C6"), "C5"
MARKED = 40
"""Of more steps, the points of a curve are not marked."""


def draw(result: Result, figure: Figure) -> None:
    """Draw runs and interpolants over the steps, below them the gains; then parts of the splits.

    Each split has curves and gains of each metric, and where it is divided those of the parts, of
    error and loss.
    """
    metrics = shown_metrics(result)
    drawn = [("trajectory/curve", _curves, metrics), ("trajectory/gain", _gains, metrics)]
    if "trajectory/parts/curve" in result.groups:
        drawn += [
            ("trajectory/parts/curve", _parts, metrics[:2]),
            ("trajectory/parts/gain", _part_gains, metrics[:2]),
        ]
    curve = result.groups["trajectory/curve"]
    interpolants = {
        str(name) for name in result.groups["trajectory/gain"].variables["variant"].values
    }
    runs = [str(n) for n in curve.variables["network"].values if n not in {PARENT, *interpolants}]
    splits = curve.variables["split"].values
    jobs = list(product(enumerate(splits), drawn))
    counts = [len(own) for _, (_, _, own) in jobs]
    rows, columns = panel_shape(counts)
    figure.set_size_inches(WIDTH * columns, HEIGHT * rows)
    for row, ((number, split), (path, panel, own)) in zip(
        panels(figure, counts), jobs, strict=True
    ):
        for axes, metric in zip(row, own, strict=True):
            axes.set_title(f"{metric.name} on {split}")
            panel(axes, result.groups[path].variables, metric, number, runs)
            axes.set_xlabel("step")
            # in three columns, or the layout would make room for it beside the axes
            axes.legend(fontsize="small", ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def _curves(
    axes: Axes, variables: Variables, metric: ScoreMetric, split: int, runs: list[str]
) -> None:
    """Draw runs pale, their interpolants in colour, the parent in black."""
    inner = [n for n in map(str, variables["network"].values) if n not in {PARENT, *runs}]
    for row, name in enumerate(map(str, variables["network"].values)):
        line = variables[metric.name].values[row, split]
        if name in runs:
            dash = "--" if runs.index(name) % 2 else "-"
            _line(axes, variables, line, name, color="0.6", linestyle=dash, linewidth=1)
        else:
            colour = "black" if name == PARENT else _colour(inner, name)
            _line(axes, variables, line, name, color=colour)
    axes.set_ylabel(metric.label)


def _gains(axes: Axes, variables: Variables, metric: ScoreMetric, split: int, _: list[str]) -> None:
    """Draw what each interpolant gains over the mean, and dashed over the best run."""
    names = [str(name) for name in variables["variant"].values]
    for v, name in enumerate(names):
        mean, best = metric.points * variables[f"gain_{metric.name}"].values[v, :, split]
        _line(axes, variables, mean, name, color=_colour(names, name))
        _line(
            axes,
            variables,
            best,
            f"_{name}, over the best",
            color=_colour(names, name),
            linestyle="--",
            linewidth=1,
        )
    axes.set_title(f"{axes.get_title()}: over the mean (dashed: best) run")
    _from_zero(axes, metric)


def _colour(names: list[str], name: str) -> str:
    """Return the colour of an interpolant, the same in every panel."""
    return AFTER if name == THEN else COLOURS[names.index(name) % len(COLOURS)]


def _parts(
    axes: Axes, variables: Variables, metric: ScoreMetric, split: int, runs: list[str]
) -> None:
    """Draw the last variant of the interpolant on each part, and dotted the mean of the runs."""
    names = [str(name) for name in variables["network"].values]
    rows = [names.index(run) for run in runs]
    shown = max(row for row, name in enumerate(names) if name != THEN)
    for p, (part, colour) in enumerate(_coloured(variables)):
        values = variables[metric.name].values[:, split, p]
        _line(axes, variables, values[shown], f"part {part}", color=colour)
        mean = values[rows].mean(axis=0)
        _line(
            axes,
            variables,
            mean,
            f"_part {part}, mean of runs",
            color=colour,
            linestyle=":",
            linewidth=1.2,
        )
    axes.set_title(f"{axes.get_title()}: {names[shown]} (dotted: mean of runs)")
    axes.set_ylabel(metric.label)


def _part_gains(
    axes: Axes, variables: Variables, metric: ScoreMetric, split: int, _: list[str]
) -> None:
    """Draw what the last variant of the interpolant gains over the mean on each part."""
    shown = last(variables)
    for p, (part, colour) in enumerate(_coloured(variables)):
        line = metric.points * variables[f"gain_{metric.name}"].values[shown, 0, split, p]
        _line(axes, variables, line, f"part {part}", color=colour)
    axes.set_title(f"{axes.get_title()}: {variables['variant'].values[shown]} over mean")
    _from_zero(axes, metric)


def _coloured(variables: Variables) -> list[tuple[str, str]]:
    """Return each part with its colour, from dark to bright in their order."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    parts = variables["part"].values
    places = np.linspace(0, 0.9, len(parts))
    return [
        (str(part), to_hex(colormaps["viridis"](place)))
        for part, place in zip(parts, places, strict=True)
    ]


def _line(
    axes: Axes,
    variables: Variables,
    line: Array,
    label: str,
    *,
    color: str,
    linestyle: str = "-",
    linewidth: float = 1.6,
) -> None:
    """Draw a curve over the steps that it has."""
    present = ~np.isnan(line)
    axes.plot(
        variables["step"].values[present],
        line[present],
        label=label,
        color=color,
        linestyle=linestyle,
        linewidth=linewidth,
        marker="." if present.sum() <= MARKED else "",
    )


def _from_zero(axes: Axes, metric: ScoreMetric) -> None:
    axes.axhline(0, color="0.4", linewidth=1, linestyle=":")
    what = "accuracy" if metric == ERROR else metric.name
    axes.set_ylabel(f"gain in {what} (points)" if metric.percent else f"gain in {metric.label}")
