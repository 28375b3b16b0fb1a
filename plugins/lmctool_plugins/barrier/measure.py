"""Evaluating every variant of the path, and taking its barriers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LmctoolError, Result, Variable
from lmctool_plugins.barrier.kernel import around, barrier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmctool.api import Curves, Run

    Array = NDArray[np.float64]


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


def measure(run: Run, points: int, alphas: str | None, refine: bool, definition: str) -> Result:
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
