"""Curves of a trajectory: errors and gains over the steps, and figures of several runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from reading import pick

from lmctool.report.look import look_of
from lmctool.report.scales import percent_axis
from lmctool.report.style import applied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


MOST = 3
"""Panels in a row."""
LOOKS = {
    "children": {"color": "0.45", "linestyle": "-", "marker": "."},
    "interpolant": look_of(0).line,
    "interpolant, trained on": {"color": "#E69F00", "linestyle": "--", "marker": "*"},
}
"""How networks look, as in the figures of trajectories."""


class Curve(NamedTuple):
    """Values over steps.

    Attributes:
        steps: (step,) rising.
        values: (step,) of them.
    """

    steps: Array
    values: Array


def gain(path: Path, over: str = "mean", network: str = "plain") -> Curve:
    """Return what an interpolant gains in accuracy over its children, at the steps it has."""
    return known(path, pick(path, "trajectory/gain/gain_error", variant=network, over=over))


def error(path: Path, network: str) -> Curve:
    """Return the error of a network at the steps it has; ``children`` are the mean of both."""
    if network == "children":
        pair = [pick(path, "trajectory/curve/error", network=each) for each in "ab"]
        return known(path, (pair[0] + pair[1]) / 2)
    return known(path, pick(path, "trajectory/curve/error", network=network))


def part_error(path: Path, network: str, part: str) -> Curve:
    """Return a network's error on one part of the split; ``children`` are the mean of both."""
    names = tuple("ab") if network == "children" else (network,)
    each = [pick(path, "trajectory/parts/curve/error", network=name, part=part) for name in names]
    return known(path, np.mean(each, axis=0))


def known(path: Path, values: Array) -> Curve:
    """Return the values over the steps at which there are any."""
    steps = pick(path, "trajectory/curve/step")
    there = ~np.isnan(values)
    return Curve(steps[there], values[there])


def mean(curves: Iterable[Curve]) -> Curve:
    """Return the mean of curves over the same steps."""
    each = list(curves)
    return Curve(each[0].steps, np.mean([curve.values for curve in each], axis=0))


def points(values: Sequence[float]) -> str:
    """Return differences of errors in percentage points, one of each seed."""
    return " / ".join(f"{100 * each:+.1f}" for each in values)


def draw(
    place: Path,
    panels: Mapping[str, Mapping[str, Curve]],
    labels: tuple[str, str],
    marks: Sequence[int],
) -> Path:
    """Draw curves side by side: a panel for each group of them, with one legend below all.

    Args:
        place: the PNG file.
        panels: the curves by title of their panel and by name in ``LOOKS``, all of shares.
        labels: of both axes.
        marks: steps at which something changes, as dotted lines.
    """
    with applied():
        from matplotlib.figure import Figure

        rows = -(-len(panels) // MOST)
        columns = -(-len(panels) // rows)
        figure = Figure(figsize=(4 * columns, 3.2 * rows + 0.3), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes, (title, curves) in zip(grid.flat, panels.items(), strict=True):
            for name, curve in curves.items():
                look: Mapping[str, Any] = LOOKS[name]
                axes.plot(curve.steps, curve.values, label=name, **look)
            for mark in marks:
                axes.axvline(mark, color="0.4", linestyle=":", linewidth=1, marker="")
            axes.set_title(title)
            axes.set_xlabel(labels[0])
        for axes in grid[:, 0]:
            axes.set_ylabel(labels[1])
        percent_axis(grid[0, 0].yaxis)
        handles, names = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        figure.savefig(place)
    return place
