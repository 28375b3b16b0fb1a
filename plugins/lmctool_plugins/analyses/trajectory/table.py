"""A trajectory result as a table."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Table
from lmctool_plugins.analyses.trajectory.kernel import AT
from lmctool_plugins.analyses.trajectory.record import THEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.api import Result, Variable

    Variables = Mapping[str, Variable]

FORMS = (("error", "{:.2%}", "{:+.2f}", 100), ("loss", "{:.4f}", "{:+.4f}", 1))
"""Each metric with the form of its values, and the form and the factor of its gains."""


def tabulate(result: Result) -> Table:
    """Show each interpolant beside the children at the last step and where it gains most."""
    rows = list(_rows(*_groups(result, "trajectory"), shown=None))
    if "trajectory/parts/curve" in result.groups:
        parted = _groups(result, "trajectory/parts")
        for number, part in enumerate(parted[0]["part"].values):
            rows += _rows(*parted, number, f" {part}", shown=last(parted[1]))
    said = result.groups["trajectory/summary"].attributes
    runs = said["runs"]
    count = len(runs) if isinstance(runs, list) else 0
    return Table(
        f"Trajectory of {count} runs ({said['interpolant']}, BatchNorm {said['batchnorm']})",
        (
            *("split", "metric", "variant", "at", "step", "mean of runs", "best run"),
            *("interpolant", "over mean", "over best"),
        ),
        tuple(rows),
        (
            "over mean, over best: what the interpolant gains, positive where it is better;"
            " of error in percentage points",
        ),
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
    curve: Variables,
    gain: Variables,
    summary: Variables,
    part: int | None = None,
    told: str = "",
    *,
    shown: int | None,
) -> Iterator[tuple[str, ...]]:
    """Give a row for each split, metric, interpolant, and the last and the best step of it.

    Args:
        curve: the curves, with or without parts.
        gain: the gains.
        summary: the gains at the last and the best step.
        part: which part of the splits, where they have some.
        told: what is added to the name of a split.
        shown: the only variant to show; None for all.
    """
    steps = curve["step"].values
    names = [str(name) for name in curve["network"].values]
    variants = range(len(gain["variant"].values)) if shown is None else [shown]
    for (s, split), (metric, form, gained, factor) in product(
        enumerate(curve["split"].values), FORMS
    ):
        where: Any = (slice(None), s) if part is None else (slice(None), s, part)
        for v in variants:
            variant = str(gain["variant"].values[v])
            values = curve[metric].values[where][names.index(variant)]
            gains = gain[f"gain_{metric}"].values[v][where]
            for at, step in zip(AT, summary[f"step_{metric}"].values[v][where][0], strict=True):
                column = int(np.searchsorted(steps, step))
                own, over = values[column], gains[:, column]
                yield (
                    *(f"{split}{told}", metric, variant, at, str(step)),
                    *(_shown(form, own + amount) for amount in over),
                    _shown(form, own),
                    *(_shown(gained, factor * amount) for amount in over),
                )


def _shown(form: str, value: float) -> str:
    return form.format(value) if np.isfinite(value) else "-"
