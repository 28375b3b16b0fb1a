"""A trajectory result as a table."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import fall_notes
from lmctool_plugins.analyses.trajectory.kernel import AT
from lmctool_plugins.analyses.trajectory.record import THEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lmctool.api import Result, ScoreMetric, Variable

    Variables = Mapping[str, Variable]


def tabulate(result: Result) -> Table:
    """Show each interpolant beside the children at the last step and where it gains most."""
    metrics = shown_metrics(result)
    rows = list(_rows(metrics, *_groups(result, "trajectory"), shown=None))
    if "trajectory/parts/curve" in result.groups:
        groups = _groups(result, "trajectory/parts")
        for number, part in enumerate(groups[0]["part"].values):
            rows += _rows(metrics[:2], *groups, number, f" {part}", shown=last(groups[1]))
    attributes = result.groups["trajectory/summary"].attributes
    runs = attributes["runs"]
    count = len(runs) if isinstance(runs, list) else 0
    how = f"{attributes['interpolant']}, BatchNorm {attributes['batchnorm']}"
    shares = ", ".join(metric.name for metric in metrics if metric.percent)
    return Table(
        f"Trajectory of {count} runs ({how})",
        (
            *("split", "metric", "variant", "at", "step", "mean of runs", "best run"),
            *("interpolant", "over mean", "over best"),
        ),
        tuple(rows),
        (
            "over mean, over best: what the interpolant gains, positive where it is better"
            + (f"; of {shares} in percentage points" if shares else ""),
            *fall_notes(metrics),
        ),
        keys=5,
    )


def _groups(result: Result, path: str) -> tuple[Variables, Variables, Variables]:
    curve, gain, summary = (
        result.groups[f"{path}/{name}"].variables for name in ("curve", "gain", "summary")
    )
    return curve, gain, summary


def last(gain: Variables) -> int:
    """Return the row of the last variant of the interpolant itself: the most corrected one."""
    return max(row for row, name in enumerate(gain["variant"].values) if name != THEN)


def _rows(
    metrics: Sequence[ScoreMetric],
    curve: Variables,
    gain: Variables,
    summary: Variables,
    part: int | None = None,
    suffix: str = "",
    *,
    shown: int | None,
) -> Iterator[tuple[str, ...]]:
    """Give a row for each split, metric, interpolant, and the last and the best step of it.

    Args:
        metrics: which metrics to show.
        curve: the curves, with or without parts.
        gain: the gains.
        summary: the gains at the last and the best step.
        part: which part of the splits, where they have some.
        suffix: what is added to the name of a split.
        shown: the only variant to show; None for all.
    """
    steps = curve["step"].values
    names = [str(name) for name in curve["network"].values]
    variants = range(len(gain["variant"].values)) if shown is None else [shown]
    for (s, split), metric in product(enumerate(curve["split"].values), metrics):
        where: Any = (slice(None), s) if part is None else (slice(None), s, part)
        for v in variants:
            variant = str(gain["variant"].values[v])
            values = curve[metric.name].values[where][names.index(variant)]
            gains = gain[f"gain_{metric.name}"].values[v][where]
            for at, step in zip(
                AT, summary[f"step_{metric.name}"].values[v][where][0], strict=True
            ):
                column = int(np.searchsorted(steps, step))
                own, over = values[column], gains[:, column]
                runs = metric.as_cost(metric.as_cost(own) + over)
                yield (
                    *(f"{split}{suffix}", metric.name, variant, at, str(step)),
                    *(_text(metric.text, value) for value in (*runs, own)),
                    *(_text(metric.signed, amount) for amount in over),
                )


def _text(shown: Callable[[float], str], value: float) -> str:
    return shown(value) if np.isfinite(value) else "-"
