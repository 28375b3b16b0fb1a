"""A trajectory result as a figure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import ERROR, shown_metrics
from lmctool.api.advanced import (
    all_shortened,
    file_titles,
    legend_below,
    legend_height,
    looks,
    panel_shape,
    panels,
    score_axis,
    short_names,
)
from lmctool_plugins.analyses.trajectory.record import PARENT, THEN
from lmctool_plugins.analyses.trajectory.table import last

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result, ScoreMetric, Variable

    Variables = Mapping[str, Variable]
    Panel = Callable[[Axes, Variables, ScoreMetric, int, "Networks"], None]

WIDTH, HEIGHT = 4.8, 3.6
"""The size of a panel without its legend, in inches."""
MARKED = 40
"""Of more steps, the points of a curve are not marked."""
NAMED = 10
"""Parts that a legend names; of more, some."""
BEFORE = {"color": "black", "marker": ".", "linestyle": "-"}
AFTER = {"color": "#E69F00", "marker": "*", "linestyle": "-"}
"""How the run before the fork looks, and the one that starts from an interpolant."""
GREYS, DASHES = ("0.45", "0.7"), ("-", "--", ":")
"""What tells runs apart, which are all pale."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of a trajectory.

    Attributes:
        runs: the names of the runs, without the parent and what follows.
        lines: the keywords of the line of each network by its name, its label among them.
    """

    runs: list[str]
    lines: Mapping[str, Mapping[str, Any]]

    @property
    def labels(self) -> list[str]:
        """The labels of all networks."""
        return [str(line["label"]) for line in self.lines.values()]


def draw(result: Result, figure: Figure) -> None:
    """Draw runs and interpolants over the steps, below them the gains; then parts of the splits.

    Each split has curves and gains of each metric, and where it is divided those of the parts, of
    error and loss.
    """
    metrics = shown_metrics(result)
    drawn: list[tuple[str, Panel, tuple[ScoreMetric, ...]]] = [
        ("trajectory/curve", _curves, metrics),
        ("trajectory/gain", _gains, metrics),
    ]
    if "trajectory/parts/curve" in result.groups:
        drawn += [
            ("trajectory/parts/curve", _parts, metrics[:2]),
            ("trajectory/parts/gain", _part_gains, metrics[:2]),
        ]
    splits = result.groups["trajectory/curve"].variables["split"].values
    networks = _networks(result)
    jobs = list(product(enumerate(splits), drawn))
    counts = [len(own) for _, (_, _, own) in jobs]
    rows, columns = panel_shape(counts)
    height = HEIGHT + legend_height(networks.labels, WIDTH)
    figure.set_size_inches(WIDTH * columns, height * rows)
    for row, ((number, split), (path, panel, own)) in zip(
        panels(figure, counts), jobs, strict=True
    ):
        for axes, metric in zip(row, own, strict=True):
            axes.set_title(f"{metric.name} on {split}")
            axes.set_xlabel("step")
            panel(axes, result.groups[path].variables, metric, number, networks)
            legend_below(axes, WIDTH)


def _networks(result: Result) -> Networks:
    """Return what each network looks like in every panel, and what it is called."""
    curve, gain = (result.groups[f"trajectory/{name}"] for name in ("curve", "gain"))
    own = [str(name) for name in gain.variables["variant"].values if name != THEN]
    lines = {name: look.line for name, look in zip(own, looks(own), strict=True)}
    lines |= {PARENT: BEFORE, THEN: AFTER}
    names = [str(name) for name in curve.variables["network"].values]
    runs = [name for name in names if name not in lines]
    for number, (name, folder) in enumerate(zip(runs, _folders(result, runs), strict=True)):
        look = {"color": GREYS[number % len(GREYS)], "linestyle": DASHES[number % len(DASHES)]}
        lines[name] = {**look, "linewidth": 1.2, "marker": ".", "label": folder}
    return Networks(runs, {name: {"label": name, **lines[name]} for name in names})


def _folders(result: Result, runs: list[str]) -> list[str]:
    """Return what runs are called: by what tells their folders apart."""
    paths = result.groups["trajectory/curve"].attributes["runs"]
    if not isinstance(paths, list) or len(paths) != len(runs):
        return runs
    return file_titles(runs, all_shortened(short_names([PurePath(str(path)) for path in paths])))


def _curves(
    axes: Axes, variables: Variables, metric: ScoreMetric, split: int, networks: Networks
) -> None:
    """Draw runs pale, their interpolants in colour, the parent in black."""
    for row, name in enumerate(map(str, variables["network"].values)):
        _line(axes, variables, variables[metric.name].values[row, split], **networks.lines[name])
    score_axis(axes.yaxis, metric)


def _gains(
    axes: Axes, variables: Variables, metric: ScoreMetric, split: int, networks: Networks
) -> None:
    """Draw what each interpolant gains over the mean, and thinner over the best run."""
    for v, name in enumerate(map(str, variables["variant"].values)):
        style = networks.lines[name]
        mean, best = metric.points * variables[f"gain_{metric.name}"].values[v, :, split]
        _line(axes, variables, mean, **style)
        thin = {"linewidth": 0.8, "markerfacecolor": "white"}
        _line(axes, variables, best, **{**style, **thin, "label": f"_{name}, over the best"})
    axes.set_title(f"{axes.get_title()}: gain over the mean\n(thin, hollow: over the best) run")
    _from_zero(axes, metric)


def _parts(
    axes: Axes, variables: Variables, metric: ScoreMetric, split: int, networks: Networks
) -> None:
    """Draw the last variant of the interpolant on each part, and dotted the mean of the runs."""
    names = [str(name) for name in variables["network"].values]
    rows = [names.index(run) for run in networks.runs]
    shown = max(row for row, name in enumerate(names) if name != THEN)
    for p, (label, colour) in enumerate(_coloured(variables)):
        values = variables[metric.name].values[:, split, p]
        _line(axes, variables, values[shown], label, color=colour)
        mean, dots = values[rows].mean(axis=0), {"linestyle": ":", "linewidth": 1.2}
        _line(axes, variables, mean, f"_{label}, mean of runs", color=colour, **dots)
    axes.set_title(f"{axes.get_title()}: {names[shown]}\n(dotted: mean of runs)")
    score_axis(axes.yaxis, metric)


def _part_gains(
    axes: Axes, variables: Variables, metric: ScoreMetric, split: int, networks: Networks
) -> None:
    """Draw what the last variant of the interpolant gains over the mean on each part."""
    shown = last(variables)
    for p, (label, colour) in enumerate(_coloured(variables)):
        line = metric.points * variables[f"gain_{metric.name}"].values[shown, 0, split, p]
        _line(axes, variables, line, label, color=colour)
    name = variables["variant"].values[shown]
    axes.set_title(f"{axes.get_title()}: {name},\ngain over the mean run")
    _from_zero(axes, metric)


def _coloured(variables: Variables) -> list[tuple[str, str]]:
    """Return the label of each part with its colour, from dark to bright in their order.

    Labels of all but a few parts begin with a line that keeps them out of the legend.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    parts = all_shortened([str(part) for part in variables["part"].values])
    step = -(-len(parts) // NAMED)
    places = np.linspace(0, 0.9, len(parts))
    return [
        (f"part {part}" if number % step == 0 else f"_{part}", to_hex(colormaps["viridis"](place)))
        for number, (part, place) in enumerate(zip(parts, places, strict=True))
    ]


def _line(axes: Axes, variables: Variables, line: Array, label: str, **look: Any) -> None:
    """Draw a curve over the steps that it has."""
    present = ~np.isnan(line)
    usual: dict[str, Any] = {"linestyle": "-", "marker": ".", "markersize": 4}
    few = {} if present.sum() <= MARKED else {"marker": ""}
    steps = variables["step"].values[present]
    axes.plot(steps, line[present], label=label, **{**usual, **look, **few})


def _from_zero(axes: Axes, metric: ScoreMetric) -> None:
    axes.axhline(0, color="0.4", linewidth=1, linestyle=":", marker="")
    what = "accuracy" if metric == ERROR else metric.name
    unit = f"gain in {what}\n(percentage points)"
    axes.set_ylabel(unit if metric.percent else f"gain in {metric.label}")
