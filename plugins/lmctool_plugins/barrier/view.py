"""A barrier result as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table
from lmctool_plugins.barrier.kernel import barrier, reference

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result

ARROW = 0.05
"""A barrier below this share of the axis is told by the legend alone: its arrow would be a dot."""


def _reduction(before: float, after: float) -> str:
    return f"{100 * (before - after) / before:.0f} %" if before > 0 else "-"


def tabulate(result: Result) -> Table:
    """Show ends, midpoint, barrier, and what each step takes off the barrier."""
    curve = result.groups["barrier/curve"].variables
    summary = result.groups["barrier/summary"].variables
    alpha = curve["alpha"].values
    middle = int(np.abs(alpha - 0.5).argmin())
    rows = []
    for s, split in enumerate(curve["split"].values):
        for metric, form in (("error", "{:.2%}"), ("loss", "{:.4f}")):
            heights = summary[f"barrier_{metric}"].values[:, s]
            for v, variant in enumerate(curve["variant"].values):
                values = curve[metric].values[v, s]
                rows.append(
                    (
                        *(str(split), metric, str(variant)),
                        *(form.format(values[place]) for place in (0, middle, -1)),
                        form.format(heights[v]),
                        f"{summary[f'alpha_{metric}'].values[v, s]:.3g}",
                        _reduction(heights[v - 1], heights[v]) if v else "",
                    )
                )
    said = result.groups["barrier/summary"].attributes
    return Table(
        f"Barrier ({said['definition']}, {len(alpha)} points, BatchNorm {said['batchnorm']})",
        (
            "split",
            "metric",
            "variant",
            "A",
            f"alpha {alpha[middle]:.3g}",
            "B",
            "barrier",
            "at",
            "reduced by",
        ),
        tuple(rows),
    )


def draw(result: Result, figure: Figure) -> None:
    """Draw every variant's curve, its barrier as an arrow, the reference, and the values."""
    curve = result.groups["barrier/curve"]
    splits = curve.variables["split"].values
    figure.set_size_inches(9.2, 4.2 * len(splits))
    axes = figure.subplots(len(splits), 2, squeeze=False)
    for row, split in enumerate(splits):
        for column, metric in enumerate(("error", "loss")):
            _draw(axes[row, column], curve, row, metric)
            axes[row, column].set_title(f"{metric} on {split}")


def _draw(axes: Axes, curve: Group, split: int, metric: str) -> None:
    alpha = curve.variables["alpha"].values
    definition = str(curve.attributes["definition"])
    variants = curve.variables["variant"].values
    values = curve.variables[metric].values[:, split]
    heights, places = barrier(alpha, values, definition)
    for v, variant in enumerate(variants):
        label = f"{variant}: {heights[v]:.3g}"
        (line,) = axes.plot(alpha, values[v], label=label, marker=".")
        if heights[v] > ARROW * (values.max() - values.min()):
            at = float(places[v])
            foot = float(np.interp(at, alpha, reference(alpha, values[v], definition)))
            arrow = {"arrowstyle": "<->", "color": line.get_color()}
            axes.annotate("", (at, foot + float(heights[v])), (at, foot), arrowprops=arrow)
    below = reference(alpha, values[0], definition)
    axes.plot(alpha, below, color="0.4", linestyle=":", linewidth=1, marker="", label=definition)
    axes.legend(
        title="barrier", fontsize="small", ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16)
    )
    axes.set_xlabel("alpha (0 = A, 1 = B)")
    axes.set_ylabel("error (share of examples)" if metric == "error" else "loss (nats)")
