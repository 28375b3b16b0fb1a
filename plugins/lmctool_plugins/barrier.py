"""Barrier of loss and error on the straight line between two checkpoints.

theta(alpha) = (1 - alpha) A + alpha B.  The barrier is the greatest rise over a reference:

    chord      L(theta) - [(1 - alpha) L(A) + alpha L(B)]   Entezari et al. 2022, arXiv:2110.06296;
                                                            Jordan et al. 2023, equation 1
    mean-ends  L(theta) - [L(A) + L(B)] / 2                 Frankle et al. 2020, arXiv:1912.05671
    max-end    L(theta) - max(L(A), L(B))

over the grid of alphas, which bounds the true barrier from below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np

from lmctool.api import Analysis, Group, LmctoolError, Result, Table, Variable, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lmctool.api import Curves, Run

    Array = NDArray[np.float64]

ARROW = 0.05
"""A barrier below this share of the axis is told by the legend alone: its arrow would be a dot."""


def reference(alpha: Array, values: Array, definition: str) -> Array:
    """Return what a curve is measured against at each alpha.

    Args:
        alpha: (alpha,) rising from 0 to 1.
        values: (..., alpha) loss or error.
        definition: which barrier.

    Returns:
        (..., alpha) in the unit of the values.
    """
    first, last = values[..., :1], values[..., -1:]
    match definition:
        case "chord":
            return first + alpha * (last - first)
        case "mean-ends":
            return np.broadcast_to((first + last) / 2, values.shape)
        case "max-end":
            return np.broadcast_to(np.maximum(first, last), values.shape)
        case _:
            raise ValueError(f"no definition of a barrier is called {definition!r}")


def barrier(alpha: Array, values: Array, definition: str) -> tuple[Array, Array]:
    """Return the height of the barrier of each curve, and the alpha it stands at.

    Args:
        alpha: (alpha,) rising from exactly 0 to exactly 1.
        values: (..., alpha) loss or error.
        definition: which barrier.

    Returns:
        (...) the greatest rise over the reference, and (...) its alpha (the first of several).

    Raises:
        ValueError: the alphas don't run from 0 to 1.
    """
    if len(alpha) < 2 or alpha[0] != 0 or alpha[-1] != 1 or (np.diff(alpha) <= 0).any():
        raise ValueError(f"alphas must rise from 0 to 1, not {alpha}")
    rise = values - reference(alpha, values, definition)
    if definition == "chord":
        rise[..., [0, -1]] = 0  # the chord meets the curve at its ends, whatever rounding says
    peak = rise.argmax(axis=-1)
    return np.take_along_axis(rise, peak[..., None], axis=-1)[..., 0], alpha[peak]


def around(alpha: Array, peaks: Array, parts: int = 4) -> Array:
    """Return new alphas that divide the intervals beside each peak, (alpha,) rising.

    Args:
        alpha: (alpha,) the grid.
        peaks: alphas of the grid at which curves are greatest.
        parts: how many parts each interval is divided into.
    """
    found: set[float] = set()
    for place in np.searchsorted(alpha, np.unique(peaks)):
        for left in (place - 1, place):
            if 0 <= left < len(alpha) - 1:
                found.update(np.linspace(alpha[left], alpha[left + 1], parts + 1)[1:-1].tolist())
    return np.array(sorted(found), dtype=np.float64)


def grid(points: int, alphas: str | None) -> Array:
    """Return the alphas to evaluate: those listed with 0 and 1, or evenly spaced ones.

    Raises:
        LmctoolError: an alpha is no number of [0, 1].
    """
    if alphas is None:
        # symmetric to the last bit, and 0.5 exactly when the number of points is odd
        return np.array([k / (points - 1) for k in range(points)])
    try:
        listed = {float(word) for word in alphas.split(",")}
    except ValueError as cause:
        raise LmctoolError(f"--alphas takes numbers like 0.25,0.5, not {alphas!r}") from cause
    if not all(0 <= value <= 1 for value in listed):
        raise LmctoolError(f"--alphas must lie between 0 and 1, not {alphas!r}")
    return np.array(sorted(listed | {0.0, 1.0}))


def compute(run: Run, points: int, alphas: str | None, refine: bool, definition: str) -> Result:
    """Evaluate every variant of the path, and its barriers."""
    alpha = grid(points, alphas)
    splits = run.ends.splits  # before the alignment, so that a wrong model is told at once
    variants = run.variants()
    curves = run.follow(variants, alpha)
    if refine:
        peaks = [barrier(alpha, curve, definition)[1] for curve in (curves.loss, curves.error)]
        curves = run.insert(variants, curves, around(alpha, np.concatenate(peaks)))
    said = {"definition": definition, "batchnorm": run.settings.batchnorm}
    names = [variant.name for variant in variants]
    return _result(said, names, splits, curves)


def _result(
    said: Mapping[str, str], variants: list[str], splits: tuple[str, ...], curves: Curves
) -> Result:
    both = {
        "variant": Variable(np.array(variants, dtype=object), ("variant",), long_name="variant"),
        "split": Variable(np.array(splits, dtype=object), ("split",), long_name="split"),
    }
    place = "position between A (0) and B (1)"
    curve = both | {"alpha": Variable(curves.alpha, ("alpha",), long_name=place)}
    summary = dict(both)
    ends = {
        "split": both["split"],
        "end": Variable(np.array(["a", "b"], dtype=object), ("end",), long_name="checkpoint"),
    }
    over = ("variant", "split")
    for name, unit, values in (("loss", "nat", curves.loss), ("error", "1", curves.error)):
        height, at = barrier(curves.alpha, values, said["definition"])
        curve[name] = Variable(values, (*over, "alpha"), unit, name)
        ends[name] = Variable(values[0][:, [0, -1]], ("split", "end"), unit, name, f"end.{name}")
        meaning = f"barrier of the {name}"
        summary[f"barrier_{name}"] = Variable(height, over, unit, meaning, f"barrier.{name}")
        summary[f"alpha_{name}"] = Variable(at, over, "1", f"alpha of the {meaning}")
    return Result(
        "barrier",
        {
            "barrier/curve": Group(curve, said),
            "barrier/summary": Group(summary, said),
            "barrier/ends": Group(ends),
        },
    )


def _reduction(before: float, after: float) -> str:
    return f"{100 * (before - after) / before:.0f} %" if before > 0 else "-"


def table(result: Result) -> Table:
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


def figure(result: Result, figure: Figure) -> None:
    """Draw every variant's curve, its barrier as an arrow, the reference, and the values."""
    curve = result.groups["barrier/curve"]
    splits = curve.variables["split"].values
    figure.set_size_inches(4.6 * 2, 3.6 * len(splits))
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
    axes.legend(title="barrier", fontsize="small")
    axes.set_xlabel("alpha (0 = A, 1 = B)")
    axes.set_ylabel("error (share of examples)" if metric == "error" else "loss (nats)")


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool barrier``."""
    options = (
        click.Option(
            ["--points"],
            type=click.IntRange(min=3),
            default=25,
            show_default=True,
            help="Points on the path, both ends included.",
        ),
        click.Option(["--alphas"], metavar="A,A,…", help="These alphas, with 0 and 1, instead."),
        click.Option(
            ["--refine"], is_flag=True, help="Evaluate more points beside each curve's peak."
        ),
        click.Option(
            ["--definition"],
            type=click.Choice(["chord", "mean-ends", "max-end"]),
            default="chord",
            show_default=True,
            help="What the barrier rises over.",
        ),
    )
    return Analysis(
        compute,
        options=options,
        aligner="optional",
        correction="optional",
        table=table,
        figure=figure,
    )
